"""Build time, time to first paint and size of a report of 40 runs x 500 steps.

    python benchmarks/report_speed.py

Times depend on the machine, so the build time is also printed as a multiple of a fixed reference task.
Exit code 1 when the page is larger than 6 MiB, or takes more than 5 s to build or 1 s to first paint.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "report"))

CONDITIONS = {f"condition {number}": {"algorithm": {"kl_coef": number / 100}} for number in range(5)}
SEEDS = tuple(range(8))
STEPS = 500
LIMITS = {"build_s": 5.0, "first_paint_s": 1.0, "page_mib": 6.0}
REPEATS = 3


def main() -> int:
    from synthetic import make_campaign

    from campaign.report.build import build_report

    with tempfile.TemporaryDirectory() as temporary:
        folder = make_campaign(Path(temporary) / "large", CONDITIONS, SEEDS, STEPS)
        yardstick = statistics.median(seconds(fixed_work) for _ in range(REPEATS))
        began_cpu = os.times()
        build = [seconds(lambda: build_report(folder)) for _ in range(REPEATS)]
        ended_cpu = os.times()
        page = folder / "report" / "index.html"
        cpu = sum(ended_cpu[:4]) - sum(began_cpu[:4])
        paint = first_paint(page)
        size = page.stat().st_size / 2**20
    found = {
        "runs": len(CONDITIONS) * len(SEEDS),
        "steps": STEPS,
        "build_s": round(min(build), 2),
        "build_cpu_s": round(cpu / REPEATS, 2),
        "build_in_yardsticks": round(min(build) / yardstick, 1),
        "first_paint_s": paint,
        "page_mib": round(size, 2),
        "yardstick_s": round(yardstick, 3),
        "load": os.getloadavg()[0],
    }
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return int(any(found[name] is not None and found[name] > limit for name, limit in LIMITS.items()))


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def fixed_work() -> int:
    """A piece of plain Python: what the time to build is measured in."""
    return sum(len(json.dumps({"step": step, "values": [step / 7] * 8})) for step in range(15_000))


def first_paint(page: Path) -> float | None:
    """Seconds to the first contentful paint in headless Chromium, median; None where there is none."""
    from conftest import FLAGS

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        return None
    from selenium import webdriver

    with tempfile.TemporaryDirectory() as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        session = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
        try:
            return round(statistics.median(_paint(session, page) for _ in range(REPEATS)) / 1000, 3)
        finally:
            session.quit()


def _paint(session: Any, page: Path) -> float:
    session.get(page.as_uri())
    deadline = time.monotonic() + 60
    while session.execute_script("return document.documentElement.dataset.ready") != "true":
        if time.monotonic() > deadline:
            raise TimeoutError("the page was never ready")
        time.sleep(0.1)
    script = "return performance.getEntriesByName('first-contentful-paint')[0].startTime"
    return float(session.execute_script(script))


if __name__ == "__main__":
    raise SystemExit(main())
