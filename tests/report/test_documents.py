"""What the commands write as JSON, held against the schemas that `campaign schema` prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from synthetic import make_campaign
from typer.testing import CliRunner

from campaign.cli.app import app
from campaign.spec.hypotheses import Hypothesis, freeze, keep_frozen

FACTORS: dict[str, dict[str, Any]] = {
    "a": {},
    "b": {"algorithm": {"kl_coef": 0.1}},
    "c": {"training": {"lr": 0.01}},
    "d": {"algorithm": {"kl_coef": 0.1}, "training": {"lr": 0.01}},
}


def schema(document: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["schema", document])
    assert result.exit_code == 0, result.output
    printed: dict[str, Any] = json.loads(result.stdout)
    Draft202012Validator.check_schema(printed)
    return printed


def finished(root: Path) -> Path:
    return make_campaign(root / "c", steps=12)


def without_a_plan(root: Path) -> Path:
    return make_campaign(root / "c", steps=12, plan=False, generations=False)


def one_seed(root: Path) -> Path:
    return make_campaign(root / "c", seeds=(1,), steps=12)


def one_condition(root: Path) -> Path:
    return make_campaign(root / "c", {"only": {}}, steps=12)


def still_going(root: Path) -> Path:
    states = {"grpo+none_s42": "running", "grpo+none_s101": "failed", "grpo+none~kl_coef=0.1_s202": "pending"}
    return make_campaign(root / "c", steps=12, states=states)


def confound_allowed(root: Path) -> Path:
    folder = make_campaign(root / "c", steps=12)
    a, b = root / "a.py", root / "b.py"
    a.write_text("config = {'lr': 0.1, 'decay': 0.0}\n")
    b.write_text("config = {'lr': 0.2, 'decay': 0.1}\n")
    from campaign.check import Declaration, prove
    from campaign.check.output.json import to_json

    proof = prove(Declaration("a.py", ("b.py",), under_test=("lr",)), root)
    (folder / "check.json").write_text(json.dumps(to_json(proof, "the warm start needs its own rate")))
    return folder


def with_hypotheses(root: Path) -> Path:
    """Frozen beforehand: a paired claim with a mechanism, a ranking and minima, a contrast, Welch's test."""
    folder = make_campaign(root / "c", FACTORS, seeds=tuple(range(8)), steps=12)
    made = [
        Hypothesis(
            name="all of it",
            metric="correct_rate",
            baseline="a",
            candidate="b",
            min_effect=0.01,
            min_pairs=6,
            min_steps=10,
            min_generations=5,
            mechanism={"metric": "exec_entropy_var", "direction": "lower"},  # type: ignore[arg-type]
            ranking=("b", "a"),
        ),
        Hypothesis(name="interaction", metric="correct_rate", contrast={"d": 1, "c": -1, "b": -1, "a": 1}),
        Hypothesis(name="unpaired", metric="correct_rate", baseline="a", test="welch"),
    ]
    keep_frozen(folder / "frozen.json", freeze(made, range(8), [4, 8]))
    return folder


CAMPAIGNS = (
    finished, without_a_plan, one_seed, one_condition, still_going, confound_allowed, with_hypotheses,
)  # fmt: skip


@pytest.mark.parametrize("make", CAMPAIGNS, ids=lambda make: make.__name__)
def test_report_as_json_fits_its_schema(make: Any, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["report", str(make(tmp_path)), "--json"])
    assert result.exit_code == 0, result.output
    Draft202012Validator(schema("report")).validate(json.loads(result.stdout))


@pytest.mark.parametrize(
    "make", [make for make in CAMPAIGNS if make is not one_condition], ids=lambda m: m.__name__
)
def test_verdicts_as_json_fit_their_schema(make: Any, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["compare", str(make(tmp_path)), "--json"])
    document = json.loads(result.stdout)
    assert document["verdicts"]
    Draft202012Validator(schema("verdicts")).validate(document)


def test_kept_proof_fits_its_schema(tmp_path: Path) -> None:
    document = json.loads((confound_allowed(tmp_path) / "check.json").read_text())
    assert document["allowed"]
    Draft202012Validator(schema("check")).validate(document)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("runs"),
        lambda document: document.update(extra=1),
        lambda document: document["runs"][0].update(seed="42"),
        lambda document: document["verdicts"][0]["comparison"].pop("can_reach"),
        lambda document: document["verdicts"][0].update(outcome="PROVEN"),
    ],
    ids=["a key is gone", "a key too many", "another type", "a computed key is gone", "another word"],
)
def test_schema_refuses_a_report_that_has_changed(change: Any, tmp_path: Path) -> None:
    folder = finished(tmp_path)
    result = CliRunner().invoke(app, ["report", str(folder), "--json"])
    document = json.loads(result.stdout)
    change(document)
    with pytest.raises(ValidationError):
        Draft202012Validator(schema("report")).validate(document)
