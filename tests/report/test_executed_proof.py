"""A report claims of the conditions what holds for exactly the runs that it shows."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from synthetic import make_campaign
from typer.testing import CliRunner

from campaign.cli.app import app
from campaign.library import load
from campaign.report.campaign_record import CampaignRecord, read_campaign
from campaign.report.contents import collect_contents
from campaign.report.document import to_document
from campaign.report.markdown import to_markdown
from campaign.report.page import render_page

CONDITIONS: Mapping[str, Mapping[str, Any]] = {"a": {}, "b": {"algorithm": {"kl_coef": 0.1}}}
ONLY = "differ between the conditions only in the fields under test"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_campaign(tmp_path / "c", CONDITIONS, seeds=(1, 2), steps=10, generations=False)


@pytest.fixture
def campaign(folder: Path) -> CampaignRecord:
    return read_campaign(folder)


def executed_with(record: CampaignRecord, run_id: str, section: str, **values: Any) -> CampaignRecord:
    """The record with other values in the configuration that a run was executed with."""
    runs = [
        replace(run, config={**run.config, section: {**run.config.get(section, {}), **values}})
        if run.id == run_id
        else run
        for run in record.runs
    ]
    return replace(record, runs=tuple(runs))


def outputs(campaign: Path | CampaignRecord) -> dict[str, str]:
    record = campaign if isinstance(campaign, CampaignRecord) else read_campaign(campaign)
    contents = collect_contents(record)
    return {
        "html": render_page(contents, ""),
        "md": to_markdown(contents).replace("\\", ""),
        "json": json.dumps(to_document(contents)),
    }


def test_runs_that_differ_only_in_the_field_under_test_are_said_to(campaign: CampaignRecord) -> None:
    for output in outputs(campaign).values():
        assert f"The recorded configurations of the 4 runs shown {ONLY} (algorithm.kl_coef)." in output


def test_runs_executed_under_another_plan_than_the_proven_one_are_no_proof(campaign: CampaignRecord) -> None:
    """The plan and its recorded proof are clean; the runs of one condition were executed before the edit."""
    part = {"name": "resolved conditions", "compared": "the resolved configurations", "verdict": "proven"}
    campaign = replace(campaign, check={"verdict": "proven", "comparisons": [part]})
    for run in ("b_s1", "b_s2"):
        campaign = executed_with(campaign, run, "training", lr=0.5)
    for output in outputs(campaign).values():
        assert ONLY not in output
        assert "4 runs shown also differ in training.lr, outside the fields under test." in output
        assert (
            "At the last submit, the resolved configurations were compared (resolved conditions): proven."
            in output
        )
    assert collect_contents(campaign).executed.verdict == "confound"


def test_condition_whose_runs_were_executed_differently_is_named_with_its_seeds(
    campaign: CampaignRecord,
) -> None:
    """Even in a field under test: the runs of a condition must be one condition."""
    mixed = executed_with(campaign, "b_s2", "algorithm", kl_coef=0.3)
    words = "The runs of b were executed with different configurations: algorithm.kl_coef = 0.1 (seed 1), 0.3 (seed 2)."
    for output in outputs(mixed).values():
        assert words in output
        assert ONLY not in output
    assert collect_contents(mixed).executed.verdict == "mixed"


def test_run_without_a_recorded_configuration_is_not_covered_by_the_claim(campaign: CampaignRecord) -> None:
    *others, last = campaign.runs
    for output in outputs(replace(campaign, runs=(*others, replace(last, config={})))).values():
        assert f"of the 3 runs shown {ONLY}" in output
        assert "Without a recorded configuration: 1 more." in output


def test_run_whose_record_is_not_shown_is_not_part_of_the_claim(campaign: CampaignRecord) -> None:
    campaign = executed_with(campaign, "b_s2", "training", lr=0.5)
    *others, last = campaign.runs
    hidden = replace(campaign, runs=(*others, replace(last, data=None)))
    assert f"of the 3 runs shown {ONLY}" in outputs(hidden)["md"]


def test_configuration_is_what_was_compared_and_not_the_code_of_a_command(campaign: CampaignRecord) -> None:
    for run in ("a_s1", "a_s2", "b_s1", "b_s2"):
        campaign = executed_with(campaign, run, "core", command=["python", "train.py"])
    for output in outputs(campaign).values():
        assert "Not compared: the code of the command `python train.py`." in output


def test_same_prompts_are_claimed_of_the_built_in_core_only(tmp_path: Path) -> None:
    record = read_campaign(make_campaign(tmp_path / "c", CONDITIONS, seeds=(1, 2), steps=10))
    words = "every condition receives the same prompts in the same order"
    assert words in outputs(record)["html"]
    assert words not in outputs(executed_with(record, "a_s1", "core", command=["python", "x.py"]))["html"]


def test_folder_without_a_plan_claims_nothing_of_its_conditions(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", CONDITIONS, seeds=(1, 2), steps=10, plan=False, generations=False)
    for output in outputs(folder).values():
        assert "No plan is recorded" in output
        assert ONLY not in output


def recorded_confound(target: str, path: str, values: tuple[str, str]) -> Mapping[str, Any]:
    sides = {"reference": {"value": values[0]}, "variant": {"value": values[1]}}
    finding = {"kind": "confound", "path": path, **sides}
    return {"comparison": "resolved conditions", "target": target, "findings": [finding]}


def test_every_output_with_a_claim_says_that_its_conditions_are_confounded_and_why(tmp_path: Path) -> None:
    folder = make_campaign(
        tmp_path / "c", {**CONDITIONS, "c": {}}, seeds=(1, 2, 3), steps=10, generations=False
    )
    document = {
        "verdict": "confound",
        "allowed": "the warm start needs its own rate",
        "variants": [recorded_confound("c", "training.lr", ("0.1", "0.5"))],
    }
    (folder / "check.json").write_text(json.dumps(document))
    words = (
        "the conditions also differ in training.lr, outside the fields under test; "
        "allowed with the reason: the warm start needs its own rate"
    )
    clean, confounded = collect_contents(read_campaign(folder)).judgement.verdicts
    assert (clean.confound, confounded.confound) == ("", words)
    assert confounded.label.endswith("(confounded)")
    assert "confounded" not in clean.label
    assert words in confounded.reason
    for output in outputs(folder).values():
        assert words in output
    said = CliRunner().invoke(app, ["compare", str(folder), "a", "c"]).stdout
    assert f"confounded: {words}" in " ".join(said.split())
    written = json.loads(CliRunner().invoke(app, ["compare", str(folder), "--json"]).stdout)
    assert [verdict["confound"] for verdict in written["verdicts"]] == ["", words]


def test_conditions_that_share_the_other_value_are_not_confounded_with_each_other(tmp_path: Path) -> None:
    folder = make_campaign(
        tmp_path / "c", {**CONDITIONS, "c": {}}, seeds=(1, 2, 3), steps=10, generations=False
    )
    variants = [recorded_confound(label, "training.lr", ("0.1", "0.5")) for label in ("b", "c")]
    (folder / "check.json").write_text(json.dumps({"verdict": "confound", "variants": variants}))
    found = {
        pair: json.loads(CliRunner().invoke(app, ["compare", str(folder), *pair, "--json"]).stdout)[
            "verdicts"
        ]
        for pair in (("b", "c"), ("a", "b"))
    }
    assert [verdict["confound"] != "" for (verdict,) in found.values()] == [False, True]


def test_what_could_not_be_proven_is_noted_beside_the_claim(tmp_path: Path) -> None:
    folder = make_campaign(tmp_path / "c", CONDITIONS, seeds=(1, 2, 3), steps=10, generations=False)
    finding = {"kind": "unproven", "path": "optimizer"}
    variant = {"comparison": "condition modules", "target": "b.py", "findings": [finding]}
    (folder / "check.json").write_text(json.dumps({"verdict": "unproven", "variants": [variant]}))
    words = "it is not proven that the conditions differ only in the fields under test: condition modules (optimizer)"
    for output in outputs(folder).values():
        assert words in output


def test_confound_that_was_declared_under_test_later_stays_beside_the_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Submitted as an allowed confound, then with the field under test: the runs were started as a confound."""
    monkeypatch.chdir(tmp_path)
    core = """import json, sys
with open(sys.argv[1] + '/metrics.jsonl', 'w') as rows:
    for step in range(2):
        rows.write(json.dumps({'step': step, 'correct_rate': 0.5}) + chr(10))
"""
    (tmp_path / "core.py").write_text(core)
    spec = """
[campaign]
seeds = [1]
max_steps = 2
under_test = ["algorithm.kl_coef"]
[core]
command = ["PYTHON", "core.py", "{run_dir}"]
[[campaign.conditions]]
name = "a"
[[campaign.conditions]]
name = "b"
kl_coef = 0.1
lr = 0.5
""".replace("PYTHON", sys.executable)
    (tmp_path / "c.toml").write_text(spec)
    load("c.toml").submit(backend="local", allow_confounds="the warm start")
    folder = tmp_path / "campaigns" / "c"
    assert "outside the fields under test; allowed with the reason: the warm start" in outputs(folder)["md"]
    (tmp_path / "c.toml").write_text(spec.replace('kl_coef"]', 'kl_coef", "training.lr"]'))
    for _ in range(2):
        load("c.toml").submit(backend="local")
        assert json.loads((folder / "check.json").read_text())["verdict"] == "proven"
        words = (
            "an earlier submit started runs although the conditions also differed in training.lr; "
            "the reason given: the warm start"
        )
        assert words in collect_contents(read_campaign(folder)).judgement.verdicts[0].notes
        for output in outputs(folder).values():
            assert words[1:] in output


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"variants": [1]}', '{"variants": [{"findings": [{}]}]}', '{"earlier": [1]}']
)
def test_damaged_record_of_the_check_claims_nothing(folder: Path, text: str) -> None:
    (folder / "check.json").write_text(text)
    assert all("confounded" not in output for output in outputs(folder).values())
