"""Progress of the runs: a table that is redrawn in place on a terminal, occasional lines elsewhere."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from campaign.execution.progress import RECENT_STEPS
from campaign.execution.view import CampaignView, RunView
from campaign.folder.states import FAILED, RunState

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

PLAIN_EVERY_S = 30.0
LONGEST_NAME = 48
LONGEST_METRIC = 24
STATE_WIDTH, LEFT_WIDTH = 11, 7
MOST_ERRORS = 3
ORDER: dict[RunState, int] = {
    "running": 0, "starting": 1, "lost": 2, "queued": 3, "failed": 4, "short": 5, "interrupted": 6, "pending": 7,
    "cancelled": 8, "done": 9,
}  # fmt: skip
"""Which runs are shown first when not all fit on the screen."""
STYLES: dict[RunState, str] = {
    "running": "cyan", "starting": "cyan", "queued": "dim", "pending": "dim", "lost": "yellow",
    "interrupted": "yellow", "done": "green", "failed": "bold red", "short": "bold red", "cancelled": "magenta",
}  # fmt: skip


class Display(Protocol):
    """Shows the progress of a campaign."""

    def update(self, view: CampaignView) -> None: ...

    def show_message(self, text: str) -> None:
        """Show `text` with the next update. Prints nothing itself, so that a signal handler may call it."""

    def close(self) -> None: ...


def display(console: Console, hint: str = "") -> Display:
    """The display for a terminal or for a pipe, whichever `console` writes to. `hint`: one line below the table."""
    if console.is_terminal and os.environ.get("TERM") != "dumb":
        return TerminalDisplay(console, hint)
    return PlainDisplay(console)


class TerminalDisplay:
    """One line per run, redrawn in place."""

    def __init__(self, console: Console, hint: str) -> None:
        from rich.live import Live

        self._console = console
        self._hint = hint
        self._said: set[str] = set()
        self._live: Live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()

    def update(self, view: CampaignView) -> None:
        columns, lines = _terminal_size(self._console)
        self._console.width = columns
        for sentence in view.unlogged:
            if sentence not in self._said:
                self._said.add(sentence)
                self._live.console.print(sentence, style="yellow")  # scrolls away above the table
        self._live.update(table(view, columns, lines - 1, self._hint), refresh=True)

    def show_message(self, text: str) -> None:
        self._hint = text

    def close(self) -> None:
        self._live.stop()


class PlainDisplay:
    """For logs and pipes: a line when a run starts or ends, and a summary every half minute."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._states: dict[str, RunState] = {}
        self._messages: list[str] = []
        self._said: set[str] = set()
        self._next = time.monotonic() + PLAIN_EVERY_S

    def update(self, view: CampaignView) -> None:
        lines = list(self._messages)
        del self._messages[: len(lines)]
        for run in view.runs:
            before = self._states.get(run.id, "pending")
            if run.state != before and run.state not in ("queued", "starting", "pending"):
                lines.append(_plain_line(run, view.metric))
            self._states[run.id] = run.state
        lines += [sentence for sentence in view.unlogged if sentence not in self._said]
        self._said.update(view.unlogged)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PLAIN_EVERY_S
            lines.append(headline(view).plain)
        for line in lines:
            self._console.print(line, soft_wrap=True)

    def show_message(self, text: str) -> None:
        self._messages.append(text)

    def close(self) -> None:
        """Does nothing: there is no live display to stop."""


def table(view: CampaignView, columns: int, lines: int, hint: str = "") -> Group:
    """The campaign in at most `lines` lines of `columns` columns."""
    from rich.console import Group
    from rich.text import Text

    room = lines - 3 - bool(hint)
    failed = [run for run in view.runs if run.state in FAILED][: min(MOST_ERRORS, room - 2)]
    legend = room > len(view.runs) + len(failed)
    rows, left = _visible(view.runs, room - len(failed) - legend)
    layout = Layout.of(rows, view.metric, columns)
    parts: list[Text] = [_cut(headline(view), columns), Text(), layout.header()]
    parts += [layout.line(run) for run in rows]
    if left:
        parts.append(_cut(Text(f"... {_rest(left)}", style="dim"), columns))
    parts += [_cut(Text(f"{run.id}: {one_line(run.error)}", style="red"), columns) for run in failed]
    if legend:
        parts.append(_cut(Text(_legend(view.metric), style="dim"), columns))
    if hint:
        parts.append(_cut(Text(hint, style="dim"), columns))
    return Group(*parts)


def headline(view: CampaignView) -> Text:
    """`name  3/6 done, 2 running, 1 failed  about 0:42 left`."""
    from rich.text import Text

    line = Text(view.name, style="bold")
    done = sum(run.shown_state == "done" for run in view.runs)
    parts = [f"{done}/{len(view.runs)} done"]
    for states, word in (
        (("running", "starting"), "running"), (("failed",), "failed"), (("short",), "short"), (("lost",), "lost"),
        (("interrupted",), "interrupted"), (("cancelled",), "cancelled"),
    ):  # fmt: skip
        number = view.count(*states)
        if number:
            parts.append(f"{number} {word}")
    if view.stale:
        parts.append(f"{len(view.stale)} stale")
    line.append("  " + ", ".join(parts), style="not bold")
    if view.eta_s is not None:
        line.append(f"  about {clock(view.eta_s)} left", style="dim not bold")
    return line


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of the table: name, state, finished steps, recent value of the headline metric, time left."""

    columns: int
    metric: str
    name: int
    steps: int
    value: int

    @classmethod
    def of(cls, runs: list[RunView], metric: str, columns: int) -> Layout:
        """The name gets what the other columns leave, at most the length of the longest name."""
        steps = max([4, *(len(_steps(run)) for run in runs)])
        value = max([6, min(len(metric), LONGEST_METRIC, columns // 6), *(len(_value(run)) for run in runs)])
        others = 2 + STATE_WIDTH + 2 + steps + 2 + value + 2 + LEFT_WIDTH
        longest = max([3, *(len(run.id) for run in runs)])
        return cls(columns, metric, max(8, min(longest, LONGEST_NAME, columns - others)), steps, value)

    def header(self) -> Text:
        from rich.text import Text

        metric = shortened(self.metric, self.value)
        line = (
            f"{'run':<{self.name}}  {'state':<{STATE_WIDTH}}  {'step':>{self.steps}}  {metric:>{self.value}}"
        )
        return _cut(Text(f"{line}  {'left':>{LEFT_WIDTH}}", style="dim"), self.columns)

    def line(self, run: RunView) -> Text:
        """One run, with a progress bar if it fits."""
        from rich.text import Text

        left = "" if run.eta_s is None else clock(run.eta_s)
        line = Text(f"{shortened(run.id, self.name):<{self.name}}  ")
        style = STYLES[run.state] if run.shown_state == run.state else "magenta"
        line.append(f"{run.shown_state:<{STATE_WIDTH}}", style=style)
        line.append(f"  {_steps(run):>{self.steps}}  {_value(run):>{self.value}}")
        line.append(f"  {left:>{LEFT_WIDTH}}", style="dim")
        free = self.columns - line.cell_len - 2
        if free >= 14:
            line.append("  " + _bar(run, min(free, 30)), style=STYLES[run.state])
        if run.attempt > 1 and self.columns - line.cell_len > 13:
            line.append(f"  attempt {run.attempt}", style="dim")
        line.rstrip()
        return _cut(line, self.columns)


def number(value: float) -> str:
    """A value of any metric in few columns: `.25`, `-3.41`, `1.2e+04`."""
    if value and not 0.001 <= abs(value) < 10_000:
        return f"{value:.2g}"
    text = f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def _legend(metric: str) -> str:
    what = "last evaluation" if metric.startswith("val/") else f"mean of the last {RECENT_STEPS} steps"
    return f"{metric}: {what}"


def _steps(run: RunView) -> str:
    return f"{run.steps}/{run.max_steps}"


def _value(run: RunView) -> str:
    return "-" if run.value is None else number(run.value)


def shortened(text: str, width: int) -> str:
    """`text` in `width` columns with its middle cut out: names differ at their beginning and end."""
    if len(text) <= width:
        return text
    head = (width - 2) // 2
    return f"{text[:head]}..{text[len(text) - (width - 2 - head) :]}"


def one_line(text: str) -> str:
    """`text` without line ends and control characters, which the output of a core may contain."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def clock(seconds: float) -> str:
    """`0:42`, `12:05`, `3:07:00`, `2d 04h`."""
    whole = round(seconds)
    if whole >= 48 * 3600:
        return f"{whole // 86400}d {whole % 86400 // 3600:02d}h"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _visible(runs: tuple[RunView, ...], lines: int) -> tuple[list[RunView], list[RunView]]:
    """The runs to show, in the order of the plan, and the rest."""
    if len(runs) <= lines:
        return list(runs), []
    ranked = sorted(range(len(runs)), key=lambda index: (ORDER[runs[index].state], index))
    visible = set(ranked[: max(1, lines - 1)])
    return [run for i, run in enumerate(runs) if i in visible], [
        r for i, r in enumerate(runs) if i not in visible
    ]


def _rest(runs: list[RunView]) -> str:
    counts: dict[str, int] = {}
    for run in runs:
        counts[run.state] = counts.get(run.state, 0) + 1
    return "and " + ", ".join(f"{number} {state}" for state, number in counts.items())


def _bar(run: RunView, width: int) -> str:
    full = round(width * min(1.0, run.steps / run.max_steps)) if run.max_steps else 0
    return "━" * full + " " * (width - full)


def _cut(line: Text, columns: int) -> Text:
    line.truncate(columns, overflow="ellipsis")
    line.no_wrap = True
    return line


def _plain_line(run: RunView, metric: str) -> str:
    value = "" if run.value is None else f", {metric} {number(run.value)}"
    error = f": {one_line(run.error)}" if run.error and run.state in (*FAILED, "lost") else ""
    stale = " (stale)" if run.stale else ""
    return f"{run.id}: {run.state}{stale} at step {run.steps}/{run.max_steps}{value}{error}"


def _terminal_size(console: Console) -> tuple[int, int]:
    """Read before every update, because a window may be resized."""
    columns = os.environ.get("COLUMNS", "")
    try:
        size = os.get_terminal_size(console.file.fileno())
    except (OSError, ValueError):
        return console.width, console.height
    fixed = int(columns) if columns.isdecimal() else 0
    return fixed or max(20, size.columns), max(6, size.lines)
