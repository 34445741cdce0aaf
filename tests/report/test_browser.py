"""The page in a real browser: curves are seen, controls work, nothing complains."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from synthetic import make_campaign

from campaign.report.build import build_report

pytestmark = pytest.mark.browser

WIDE_PATHS = (
    "[...document.querySelectorAll('#correct-rate .chart path')]"
    ".filter((path) => path.getBBox().width > 20 && path.getBBox().height > 2).length"
)
CURVES = "figure .chart svg path[d*='L']"


def _open(browser: Any, page: Path, *, width: int = 1280, dark: bool = False) -> None:
    scheme = "dark" if dark else "light"
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get_log("browser")
    browser.get(page.as_uri())
    _wait(browser, "return document.documentElement.dataset.ready === 'true'")


def _wait(browser: Any, script: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not browser.execute_script(script):
        assert time.monotonic() < deadline, f"never came true: {script}"
        time.sleep(0.05)


def _visible(browser: Any, selector: str) -> list[Any]:
    script = """return [...document.querySelectorAll(arguments[0])].filter(
        (path) => path.getBBox && path.getBBox().width > 20 && path.getBBox().height > 2)"""
    found: list[Any] = browser.execute_script(script, selector)
    return found


def _complaints(browser: Any) -> list[str]:
    return [
        entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")
    ]


def test_page_draws_every_figure_without_errors(browser: Any, report_page: Path) -> None:
    _open(browser, report_page)
    figures = browser.execute_script("return document.querySelectorAll('[data-figure]').length")
    drawn = browser.execute_script("return document.querySelectorAll('[data-drawn] svg').length")
    assert figures == drawn >= 15
    assert len(_visible(browser, CURVES)) >= 2 * figures
    assert _complaints(browser) == []


def test_curve_of_a_single_evaluation_is_seen(browser: Any, tmp_path: Path) -> None:
    _open(browser, build_report(make_campaign(tmp_path / "c", steps=6)))
    dots = """return [...document.querySelectorAll('#val-correct-rate .chart path')].filter((path) => {
        const box = path.getBBox(), style = getComputedStyle(path);
        return box.width > 3 && box.width < 12 && style.fill !== 'none' && style.opacity > 0.5 }).length"""
    assert browser.execute_script(dots) >= 2


def test_page_fetches_nothing_while_it_is_shown(browser: Any, report_page: Path) -> None:
    _open(browser, report_page)
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_page_shows_each_seed_on_demand_by_keyboard(browser: Any, report_page: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    _open(browser, report_page)
    before = len(_visible(browser, "#correct-rate .chart path"))
    box = browser.find_element(By.CSS_SELECTOR, "input[data-each-seed]")
    box.send_keys(Keys.SPACE)
    _wait(browser, f"return {WIDE_PATHS} >= {before + 6}")


def test_page_hides_a_condition_by_its_button(browser: Any, report_page: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    _open(browser, report_page)
    button = browser.find_element(By.CSS_SELECTOR, "button[data-condition]")
    before = len(_visible(browser, "#correct-rate .chart path"))
    button.send_keys(Keys.ENTER)
    assert button.get_attribute("aria-pressed") == "false"
    _wait(browser, f"return {WIDE_PATHS} < {before}")


def test_page_details_open_by_keyboard(browser: Any, report_page: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    _open(browser, report_page)
    summary = browser.find_element(By.CSS_SELECTOR, "#provenance details summary")
    summary.send_keys(Keys.ENTER)
    assert browser.execute_script("return document.querySelector('#provenance details').open")


@pytest.mark.parametrize("width", [320, 390, 800, 1400])
def test_page_is_never_wider_than_the_screen(browser: Any, report_page: Path, width: int) -> None:
    _open(browser, report_page, width=width)
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


def test_page_with_long_names_is_never_wider_than_a_phone(browser: Any, tmp_path: Path) -> None:
    conditions = {"maxrl+gtpo_sepa~" + "a_long_name=" * 6: {}, "x" * 80: {"algorithm": {"kl_coef": 0.1}}}
    _open(browser, build_report(make_campaign(tmp_path / "c", conditions, steps=20)), width=375)
    assert browser.execute_script("return document.documentElement.scrollWidth <= 375")


def test_page_landmarks_have_distinct_names(browser: Any, report_page: Path) -> None:
    _open(browser, report_page)
    script = """return [...document.querySelectorAll("section[aria-labelledby], [role=region]")]
        .map((part) => part.getAttribute("aria-label")
          || document.getElementById(part.getAttribute("aria-labelledby")).textContent)"""
    names = browser.execute_script(script)
    assert len(names) == len(set(names)) >= 8


def test_printed_page_keeps_the_key_to_the_colours_and_lets_tall_verdicts_break(
    browser: Any, report_page: Path
) -> None:
    _open(browser, report_page)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    script = """return [
        [...document.querySelectorAll("button[data-condition]")].every((key) => key.offsetHeight > 0),
        getComputedStyle(document.querySelector(".verdict .word")).printColorAdjust,
        getComputedStyle(document.querySelector(".card.verdict")).breakInside,
        getComputedStyle(document.querySelector("figure")).breakInside]"""
    try:
        assert browser.execute_script(script) == [True, "exact", "auto", "avoid"]
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.mark.parametrize("dark", [False, True])
def test_page_text_has_sufficient_contrast(browser: Any, report_page: Path, dark: bool) -> None:
    """Contrast of the WCAG, at least 4.5:1 for text and for the muted text of axes."""
    _open(browser, report_page, dark=dark)
    script = """
    const style = getComputedStyle(document.documentElement);
    const light = (name) => {
      const hex = style.getPropertyValue(name).trim().slice(1);
      const parts = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
        .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
      return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
    return {
      text: Math.min(...["--ink", "--muted", "--accent", "--good", "--bad", "--warn"].map((c) => ratio(c, "--card"))),
      lines: Math.min(...[0, 1, 2, 3, 4, 5, 6, 7].map((c) => ratio(`--c${c}`, "--card"))),
    };"""
    found = browser.execute_script(script)
    assert found["text"] >= 4.5
    assert found["lines"] >= 2.7


def test_page_with_hostile_text_runs_none_of_it(browser: Any, tmp_path: Path) -> None:
    from test_page import HOSTILE, _hostile_campaign

    evil = "".join(HOSTILE)
    page = build_report(_hostile_campaign(tmp_path / "c", evil))
    _open(browser, page)
    assert browser.execute_script("return window.pwned") is None
    assert browser.execute_script("return document.querySelector('h1').textContent.includes('</script>')")
    assert _complaints(browser) == []
