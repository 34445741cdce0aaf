"""Exports for papers: CSV, LaTeX tables, a BibTeX entry, and figures without titles.

Strings of specs, cores and models are data in every format: a spreadsheet evaluates none as a formula, and LaTeX runs
none as a command. Secrets are redacted. What makes a number weaker than it looks, such as unfinished runs, stands in
the tables themselves.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from campaign.analysis.reasons import interval, number, p_is
from campaign.analysis.verdict import Verdict
from campaign.folder.paths import ExportPaths
from campaign.redact import redact_text, secret_values
from campaign.report.build import render_figures, write_figure, write_file
from campaign.report.campaign_record import CampaignRecord, read_campaign
from campaign.report.captions import banner, format_value, with_minus_sign
from campaign.report.citation import bibtex, latex
from campaign.report.contents import Contents, collect_contents
from campaign.report.document import to_document
from campaign.report.verdict_cards import why_all_are_exploratory
from campaign.spec.stale import stale_sentence

FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a string begins with that a spreadsheet may evaluate, full-width forms included (OWASP, CSV Injection)."""
PNG_SCALE = 3.0
"""PNG figures have this many pixels per unit of the SVG: about 300 per inch at a column's width."""


def export_campaign(campaign_dir: Path, out: Path) -> list[Path]:
    """Write every export of a campaign to `out`; returns the files. Raises `UsageError` when there is no campaign.

    runs.csv, metrics.csv, conditions.tex, verdicts.tex (when there are verdicts), citation.bib, and figures/ as SVG, PDF
    and PNG. Each file is replaced atomically.
    """
    contents = collect_contents(read_campaign(campaign_dir))
    secrets = secret_values()
    paths = ExportPaths(out)
    texts = {
        paths.runs: to_csv(run_rows(contents)),
        paths.metrics: to_csv(metric_rows(contents.record)),
        paths.conditions: conditions_table(contents),
        paths.citation: bibtex(contents.record),
    }
    if contents.judgement.verdicts:
        texts[paths.verdicts] = verdicts_table(contents)
    paths.figures.mkdir(parents=True, exist_ok=True)
    written = [write_file(path, redact_text(text, secrets)) for path, text in texts.items()]
    for name, svg in render_figures(contents.file_panels, titled=False).items():
        written += _export_figure(paths.figures / name, redact_text(svg, secrets))
    return written


def _export_figure(path: Path, svg: str) -> list[Path]:
    import vl_convert

    write_figure(path, svg)
    png = write_file(path.with_suffix(".png"), vl_convert.svg_to_png(svg, scale=PNG_SCALE))
    return [path, path.with_suffix(".pdf"), png]


def run_rows(contents: Contents) -> Iterable[Sequence[Any]]:
    """A header, then one row per run: what `report.json` has of it, unrounded, and how its value was obtained."""
    written: list[dict[str, Any]] = to_document(contents)["runs"]
    values = contents.final_values
    yield [*(written[0] if written else ()), "metric", "summary"]
    for run, row in zip(contents.record.runs, written, strict=True):
        exact = {
            "value": values.get(run),
            "value_so_far": values.preliminary(run),
            "state": run.shown_state,
            "stale": "; ".join(run.stale),
        }
        yield [*{**row, **exact}.values(), values.metric, values.description]


def metric_rows(record: CampaignRecord) -> Iterable[Sequence[Any]]:
    """A header, then one row per run and step, with the state of the run: the data of the learning curves."""
    states = {(run.condition, run.seed): run.shown_state for run in record.runs}
    frame = record.record.frame()
    yield ["state", *frame.columns]
    for row in frame.iter_rows():
        yield [states.get((row[0], row[1]), ""), *row]


def to_csv(rows: Iterable[Sequence[Any]]) -> str:
    """RFC 4180, without strings that a spreadsheet would evaluate."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    """Numbers as they are. A string that begins like a formula gets an apostrophe, with which spreadsheets mark text."""
    if not isinstance(value, str):
        return value
    plain = "".join(letter if letter.isprintable() else " " for letter in value)
    # Spreadsheets ignore spaces in front of a formula.
    return f"'{plain}" if plain.lstrip().startswith(FORMULA_STARTS) else plain


def conditions_table(contents: Contents) -> str:
    """The conditions as a LaTeX table: runs done, mean, standard deviation and range."""
    values = contents.final_values
    rows = [
        [
            line.condition,
            f"{line.done} of {line.runs}",
            *(with_minus_sign(format_value(value)) for value in (line.mean, line.sd, line.low, line.high)),
        ]
        for line in contents.summaries
    ]
    caption = f"{values.metric} by condition. One value per run: {values.description}; sd over seeds."
    header = ["condition", "runs done", "mean", "sd", "lowest", "highest"]
    return _table(
        header, rows, "lrrrrr", [caption, *_caveats(contents)], f"tab:{contents.record.name}-conditions"
    )


def verdicts_table(contents: Contents) -> str:
    """The verdicts as a LaTeX table: effect, simultaneous interval, adjusted p-value and outcome."""
    verdicts = contents.judgement.verdicts
    left_out = stale_sentence(contents.record.stale)  # the caveats have it
    notes = dict.fromkeys(
        f"{note[:1].upper()}{note[1:]}."
        for verdict in verdicts
        for note in verdict.notes
        if not left_out or left_out not in note
    )
    caption = "Effects are candidate minus baseline, with simultaneous confidence intervals and Holm-adjusted p-values."
    summaries = dict.fromkeys(verdict.comparison.summary for verdict in verdicts)
    if len(summaries) == 1:
        caption += f" One value per run: {next(iter(summaries))}."
    exploratory = [why] if (why := why_all_are_exploratory(verdicts)) else []
    return _table(
        ["hypothesis", "comparison", "effect", "interval", "p", "verdict"],
        [_verdict_row(verdict, with_summary=len(summaries) > 1) for verdict in verdicts],
        "llrrrl",
        [caption, *exploratory, *_caveats(contents), *notes],
        f"tab:{contents.record.name}-verdicts",
    )


def _verdict_row(verdict: Verdict, *, with_summary: bool) -> list[str]:
    comparison = verdict.comparison
    label = comparison.label.replace(" - ", " \N{MINUS SIGN} ")
    limits = (comparison.simultaneous_lower, comparison.simultaneous_upper)
    shown = "" if comparison.withheld or limits == (None, None) else interval(*limits)
    return [
        verdict.hypothesis,
        f"{label}; {comparison.summary}" if with_summary else label,
        "" if comparison.effect is None else with_minus_sign(number(comparison.effect, signed=True)),
        with_minus_sign(shown),
        "not tested" if comparison.p_adjusted is None else p_is(comparison.p_adjusted).removeprefix("p = "),
        verdict.label,
    ]


def _caveats(contents: Contents) -> list[str]:
    record, refused = contents.record, contents.judgement.refused
    found = [banner(record), contents.executed.text, f"No verdict: {refused}" if refused else ""]
    return [sentence for sentence in found if sentence]


def _table(
    header: Sequence[str], rows: Iterable[Sequence[str]], columns: str, caption: Sequence[str], label: str
) -> str:
    """A floating table for the booktabs package."""
    lines = [" & ".join(map(latex, row)) + r" \\" for row in (header, *rows)]
    # At the beginning of a row, these would be arguments of the `\\` before it.
    lines = [f"{{}}{line}" if line.startswith(("[", "*")) else line for line in lines]
    return "\n".join(
        [
            r"% requires \usepackage{booktabs}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex(' '.join(caption))}}}",
            rf"\label{{{''.join(letter for letter in label if letter.isalnum() or letter in ':-.')}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    ) + "\n"  # fmt: skip
