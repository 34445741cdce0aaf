"""`campaign compare` and `campaign extend` as a person uses them."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from folders import write_levels, write_rows

from campaign.cli.app import main
from campaign.folder.paths import CampaignPaths
from campaign.spec.hypotheses import freeze, keep_frozen, read_frozen, read_hypotheses

RNG = np.random.default_rng(5)
BASE = RNG.normal(0.5, 0.03, 8)
LEVELS = {
    "grpo+none": BASE.tolist(),
    "maxrl+none": (BASE + RNG.normal(0.08, 0.01, 8)).tolist(),
    "maxrl+gtpo": (BASE + 0.002 * np.array([1, -1] * 4)).tolist(),
}


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs the command line in `tmp_path`, 60 columns wide, in this process: a new one takes a second."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("CAMPAIGN_DIR", raising=False)

    def call(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["campaign", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, said.out, said.err)

    return call


def declare(folder: Path, **fields: object) -> None:
    """A campaign's folder as a first submit leaves it."""
    table = {"name": "maxrl helps", "metric": "correct_rate", "candidate": "maxrl+none", **fields}
    conditions = [{"label": label} for label in LEVELS]
    plan = {
        "name": "study",
        "seeds": list(range(8)),
        "looks": [],
        "hypotheses": [table],
        "conditions": conditions,
    }
    folder.mkdir(parents=True, exist_ok=True)
    CampaignPaths(folder).plan.write_text(json.dumps(plan), encoding="utf-8")
    keep_frozen(CampaignPaths(folder).frozen, freeze(read_hypotheses([table]), range(8)))


def test_compare_two_conditions_of_a_declared_hypothesis_is_confirmed(run: Run, tmp_path: Path) -> None:
    write_levels(tmp_path / "campaigns" / "study", LEVELS)
    declare(tmp_path / "campaigns" / "study", min_effect=0.02)
    done = run("compare", "study", "grpo+none", "maxrl+none")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("CONFIRMED  maxrl helps\n")
    assert "exploratory" not in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 60


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("grpo+none", "maxrl+none"), 3),
        (("maxrl+none", "grpo+none"), 3),
        (("grpo+none", "maxrl+none", "--lower"), 3),
        (("grpo+none", "maxrl+none", "--min-effect", "0.5"), 3),
        (("grpo+none", "maxrl+none", "--summary", "final", "--welch"), 3),
        ((), 3),
        (("grpo+none", "maxrl+nne"), 2),
        (("grpo+none",), 2),
        (("grpo+none", "grpo+none"), 2),
        (("grpo+none", "maxrl+none", "--metric", "nothing"), 2),
        (("grpo+none", "maxrl+none", "--summary", "best"), 2),
        (("grpo+none", "maxrl+none", "--alpha", "7"), 2),
        (("--layout", "{x}/y"), 2),
    ],
)
def test_compare_exit_codes(run: Run, tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    write_levels(tmp_path, LEVELS)
    done = run("compare", ".", *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert (code == 2) == (done.stdout == "")


def test_compare_json_is_one_document_with_every_number(run: Run, tmp_path: Path) -> None:
    write_levels(tmp_path, LEVELS)
    done = run("compare", ".", "--json")
    document = json.loads(done.stdout)
    assert (document["version"], document["kind"]) == (1, "campaign.verdicts")
    assert document["exit_code"] == done.returncode == 3
    first = document["verdicts"][0]["comparison"]
    assert {"effect", "lower", "upper", "p", "p_adjusted", "sign_flip", "cohens_d", "attainable_p"} <= set(
        first
    )


def test_compare_foreign_folder_by_layout(run: Run, tmp_path: Path) -> None:
    for label, per_seed in LEVELS.items():
        for seed, level in enumerate(per_seed):
            rows = [{"step": step, "train/acc": level} for step in range(20)]
            write_rows(tmp_path / f"{label}_s{seed}" / "log.jsonl", rows, ending='\n{"step": 20, "tr')
    layout = ("--layout", "{condition}_s{seed}/log.jsonl", "--metric", "train/acc")
    done = run("compare", ".", "grpo+none", "maxrl+none", *layout)
    assert done.returncode == 3, done.stderr
    assert "cut off" in done.stderr
    unnamed = run("compare", ".", *layout[:2])
    assert unnamed.returncode == 2
    assert "--metric" in unnamed.stderr


def test_compare_unfinished_campaign_withholds_p_and_names_the_way_on(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "campaigns" / "study"
    levels = {name: per_seed[:7] for name, per_seed in LEVELS.items()}
    write_levels(folder, levels)
    declare(folder)
    waiting = run("compare", "study", "grpo+none", "maxrl+none")
    assert waiting.returncode == 3
    assert "withheld" in waiting.stdout
    assert "--final" in waiting.stderr
    final = run("compare", "study", "grpo+none", "maxrl+none", "--final")
    assert final.returncode == 3
    assert final.stdout.startswith("exploratory: higher by ")
    assert "in all 7 seeds" in " ".join(final.stdout.split())


FROZEN_WORDS = ("CONFIRMED", "FAILED", "INCONCLUSIVE")


@pytest.mark.parametrize("words", [("grpo+none", "maxrl+none"), ("maxrl+none", "grpo+none"), ()])
def test_comparison_that_nobody_froze_wears_no_word_of_a_frozen_one(
    run: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    write_levels(tmp_path, LEVELS)
    done = run("compare", ".", *words)
    assert done.stdout.startswith("exploratory: ")
    assert not [word for word in FROZEN_WORDS if word in done.stdout]
    document = json.loads(run("compare", ".", *words, "--json").stdout)
    for verdict in document["verdicts"]:
        assert (verdict["outcome"], verdict["confirmatory"]) == ("EXPLORATORY", False)
        assert verdict["exploratory"]
        assert verdict["litmus"] in FROZEN_WORDS
        assert not [word for word in FROZEN_WORDS if word in verdict["label"] + verdict["reason"]]


def test_three_seeds_say_the_same_of_a_pair_in_both_orders(run: Run, tmp_path: Path) -> None:
    """Three pairs that the t-test alone would call a loss."""
    write_levels(tmp_path, {"kl_0": [0.50, 0.52, 0.51], "kl_0.1": [0.47, 0.485, 0.475]})
    there, back = (
        json.loads(run("compare", ".", *pair, "--json").stdout)["verdicts"][0]
        for pair in (("kl_0", "kl_0.1"), ("kl_0.1", "kl_0"))
    )
    assert there["comparison"]["p"] < 0.05
    assert (there["litmus"], back["litmus"]) == ("INCONCLUSIVE", "INCONCLUSIVE")
    assert there["label"] == "exploratory: lower by 0.0333 in all 3 seeds"
    assert back["label"] == "exploratory: higher by 0.0333 in all 3 seeds"


def test_compare_unknown_campaign_reports_where_it_looked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_DIR", "elsewhere")
    done = run("compare", "study")
    assert done.returncode == 2
    assert "elsewhere" in done.stderr


SPEC = """\
# the study
[campaign]
name = "study"
seeds = [
  42,  # the answer
  101, 202,
]

[training]
max_steps = 3
"""


def test_extend_doubles_the_seeds_and_changes_nothing_else(run: Run, tmp_path: Path) -> None:
    spec = tmp_path / "study.toml"
    spec.write_text(SPEC, encoding="utf-8")
    done = run("extend", "study.toml")
    assert done.returncode == 0, done.stderr
    after = tomllib.loads(spec.read_text(encoding="utf-8"))
    assert after["campaign"]["seeds"] == [42, 101, 202, 203, 204, 205]
    assert after["training"] == {"max_steps": 3}
    assert spec.read_text(encoding="utf-8").startswith("# the study\n")
    assert "submit study.toml" in done.stdout


def test_extend_dry_run_writes_nothing(run: Run, tmp_path: Path) -> None:
    spec = tmp_path / "study.toml"
    spec.write_text(SPEC, encoding="utf-8")
    done = run("extend", "study.toml", "--dry-run", "--json")
    assert json.loads(done.stdout)["written"] is False
    assert spec.read_text(encoding="utf-8") == SPEC


def test_extend_adaptively_records_the_stage_before_the_new_runs(run: Run, tmp_path: Path) -> None:
    spec = tmp_path / "study.toml"
    spec.write_text(SPEC, encoding="utf-8")
    folder = tmp_path / "campaigns" / "study"
    folder.mkdir(parents=True)
    keep_frozen(folder / "frozen.json", freeze([], (42, 101, 202), (3, 6)))
    done = run("extend", "study.toml", "--to", "9")
    assert done.returncode == 0, done.stderr
    assert "inverse normal" in done.stdout
    kept = read_frozen(folder / "frozen.json")
    assert kept is not None
    assert [(extension.at, extension.to) for extension in kept.extensions] == [(3, 9)]


def test_extend_of_runs_whose_frozen_record_is_gone_does_not_claim_that_nothing_was_seen(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "study.toml").write_text(SPEC, encoding="utf-8")
    CampaignPaths(tmp_path / "campaigns" / "study").run("a_s1").attempt(1).root.mkdir(parents=True)
    done = run("extend", "study.toml")
    assert (done.returncode, "frozen.json is missing" in " ".join(done.stderr.split())) == (2, True)


@pytest.mark.parametrize("text", ["[campaign", '[campaign]\nname = "x"\n', "[campaign]\nseeds = 3\n", ""])
def test_extend_spec_without_readable_seeds_is_refused_with_the_reason(
    run: Run, tmp_path: Path, text: str
) -> None:
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    done = run("extend", "study.toml")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert (tmp_path / "study.toml").read_text(encoding="utf-8") == text


def test_extend_spec_that_cannot_be_edited_safely_says_what_to_write(run: Run, tmp_path: Path) -> None:
    text = "campaign = {seeds = [1]}\n"
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    done = run("extend", "study.toml")
    assert done.returncode == 2
    assert "seeds = [1, 2]" in done.stderr
    assert (tmp_path / "study.toml").read_text(encoding="utf-8") == text
