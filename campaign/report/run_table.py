"""The runs of a campaign as a table, for the prompt of Python and for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from campaign.report.campaign_record import RunEntry

MOST_ROWS = 40
"""Runs that are displayed: the first and the last ones of more."""
HEADER = ("run", "state", "steps", "attempts")


class RunTable(tuple[RunEntry, ...]):
    """A tuple of runs that is displayed as a table."""

    __slots__ = ()

    def __repr__(self) -> str:
        rows = [HEADER, *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
        return "\n".join((*lines, self._count()))

    def _repr_html_(self) -> str:
        return html_table(self._count(), HEADER, self._rows())

    def _count(self) -> str:
        states: dict[str, int] = {}
        for run in self:
            states[run.shown_state] = states.get(run.shown_state, 0) + 1
        return f"{len(self)} runs: {', '.join(f'{number} {state}' for state, number in states.items()) or 'none'}"

    def _rows(self) -> list[Sequence[str]]:
        if len(self) <= MOST_ROWS:
            return [_row(run) for run in self]
        half = MOST_ROWS // 2
        left_out = (f"... {len(self) - MOST_ROWS} more", "", "", "")
        return [*map(_row, self[:half]), left_out, *map(_row, self[-half:])]


def _row(run: RunEntry) -> Sequence[str]:
    steps = f"{run.steps}/{run.planned_steps}" if run.planned_steps else str(run.steps)
    return tuple(
        "".join(letter if letter.isprintable() else " " for letter in cell)
        for cell in (run.id, run.shown_state, steps, str(run.attempts))
    )


def html_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with a title as HTML; all strings are escaped."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<b>{escape(title)}</b><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
