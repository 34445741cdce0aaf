"""Time and memory of planning 10,000 runs, for two shapes of campaign.

    python benchmarks/plan_speed.py

`wide` is 10 conditions with 1,000 seeds, `factors` is 10,000 combinations with one seed, so that every run
has a different configuration. Each is loaded and resolved in a fresh process, without facts and with facts
for half of the runs. The limits are 2 s of CPU and 300 MB. The last column relates the time to one start of
Python with pydantic: a unit in which the machine's own speed cancels out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS, MEGABYTES = 2.0, 300.0

SHAPES = {
    "wide": "[campaign]\nseeds = [{seeds}]\n[campaign.factors]\ntraining.lr = [{tens}]\n".format(
        seeds=", ".join(map(str, range(1000))), tens=", ".join(f"{i}e-4" for i in range(1, 11))
    ),
    "factors": "[campaign]\nseeds = [1]\n[campaign.factors]\n{axes}".format(
        axes="".join(
            f"{field} = [{', '.join(str(scale * i) for i in range(1, 11))}]\n"
            for field, scale in (
                ("training.lr", 1e-4),
                ("gtpo.beta", 0.05),
                ("hicra.alpha", 0.1),
                ("kl_coef", 0.01),
            )
        )
    ),
}

MEASURE = """
import json, resource, sys, time
from pathlib import Path
started = time.process_time()
import pydantic
start_up = time.process_time()
from campaign.spec.load import load
from campaign.spec.resolve import resolve
from campaign.spec.identity import identity_fields
from campaign.spec.planned_runs import Facts, RunFacts
imported = time.process_time()
spec = load(Path(sys.argv[1]))
loaded = time.process_time()
plan = resolve(spec)
resolved = time.process_time()
facts = Facts(runs={
    run.id: RunFacts("done", run.identity if i % 4 else "v1:other", identity_fields(run.config), last_step=99)
    for i, run in enumerate(plan.runs) if i % 2
})
began = time.process_time()
resolve(spec, facts)
again = time.process_time() - began
print(json.dumps({
    "runs": len(plan.runs), "python": start_up, "import": imported - start_up, "load": loaded - imported,
    "resolve": resolved - loaded, "with_facts": again,
    "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def main() -> int:
    worst = 0
    sys.stdout.write(
        "shape     runs   load s  resolve s  with facts s   total s     MB  total / start of Python\n"
    )
    for name, text in SHAPES.items():
        with tempfile.TemporaryDirectory() as folder:
            spec = Path(folder) / f"{name}.toml"
            spec.write_text(text, encoding="utf-8")
            done = subprocess.run(
                [sys.executable, "-c", MEASURE, str(spec)], capture_output=True, text=True, check=True
            )
        found = json.loads(done.stdout)
        total = found["import"] + found["load"] + max(found["resolve"], found["with_facts"])
        columns = (
            found["load"],
            found["resolve"],
            found["with_facts"],
            total,
            found["mb"],
            total / found["python"],
        )
        figures = "{:>8.2f} {:>10.2f} {:>13.2f} {:>9.2f} {:>6.0f} {:>10.1f}".format(*columns)
        sys.stdout.write(f"{name:8} {found['runs']:>6,} {figures}\n")
        worst = max(worst, total > SECONDS, found["mb"] > MEGABYTES)
    sys.stdout.write(f"limits: {SECONDS:g} s, {MEGABYTES:g} MB: {'missed' if worst else 'held'}\n")
    return int(worst)


if __name__ == "__main__":
    raise SystemExit(main())
