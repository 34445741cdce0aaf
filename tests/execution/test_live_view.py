"""What a person sees: every width, every state, no terminal."""

from __future__ import annotations

import io
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from campaign.cli.views.live_table import PlainDisplay, clock, display, shortened, table
from campaign.cli.views.outcome_tables import show_conditions, show_next
from campaign.execution.view import CampaignView, ConditionView, RunView
from campaign.folder.states import RunState

STATES: tuple[RunState, ...] = get_args(RunState)


def run_view(**fields: Any) -> RunView:
    values: dict[str, Any] = {
        "id": "base_s1", "condition": "base", "seed": 1, "state": "running", "steps": 5, "max_steps": 100,
        "value": 0.25, "eta_s": 42.0, "attempt": 1, "failures": 0, "losses": 0, "error": "",
    }  # fmt: skip
    return RunView(**{**values, **fields})


def view(runs: list[RunView], **fields: Any) -> CampaignView:
    values = {
        "name": "small",
        "controller": 7,
        "metric": "correct_rate",
        "runs": tuple(runs),
        "conditions": (),
        "eta_s": 60.0,
    }
    return CampaignView(**{**values, **fields})


def printed(shown: CampaignView, columns: int, lines: int = 30) -> list[str]:
    console = Console(file=io.StringIO(), width=columns, color_system=None)
    console.print(
        table(shown, columns, lines, hint="Ctrl-C stops: the runs save their state, and submit resumes them")
    )
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


runs = st.builds(
    run_view,
    id=st.text("abcdefgh+~=._", min_size=1, max_size=90),
    state=st.sampled_from(STATES),
    steps=st.integers(0, 10**6),
    max_steps=st.integers(1, 10**6),
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    eta_s=st.none() | st.floats(0, 10**7),
    attempt=st.integers(0, 99),
    error=st.text(max_size=200),
)


@given(st.lists(runs, max_size=12), st.integers(45, 200), st.integers(8, 20))
@settings(max_examples=60, deadline=None)
def test_live_table_fits_the_window(shown: list[RunView], columns: int, lines: int) -> None:
    rows = printed(view(shown), columns, lines)
    assert len(rows) <= lines
    assert all(len(row) <= columns for row in rows)


def test_in_sixty_columns_a_run_still_shows_all_that_matters() -> None:
    rows = printed(view([run_view(id="maxrl+gtpo_sepa~training.lr=0.0001_s101")]), 60)
    assert rows[2].split() == ["run", "state", "step", "corr..rate", "left"]
    assert rows[3].split() == ["maxrl+gt..0001_s101", "running", "5/100", ".250", "0:42"]
    assert rows[4] == "correct_rate: mean of the last 10 steps"


def test_names_keep_their_ends() -> None:
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("abcdefghijkl", 10) == "abcd..ijkl"


def test_with_too_many_runs_the_active_ones_are_shown_and_the_others_counted() -> None:
    many = [run_view(id=f"r_s{seed}", state="done") for seed in range(100)]
    many[70] = run_view(id="r_s70", state="running")
    rows = printed(view(many), 80, lines=12)
    assert any(row.startswith("r_s70") for row in rows)
    assert any("... and" in row and "done" in row for row in rows)


def test_failed_run_reports_the_reason() -> None:
    rows = printed(view([run_view(state="failed", error="ValueError: no such token")]), 80)
    assert "base_s1: ValueError: no such token" in rows


def test_output_without_a_terminal_is_a_line_per_change_without_colour() -> None:
    console = Console(file=io.StringIO(), width=80)
    plain = display(console)
    assert isinstance(plain, PlainDisplay)
    plain.update(view([run_view(state="pending")]))
    plain.update(view([run_view(state="running")]))
    plain.update(view([run_view(state="running", steps=6)]))
    plain.show_message("stopping")
    plain.update(view([run_view(state="done", steps=100, value=0.67)]))
    assert console.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "base_s1: running at step 5/100, correct_rate .250",
        "stopping",
        "base_s1: done at step 100/100, correct_rate .670",
    ]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (42.4, "0:42"), (59.9, "1:00"), (725, "12:05"), (11220, "3:07:00"), (187200, "2d 04h")],
)
def test_durations_read_like_a_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize("columns", [60, 80, 140])
def test_the_table_of_conditions_fits(columns: int) -> None:
    console = Console(file=io.StringIO(), width=columns, color_system=None, highlight=False)
    rated = ConditionView(
        "maxrl+gtpo_sepa~training.lr=0.0001,training.betas=0.9,0.99",
        3,
        3,
        0.671,
        0.013,
        "last held-out evaluation",
    )
    empty = ConditionView("base", 0, 3, None, None, None)
    show_conditions(view([], conditions=(rated, empty)), console)
    show_next(
        [("campaign status small", "every run"), ("campaign compare small " + "x" * 50, "a pair")], console
    )
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "0.671 ± 0.013" in lines[1]
    assert lines[1].split()[1] == "3/3"
    assert all(len(line) <= columns for line in lines if "compare" not in line)
