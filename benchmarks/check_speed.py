"""Speed of `campaign check`: five variants from the command line, and a thousand modules, relative to
`ast.parse`.

Prints one JSON object. Ratios compare measurements of one run, so they are valid on a busy machine too.

    python benchmarks/check_speed.py [--modules 1000] [--repeat 15]
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "cluster_only" / "check.toml"
FAMILY = ROOT / "examples" / "cluster_only" / "reward_shaping"


def command(*arguments: str) -> float:
    """Wall seconds of one `campaign` command, its modules compiled before as after any installation."""
    cached = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "campaign", *arguments],
        cwd=ROOT,
        env=cached,
        check=False,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - begun


def five_variants(repeat: int) -> dict[str, float]:
    """`campaign check` on the shipped family beside `campaign --help`, in turns."""
    helps, checks = [], []
    for _ in range(repeat):
        helps.append(command("--help"))
        checks.append(command("check", str(EXAMPLE)))
    beyond = statistics.median(check - base for check, base in zip(checks, helps, strict=True))
    return {
        "help_s": round(statistics.median(helps), 4),
        "check_s": round(statistics.median(checks), 4),
        "beyond_help_s": round(beyond, 4),
    }


def many_modules(count: int) -> dict[str, float]:
    """A reference and `count` variants of the size of the shipped ones, each parsed and evaluated with
    its base."""
    from campaign.check import Declaration, prove

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("_base.py", "_site.py"):
            (root / name).write_text((FAMILY / name).read_text())
        text = (FAMILY / "potential_based.py").read_text()
        names = [f"variant_{index:04d}.py" for index in range(count)]
        for index, name in enumerate(names):
            (root / name).write_text(text.replace("GAMMA = 0.99", f"GAMMA = {0.5 + index / 1e4:.4f}"))
        (root / "reference.py").write_text(text)
        begun, cpu = time.perf_counter(), sum(os.times()[:4])
        declaration = Declaration(
            "reference.py",
            tuple(names),
            "names:config",
            ("DebateMetrics.reward_shaping_params",),
            ("output_dir", "checkpoints.folder", "tracker.run_name"),
        )
        result = prove(declaration, root)
        seconds, cpu_seconds = time.perf_counter() - begun, sum(os.times()[:4]) - cpu
        assert result.verdict == "proven", result.variants[0].findings[:3]
        begun_cpu = time.process_time()
        size = 0
        for name in names:
            source = (root / name).read_text()
            size += len(source)
            ast.parse(source)
        parsing = time.process_time() - begun_cpu
    return {
        "modules": count,
        "wall_s": round(seconds, 3),
        "cpu_s": round(cpu_seconds, 3),
        "modules_per_cpu_s": round(count / cpu_seconds, 1),
        "ast_parse_cpu_s": round(parsing, 3),
        "ast_parse_mb_per_s": round(size / 1e6 / parsing, 2),
        "ratio_to_ast_parse": round(cpu_seconds / parsing, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=15)
    options = parser.parse_args()
    answer = {"five_variants": five_variants(options.repeat), "many_modules": many_modules(options.modules)}
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")


if __name__ == "__main__":
    main()
