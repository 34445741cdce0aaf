"""The HTML page: a single self-contained file.

Strings from specs, logs and models are escaped by the template, and the data of the charts is a JSON block
without `<`, so no string can leave its element. As a second line of defence, the content security policy
allows only the page's own scripts, by hash, and forbids eval and external resources.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

from campaign.metrics.definitions import Metric
from campaign.redact import redact_strings, secret_values, shown
from campaign.report.base_configuration import base_configuration, value_text
from campaign.report.campaign_record import CampaignRecord
from campaign.report.captions import (
    CANDIDATE_MINUS_BASELINE,
    banner,
    configuration_rule,
    difference_rule,
    format_signed,
    format_value,
    overview,
    provenance,
    squeeze_table,
    submit_command,
    with_minus_sign,
)
from campaign.report.completion_rates import ABOUT as COMPLETIONS
from campaign.report.completion_rates import completion_rates
from campaign.report.contents import Contents, Panel
from campaign.report.factorial_effects import ABOUT as FACTORIAL
from campaign.report.factorial_effects import effect_interval, factorial_effects
from campaign.report.figures import axis_title
from campaign.report.theme import DARK, HUES, LIGHT, css
from campaign.report.verdict_cards import why_all_are_exploratory
from campaign.version import __version__

_SIGNALS_LIGHT = {
    "--good": "#1a7f4b",
    "--bad": "#c0392b",
    "--warn": "#965900",
    "--well": "#f4f6f8",
    "--hover": "#f7f9fb",
}
_SIGNALS_DARK = {
    "--good": "#3fbf7f",
    "--bad": "#f0705f",
    "--warn": "#e0a030",
    "--well": "#20252b",
    "--hover": "#1f242a",
}


def render_page(contents: Contents, library: str) -> str:
    """The complete page."""
    from jinja2 import Environment, PackageLoader
    from markupsafe import Markup

    secrets = secret_values()

    def safe(value: Any) -> Any:
        """Every value of the template passes here before it is escaped."""
        is_text = isinstance(value, str) and not isinstance(value, Markup)
        return shown(value, secrets) if is_text else value

    environment = Environment(
        loader=PackageLoader("campaign.report"), autoescape=True, finalize=safe,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "value": format_value,
        "signed": format_signed,
        "minus": with_minus_sign,
        "short": "{:.3g}".format,
    }
    style = _style()
    scripts = [_inline(library), _inline(_asset("report.js"))]
    specs = {panel.id: redact_strings(_page_spec(panel), secrets) for panel in contents.panels}
    record = contents.record
    facts, packages = provenance(record)
    return environment.get_template("report.html.j2").render(
        policy=_policy(style, scripts),
        version=__version__,
        style=Markup(style),
        library=Markup(scripts[0]),
        script=Markup(scripts[1]),
        figures_json=Markup(json_block(specs)),
        hues=HUES,
        record=record,
        conditions=list(record.conditions),
        overview=overview(contents),
        banner=banner(record),
        sections=_sections(contents),
        final_values=contents.final_values,
        difference_rule=difference_rule(contents),
        candidate_minus_baseline=CANDIDATE_MINUS_BASELINE,
        summaries=contents.summaries,
        cards=contents.judgement.cards,
        refused=contents.judgement.refused,
        exploratory=why_all_are_exploratory(contents.judgement.verdicts),
        files={panel.id for panel in contents.file_panels},
        main=_panel_context(contents.main),
        comparison=_panel_context(contents.comparison),
        entropy=_panel_context(contents.entropy),
        sources=_panel_context(contents.sources),
        further=_panel_context(contents.further),
        fields=_panel_context(contents.fields),
        differences=contents.differences,
        squeeze=squeeze_table(record),
        declared=any(row.under_test is not None for row in contents.differences),
        check=contents.executed.text,
        completion_rates=completion_rates(contents.judgement.verdicts),
        about_completions=COMPLETIONS,
        factorial_effects=factorial_effects(contents),
        effect_interval=effect_interval,
        about_factorial=FACTORIAL,
        configuration_rule=configuration_rule(record),
        configuration={path: value_text(value) for path, value in base_configuration(record).items()},
        errors=any(run.remark for run in record.runs),
        samples=contents.samples,
        built_in_core=_built_in_core(record),
        command=submit_command(record),
        provenance=facts,
        packages=packages,
        glossary=_glossary(contents),
    )


def json_block(value: Any) -> str:
    """JSON for use inside a `<script>` element: it can neither end the element nor open a comment."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _built_in_core(record: CampaignRecord) -> bool:
    """Whether all runs used the built-in core, which shares the prompts of a seed. Of others nothing is known."""
    cores = [run.config.get("core") or {} for run in record.runs]
    return not any(core.get("command") or core.get("entrypoint") for core in cores)


def _sections(contents: Contents) -> list[tuple[str, str]]:
    sections = [
        ("verdicts", "Verdicts", contents.judgement.verdicts or contents.judgement.refused),
        ("conditions", "Conditions", True),
        ("curves", "Learning curves", contents.main),
        ("seeds", "Results by seed", contents.comparison),
        ("entropy", "Entropy", contents.entropy),
        ("sources", "By source", contents.sources),
        ("further", "Further metrics", contents.further),
        ("squeeze", "LoRA rank", squeeze_table(contents.record)),
        ("completions", "Completion rates", completion_rates(contents.judgement.verdicts)),
        ("factorial", "Two-by-two design", factorial_effects(contents)),
        ("differences", "Differences", True),
        ("configuration", "Configuration", base_configuration(contents.record)),
        ("runs", "Runs", True),
        ("samples", "Completions", contents.samples),
        ("provenance", "Provenance", True),
    ]
    return [(anchor, name) for anchor, name, present in sections if present]


def _panel_context(panels: tuple[Panel, ...]) -> list[dict[str, Any]]:
    return [
        {
            "id": panel.id,
            "title": panel.title,
            "note": panel.note,
            "metric": axis_title(panel.name) if panel.is_curve else "",
            "is_curve": panel.is_curve,
        }
        for panel in panels
    ]


def _page_spec(panel: Panel) -> dict[str, Any]:
    """The chart on the page: as wide as its container, and without a legend, which the page provides."""
    spec = panel.figure.to_spec()
    spec["width"] = "container"
    if panel.is_curve:
        spec["height"] = "container"
    spec["description"] = panel.description
    spec["autosize"] = {"type": "fit" if panel.is_curve else "fit-x", "contains": "padding"}
    spec["padding"] = 0
    if panel.is_curve:
        encoding = spec["encoding"]
        spec["encoding"] = {**encoding, "color": {**encoding["color"], "legend": None}}
        spec["layer"][0] = _without_title(spec["layer"][0])
    return spec


def _without_title(layer: dict[str, Any]) -> dict[str, Any]:
    """The layer without its y axis title, because the heading of the figure names the metric."""
    encoding = layer["encoding"]
    return {**layer, "encoding": {**encoding, "y": {**encoding["y"], "title": None}}}


def _glossary(contents: Contents) -> list[Metric]:
    metrics = {panel.metric.name: panel.metric for panel in contents.panels if panel.metric is not None}
    return list(metrics.values())


def _style() -> str:
    light, dark = css(LIGHT | _SIGNALS_LIGHT), css(DARK | _SIGNALS_DARK)
    swatches = "".join(f".h{hue}{{color:var(--c{hue})}}" for hue in range(HUES))
    return (
        f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{swatches}"
        f"{_asset('report.css')}"
    )


def _asset(name: str) -> str:
    return (files("campaign.report") / "templates" / name).read_text(encoding="utf-8")


def _inline(script: str) -> str:
    """A script for inlining: no string in it ends the script element."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _policy(style: str, scripts: list[str]) -> str:
    hashes = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src {_hash(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
