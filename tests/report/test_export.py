"""Exports for papers, and what the report says beside the verdicts: configuration, completion rates, 2 x 2 effects."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_campaign
from typer.testing import CliRunner

import campaign
from campaign.cli.app import app
from campaign.folder.plan_document import PlanDocument, plan_hash, read_plan
from campaign.report.campaign_record import read_campaign
from campaign.report.captions import with_minus_sign
from campaign.report.citation import latex
from campaign.report.contents import Contents, collect_contents
from campaign.report.document import to_document
from campaign.report.export import _table, export_campaign, run_rows, to_csv, verdicts_table
from campaign.report.markdown import to_markdown
from campaign.report.page import render_page
from campaign.report.verdict_cards import Judgement
from campaign.version import __version__

FACTORIAL = {
    f"{advantage}+{transform}": {"algorithm": {"advantage_mode": advantage, "transform_mode": transform}}
    for advantage in ("grpo", "maxrl")
    for transform in ("none", "gtpo")
}


def contents(folder: Path) -> Contents:
    return collect_contents(read_campaign(folder))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_campaign(tmp_path_factory.mktemp("export") / "first_light", steps=20)
    plan = json.loads((folder / "plan.json").read_text())
    plan["provenance"] = {"time": "2026-11-21T10:00:00Z", "git": {"commit": "c0ffee", "dirty": True}}
    (folder / "plan.json").write_text(json.dumps(plan))
    result = CliRunner().invoke(app, ["report", str(folder), "--export", str(folder / "paper")])
    assert result.exit_code == 0, result.output
    assert all(Path(line).is_file() for line in result.stdout.split())
    return folder / "paper"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_export_has_each_runs_final_value_and_the_rows_of_the_curves(exported: Path) -> None:
    record = campaign.open(exported.parent)
    finals = rows_of(exported / "runs.csv")
    document = to_document(contents(exported.parent))
    assert [row["id"] for row in finals] == [run["id"] for run in document["runs"]]
    assert {row["metric"] for row in finals} == {document["metric"]}
    assert {row["state"] for row in finals} == {"done"}
    for row, run in zip(finals, document["runs"], strict=True):
        assert float(row["value"]) == pytest.approx(run["value"], rel=1e-3)
    steps = rows_of(exported / "metrics.csv")
    frame = record.metrics()
    assert len(steps) == frame.height == 6 * 20
    assert float(steps[7]["correct_rate"]) == frame["correct_rate"][7]


def test_export_has_tables_for_latex_with_what_weakens_them(exported: Path, tmp_path: Path) -> None:
    for name in ("conditions.tex", "verdicts.tex"):
        table = (exported / name).read_text()
        assert r"\toprule" in table
        assert table.count(r"\begin{tabular}") == table.count(r"\end{tabular}") == 1
        widths = {line.count(" & ") for line in table.splitlines() if line.endswith(r"\\")}
        assert len(widths) == 1
    assert "Exploratory" in (exported / "verdicts.tex").read_text()
    running = make_campaign(tmp_path / "running", steps=20, states={"grpo+none_s42": "failed"})
    export_campaign(running, tmp_path / "out")
    assert "Not every run completed:" in (tmp_path / "out/conditions.tex").read_text()
    states = {row["id"]: row["state"] for row in rows_of(tmp_path / "out/runs.csv")}
    assert states["grpo+none_s42"] == "failed"
    assert {row["state"] for row in rows_of(tmp_path / "out/metrics.csv")} == {"done", "failed"}


def test_export_cites_name_date_commit_and_plan(exported: Path) -> None:
    entry = (exported / "citation.bib").read_text()
    digest = plan_hash(read_plan(exported.parent / "plan.json"))
    assert entry.startswith(f"@misc{{first-light-{digest[:8]},")
    for words in ("first\\_light", "year = {2026}", "2026-11-21", "c0ffee with uncommitted changes", digest):
        assert words in entry
    assert f"plan hash | sha256:{digest}" in to_markdown(contents(exported.parent))
    assert to_document(contents(exported.parent))["plan_sha256"] == digest


def test_plan_hash_is_of_what_is_declared_and_not_of_what_is_done(tmp_path: Path) -> None:
    run = {"id": "a_s1", "condition": "a", "seed": 1, "identity": "v1:x"}
    plan: dict[str, Any] = {"runs": [{**run, "action": "run"}], "provenance": {"time": "now"}}
    same = {"runs": [{**run, "action": "skip"}], "provenance": {"time": "later"}}
    other = {"runs": [{**run, "identity": "v1:y"}]}
    first, second, third = (plan_hash(PlanDocument.from_json(entry)) for entry in (plan, same, other))
    assert first == second != third


def test_exported_figures_have_no_title_and_those_of_the_report_have_one(
    exported: Path, report_page: Path
) -> None:
    for name in ("correct-rate", "paired-differences"):
        paper = (exported / f"figures/{name}.svg").read_text()
        slide = (report_page.parent / f"figures/{name}.svg").read_text()
        assert "role-title-text" not in paper
        assert "role-title-text" in slide
        assert "correct_rate" in paper  # the axes keep their titles
        assert (exported / f"figures/{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (exported / f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")


def test_export_refuses_flags_of_the_page(exported: Path) -> None:
    result = CliRunner().invoke(app, ["report", str(exported.parent), "--export", "x", "--json"])
    assert result.exit_code != 0
    assert "--export writes its own files" in str(result.exception)


@given(st.text(max_size=20))
def test_no_string_in_a_csv_is_a_formula_and_numbers_stay_numbers(value: str) -> None:
    (row,) = csv.reader([to_csv([[value, -0.5, 3, None]])[:-2]], strict=True)
    assert not row[0].lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))
    plain = "".join(letter if letter.isprintable() else " " for letter in value)
    assert row[0] in (plain, f"'{plain}")
    assert row[1:] == ["-0.5", "3", ""]


@given(st.text(max_size=40))
def test_latex_runs_no_command_of_a_string(value: str) -> None:
    names = "textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar|textasciigrave"
    ours = rf"\\(?:{names})\{{\}}|\\[{{}}$&#_%]|\{{\\char34\}}|(?<=[-',])\{{\}}"
    rest = re.sub(ours + r"|\$(\\pm|-|\\geq|\\leq)\$", "", latex(value))
    assert not set(rest) & set('\\{}$&#_%~^<>|"`\n')


def test_latex_sets_options_and_quotes_as_they_were_typed() -> None:
    assert latex("`run --config ---x` ''") == (
        r"\textasciigrave{}run -{}-config -{}-{}-x\textasciigrave{} '{}'"
    )
    # \textquotedbl is an error in the default font encoding.
    assert latex('["a"]') == r"[{\char34}a{\char34}]"


def test_report_has_the_base_configuration_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SERVICE_TOKEN", "swordfish-77")
    shared = {"core": {"options": {"endpoint": "swordfish-77", "api_key": "abc12345"}}}
    conditions = {"a": shared, "b": {**shared, "algorithm": {"kl_coef": 0.1}}}
    found = contents(make_campaign(tmp_path / "c", conditions, steps=10))
    configuration = to_document(found)["configuration"]
    assert configuration["training.max_steps"] == 10
    assert configuration["core.options.endpoint"] == configuration["core.options.api_key"] == "[redacted]"
    assert "algorithm.kl_coef" not in configuration
    assert "training.seed" not in configuration
    for text in (to_markdown(found), render_page(found, "")):
        assert "Base configuration" in text
        assert "training.max_steps" in text
        configured = text.partition("Base configuration")[2]
        assert "swordfish-77" not in configured
        assert "abc12345" not in configured


def test_report_of_a_two_by_two_design_describes_its_effects(tmp_path: Path) -> None:
    found = contents(make_campaign(tmp_path / "c", FACTORIAL, steps=20))
    values = found.final_values
    cells = {label: sum(values.of(label).values()) / 3 for label in FACTORIAL}
    effects = to_document(found)["factorial_effects"]
    assert [effect["name"] for effect in effects] == [
        "algorithm.advantage_mode: maxrl instead of grpo", "algorithm.transform_mode: gtpo instead of none", "interaction",
    ]  # fmt: skip
    both, first, second, neither = (cells[c] for c in ("maxrl+gtpo", "maxrl+none", "grpo+gtpo", "grpo+none"))
    assert effects[0]["mean"] == pytest.approx((both + first - second - neither) / 2)
    assert effects[2]["mean"] == pytest.approx(both - first - second + neither)
    assert effects[2]["low"] < effects[2]["mean"] < effects[2]["high"]
    for text in (to_markdown(found), render_page(found, "")):
        assert "Two-by-two design" in text
        assert "descriptive" in text
    running = make_campaign(tmp_path / "running", FACTORIAL, steps=20, states={"grpo+none_s42": "running"})
    effects = to_document(contents(running))["factorial_effects"]
    assert {effect["low"] for effect in effects} == {None}
    three = dict(list(FACTORIAL.items())[:3])
    assert (
        to_document(contents(make_campaign(tmp_path / "three", three, steps=20)))["factorial_effects"] == []
    )


def test_report_shows_completion_rates_with_fishers_test_as_descriptive(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=20)
    for run in (folder / "runs").iterdir():
        right = 40 if "kl_coef" in run.name else 30
        lines = [json.dumps({"step": step, "correct_count": right, "total_count": 64}) for step in range(20)]
        (run / "emergence").mkdir(exist_ok=True)
        (run / "emergence/steps.jsonl").write_text("\n".join(lines) + "\n")
    found = contents(folder)
    for text in (to_markdown(found), render_page(found, "")):
        assert "Completion rates" in text
        assert "62.50% of 3,840" in text
        assert "46.88% of 3,840" in text
        assert "enter no verdict" in text
        assert re.search(r"p (<|\\<|&lt;) ", text)
    without = contents(make_campaign(tmp_path / "d", steps=20))
    assert "Completion rates" not in to_markdown(without)


def test_runs_of_an_open_campaign_are_a_table(tmp_path: Path) -> None:
    found = campaign.open(make_campaign(tmp_path / "c", steps=20, states={"grpo+none_s42": "failed"}))
    assert found.runs[0].id == "grpo+none_s42"
    lines = repr(found.runs).splitlines()
    assert lines[0].split() == ["run", "state", "steps", "attempts"]
    assert lines[1].split() == ["grpo+none_s42", "failed", "6/20", "1"]
    assert lines[-1] == "6 runs: 1 failed, 5 done"
    assert "<td>grpo+none_s42</td>" in found.runs._repr_html_()
    many = make_campaign(tmp_path / "many", {"a": {}}, seeds=range(1, 61), steps=1, generations=False)
    lines = repr(campaign.open(many).runs).splitlines()
    assert len(lines) == 43
    assert lines[21].split() == ["...", "20", "more"]


def test_a_run_and_a_verdict_are_displayed_without_their_arrays_and_packages(tmp_path: Path) -> None:
    found = campaign.open(make_campaign(tmp_path / "c", steps=20))
    assert len(repr(found.runs[0])) < 600
    (verdict,) = found.verdicts()
    assert repr(verdict).startswith(f"<{verdict.hypothesis}: {verdict.label}. {verdict.reason}")


def test_dir_of_the_package_shows_load_and_open() -> None:
    assert {"load", "open"} <= set(dir(campaign))


def test_the_repositorys_citation_has_the_version_of_the_package() -> None:
    citation = yaml.safe_load((Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()


def test_report_names_the_backend_that_executed_the_runs_and_repeats_it_in_the_command(
    tmp_path: Path,
) -> None:
    folder = make_campaign(tmp_path / "c", {"a": {"core": {"command": ["train"]}}}, steps=10)
    plan = json.loads((folder / "plan.json").read_text())
    plan["provenance"] = {"spec": "study.toml", "backend": "local"}
    (folder / "plan.json").write_text(json.dumps(plan))
    found = contents(folder)
    document = to_document(found)
    assert document["command"] == "campaign submit study.toml --backend local"
    assert document["provenance"]["backend"] == "local"
    assert "execution.backend" not in document["configuration"]  # a flag overrides it
    plan["provenance"]["backend"] = "ray"
    (folder / "plan.json").write_text(json.dumps(plan))
    assert to_document(contents(folder))["command"] == "campaign submit study.toml"
    for text in (to_markdown(found).replace("\\", ""), render_page(found, "")):
        assert "core.command trains, and decides which of them it reads" in text


def test_export_of_negative_numbers_and_of_names_that_latex_takes_for_arguments(tmp_path: Path) -> None:
    table = _table(
        ["hypothesis", "effect"], [["a", "1"], ["[draft] b", with_minus_sign("-0.25")]], "lr", ["x"], "t"
    )
    assert "\n{}[draft] b & $-$0.25 \\\\\n" in table


def test_exports_say_why_a_declared_claim_is_exploratory_and_which_runs_are_stale(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", steps=10, generations=False)
    config = folder / "runs" / "grpo+none_s42" / "config.toml"
    config.write_text(config.read_text().replace("lr = 0.0003", "lr = 0.001"))
    found = contents(folder)
    states = {row[0]: row[3] for row in [*run_rows(found)][1:]}
    assert (states["grpo+none_s42"], states["grpo+none_s101"]) == ("stale", "done")
    (verdict,) = found.judgement.verdicts
    extended = replace(verdict, exploratory=("it was extended from 2 to 3 seeds",))
    table = verdicts_table(replace(found, judgement=Judgement((extended,))))
    assert "Exploratory: it was extended from 2 to 3 seeds." in table
    assert table.count("the spec says 0.0003") == 2  # in the caveats, and as the reason of the dropped seed
    assert r"grpo+none\textasciitilde{}kl\_coef=0.1 $-$ grpo+none" in table
