"""The report as Markdown, for the appendix of a paper or a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from campaign.control_characters import visible
from campaign.redact import redact_text, secret_values
from campaign.report.base_configuration import base_configuration, value_text
from campaign.report.captions import (
    CANDIDATE_MINUS_BASELINE,
    banner,
    check_sentence,
    configuration_rule,
    difference_rule,
    format_signed,
    format_value,
    overview,
    provenance,
    submit_command,
)
from campaign.report.completion_rates import ABOUT as COMPLETIONS
from campaign.report.completion_rates import completion_rates
from campaign.report.contents import Contents, Panel
from campaign.report.factorial_effects import ABOUT as FACTORIAL
from campaign.report.factorial_effects import effect_interval, factorial_effects


def to_markdown(contents: Contents) -> str:
    """The complete report; figures are linked from `figures/`."""
    parts = [*_head(contents), *_verdicts(contents), *_conditions(contents), *_figures(contents)]
    parts += [*_completion_rates(contents), *_factorial_effects(contents)]
    parts += [
        *_differences(contents),
        *_configuration(contents),
        *_runs(contents),
        *_samples(contents),
        *_provenance(contents),
    ]
    return redact_text("\n\n".join(part for part in parts if part), secret_values()) + "\n"


def _head(contents: Contents) -> list[str]:
    record = contents.record
    warning = banner(record)
    return [f"# {text(record.name)}", overview(contents), f"> {text(warning)}" if warning else ""]


def _verdicts(contents: Contents) -> list[str]:
    judgement = contents.judgement
    if judgement.refused:
        return ["## Verdicts", text(judgement.refused)]
    parts = ["## Verdicts"] if judgement.verdicts else []
    for card in judgement.cards:
        parts.append(f"### {text(card.label)}: {text(card.title)}")
        parts.append(f"> Confounded: {text(card.confound)}." if card.confound else "")
        parts.append(text(card.reason))
        parts += [f"- {text(note)}" for note in card.notes]
        parts.append(table(["", ""], card.rows))
    return parts


def _conditions(contents: Contents) -> list[str]:
    header = [
        "condition",
        "runs done",
        "mean",
        "sd",
        "lowest",
        "highest",
        CANDIDATE_MINUS_BASELINE,
    ]
    rows = [
        [
            row.condition, f"{row.done} of {row.runs}", format_value(row.mean), format_value(row.sd),
            format_value(row.low), format_value(row.high),
            "; ".join(f"{pair.label}: {format_signed(pair.mean)} ({pair.seeds})" for pair in row.differences)
            or "baseline",
        ]
        for row in contents.summaries
    ]  # fmt: skip
    about = (
        f"One value per run: {text(contents.final_values.description)}. Incomplete runs are excluded. "
        f"{text(difference_rule(contents))}"
    ).strip()
    return ["## Conditions", about, table(header, rows, numbers_from=1)]


def _figures(contents: Contents) -> list[str]:
    groups: list[tuple[str, Sequence[Panel]]] = [
        ("Learning curves", contents.main),
        ("Results by seed", contents.comparison),
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
    checked = check_sentence(contents.record)
    if not contents.differences and not checked:
        return []
    rows = [[code(row.path), *(code(value) for value in row.values)] for row in contents.differences]
    return [
        "## Differences between conditions",
        text(checked),
        table(["field", *contents.record.conditions], rows, raw=True) if rows else "",
    ]


def _completion_rates(contents: Contents) -> list[str]:
    rows = [
        [row.comparison, row.candidate, row.baseline, row.fisher]
        for row in completion_rates(contents.judgement.verdicts)
    ]
    header = ["comparison", "candidate", "baseline", "Fisher's exact test"]
    return ["## Completion rates", COMPLETIONS, table(header, rows)] if rows else []


def _factorial_effects(contents: Contents) -> list[str]:
    rows = [
        [row.name, format_signed(row.mean), effect_interval(row), str(row.seeds)]
        for row in factorial_effects(contents)
    ]
    header = ["effect", "mean", "95 % interval", "seeds"]
    return ["## Two-by-two design", FACTORIAL, table(header, rows)] if rows else []


def _configuration(contents: Contents) -> list[str]:
    fields = base_configuration(contents.record)
    rows = [[code(path), code(value_text(value))] for path, value in fields.items()]
    if not rows:
        return []
    about = text(configuration_rule(contents.record))
    return ["## Base configuration", about, table(["field", "value"], rows, raw=True)]


def _runs(contents: Contents) -> list[str]:
    header = ["run", "state", "attempts", "steps", contents.final_values.metric, "what happened"]
    rows = [
        [
            run.id, run.shown_state, str(run.attempts),
            f"{run.steps} of {run.planned_steps}" if run.planned_steps else str(run.steps),
            format_value(contents.final_values.get(run)), run.remark,
        ]
        for run in contents.record.runs
    ]  # fmt: skip
    notes = "\n".join(f"- {text(note)}" for note in contents.record.notes)
    return ["## Runs", table(header, rows), notes and f"Notes on the records:\n\n{notes}"]


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
    return ["## Provenance", block(submit_command(contents.record)), table(["", ""], rows) if rows else ""]


def text(value: str) -> str:
    """The string with all Markdown markup escaped, without secrets, and with control characters visible."""
    value = visible(redact_text(value))
    for mark in "\\`*_{}[]<>#|!&~":
        value = value.replace(mark, f"\\{mark}")
    return " ".join(value.split())


def code(value: str) -> str:
    """A code span of any string, including backticks and pipes."""
    plain = " ".join(visible(redact_text(value)).split())
    if "|" in plain:
        # In a table, a pipe ends the cell even within a code span, and no escape is safe after a backslash.
        return f"<code>{''.join(c if c.isalnum() or c == ' ' else f'&#{ord(c)};' for c in plain)}</code>"
    fence = "`" * (_longest_run(plain) + 1)
    pad = " " if "`" in plain else ""
    return f"{fence}{pad}{plain}{pad}{fence}" if plain else ""


def block(value: str) -> str:
    """A code block whose fence is longer than any run of backticks in the string."""
    value = visible(redact_text(value))
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
        "---:" if numbers_from is not None and column >= numbers_from else "---"
        for column in range(len(header))
    ]
    lines = [[text(cell) for cell in header], rule, *([escape(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _longest_run(value: str) -> int:
    longest = run = 0
    for letter in value:
        run = run + 1 if letter == "`" else 0
        longest = max(longest, run)
    return longest
