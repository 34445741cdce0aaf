"""The report as Markdown, for a paper's appendix or a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from campaign.report.captions import banner, command, figure, lede, proof_line, provenance, signed
from campaign.report.contents import Contents, Panel


def to_markdown(contents: Contents) -> str:
    """The whole report; figures are links into `figures/`."""
    parts = [*_head(contents), *_verdicts(contents), *_conditions(contents), *_figures(contents)]
    parts += [*_differences(contents), *_runs(contents), *_samples(contents), *_provenance(contents)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(contents: Contents) -> list[str]:
    record = contents.record
    warning = banner(record)
    return [f"# {text(record.name)}", lede(contents), f"> {warning}" if warning else ""]


def _verdicts(contents: Contents) -> list[str]:
    judgement = contents.judgement
    if judgement.refused:
        return ["## Verdicts", text(judgement.refused)]
    parts = ["## Verdicts"] if judgement.verdicts else []
    for card in judgement.cards:
        parts.append(f"### {text(card.label)}: {text(card.title)}")
        parts.append(text(card.reason))
        parts += [f"- {text(note)}" for note in card.notes]
        parts.append(table(["", ""], card.rows))
    return parts


def _conditions(contents: Contents) -> list[str]:
    record = contents.record
    header = [
        "condition",
        "runs done",
        "mean",
        "sd",
        "lowest",
        "highest",
        f"difference to {record.conditions[0]}",
    ]
    rows = [
        [
            line.condition, f"{line.done} of {line.runs}", figure(line.mean), figure(line.sd),
            figure(line.low), figure(line.high), signed(line.difference) if place else "baseline",
        ]
        for place, line in enumerate(contents.standings)
    ]  # fmt: skip
    about = f"One number a run: {text(contents.finals.how)}. Runs that are not complete do not count here."
    return ["## Conditions", about, table(header, rows, numbers_from=1)]


def _figures(contents: Contents) -> list[str]:
    groups: list[tuple[str, Sequence[Panel]]] = [
        ("Learning curves", contents.main),
        ("Seed by seed", contents.comparison),
        ("Entropy of the policy", contents.entropy),
        ("Fields and final value", contents.fields),
    ]
    parts = []
    for heading, panels in groups:
        if panels:
            parts.append(f"## {heading}")
            parts += [
                f"![{text(panel.title)}: {text(panel.description)}](figures/{panel.id}.svg)"
                for panel in panels
            ]
    return parts


def _differences(contents: Contents) -> list[str]:
    record = contents.record
    if not contents.differences:
        return []
    rows = [[code(row.path), *(code(value) for value in row.values)] for row in contents.differences]
    return ["## What differs", proof_line(record), table(["field", *record.conditions], rows, raw=True)]


def _runs(contents: Contents) -> list[str]:
    header = ["run", "state", "attempts", "steps", contents.finals.metric, "what happened"]
    rows = [
        [
            run.id, run.state, str(run.attempts),
            f"{run.steps} of {run.planned_steps}" if run.planned_steps else str(run.steps),
            figure(contents.finals.get(run)), run.error,
        ]
        for run in contents.record.runs
    ]  # fmt: skip
    return ["## Runs", table(header, rows)]


def _samples(contents: Contents) -> list[str]:
    parts = ["## Completions"] if contents.samples else []
    for row in contents.samples:
        parts.append(f"### {row.title}")
        for sample in row.samples:
            parts.append(f"**{text(sample.condition)}**, seed {sample.seed}, step {sample.step}")
            parts.append(block(f"{sample.prompt}{sample.completion}"))
    return parts


def _provenance(contents: Contents) -> list[str]:
    facts, _ = provenance(contents.record)
    rows = [[key, value] for key, value in facts]
    return ["## Provenance", block(command(contents.record)), table(["", ""], rows) if rows else ""]


def text(value: str) -> str:
    """Text in which nothing is markup."""
    for mark in "\\`*_{}[]<>#|!":
        value = value.replace(mark, f"\\{mark}")
    return " ".join(value.split())


def code(value: str) -> str:
    """A code span that holds any text, backticks and bars included."""
    plain = " ".join(value.split()).replace("|", "\\|")
    fence = "`" * (_longest_run(plain) + 1)
    pad = " " if "`" in plain else ""
    return f"{fence}{pad}{plain}{pad}{fence}" if plain else ""


def block(value: str) -> str:
    """A code block that no text can end."""
    fence = "`" * max(3, _longest_run(value) + 1)
    return f"{fence}text\n{value}\n{fence}"


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers_from: int | None = None,
    raw: bool = False,
) -> str:
    """A pipe table; cells are escaped unless `raw`. Columns from `numbers_from` on are right-aligned."""
    escape = (lambda cell: cell) if raw else text
    rule = [
        "---:" if numbers_from is not None and place >= numbers_from else "---"
        for place in range(len(header))
    ]
    lines = [[text(cell) for cell in header], rule, *([escape(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _longest_run(value: str) -> int:
    longest = run = 0
    for letter in value:
        run = run + 1 if letter == "`" else 0
        longest = max(longest, run)
    return longest
