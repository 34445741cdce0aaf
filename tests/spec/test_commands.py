"""The commands `plan`, `init` and `schema`, on a terminal and in a pipe."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from campaign.spec.host import with_host_resources
from campaign.spec.load import load
from campaign.spec.plan_json import plan_from_json
from campaign.spec.planned_runs import Facts
from campaign.spec.resolve import resolve
from tests.spec.conftest import Cli

ROOT = Path(__file__).parents[2]
FIRST_LIGHT = ROOT / "examples" / "first_light.toml"
ABLATION = ROOT / "templates" / "ablation.toml"
HEAVY = (
    "ray",
    "torch",
    "wandb",
    "altair",
    "vl_convert",
    "matplotlib",
    "plotly",
    "scipy",
    "polars",
    "transformers",
    "peft",
)


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def on_a_terminal(columns: int, *arguments: str, **env: str) -> str:
    """The output of the command on a terminal of this width."""
    master, slave = pty.openpty()
    variables = environment(COLUMNS=str(columns), TERM="xterm-256color", **env)
    command = [sys.executable, "-m", "campaign", *arguments]
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=variables)
    os.close(slave)
    output: list[bytes] = []

    def collect() -> None:
        try:
            while chunk := os.read(master, 65536):
                output.append(chunk)
        except OSError:  # the other end is closed
            return

    reader = threading.Thread(target=collect)
    reader.start()
    assert process.wait(timeout=60) == 0
    reader.join(timeout=60)
    os.close(master)
    return b"".join(output).decode()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["plan", str(FIRST_LIGHT)],
        ["plan", str(FIRST_LIGHT), "--json"],
        ["init", "--list"],
        ["schema"],
        ["check", str(FIRST_LIGHT)],
        ["status"],
    ],
    ids=lambda arguments: " ".join(Path(argument).name for argument in arguments),
)
def test_a_light_command_imports_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom campaign.cli.app import main\nsys.argv = ['campaign', *sys.argv[1:]]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('\\nIMPORTED', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=tmp_path,
        check=True,
    )
    # A plan computes the power of its seeds, which needs scipy and nothing else of these.
    allowed = "['scipy']" if "plan" in arguments and "--help" not in arguments else "[]"
    assert done.stdout.rpartition("IMPORTED ")[2].strip() in ("[]", allowed)
    assert "Traceback" not in done.stderr


def test_plan_shows_the_matrix_the_reasons_and_what_a_test_can_reach(cli: Cli) -> None:
    result = cli("plan", FIRST_LIGHT)
    assert result.code == 0
    assert result.err == ""
    assert "first_light: 2 conditions x 3 seeds = 6 runs" in result.out
    assert re.search(r"^kl_0\.1 +run +run +run$", result.out, re.M)
    assert "run 6: new" in result.out
    assert "no exact paired test can reach p < .05 (the smallest is .25)" in result.out
    assert re.search(r"resources: 1 CPU, 0 GPU per run; \d+ at a time on this machine", result.out)


def test_plan_has_no_side_effect(cli: Cli, tmp_path: Path) -> None:
    cli("plan", FIRST_LIGHT)
    assert list(tmp_path.iterdir()) == []


def test_plan_as_json_is_one_versioned_document_that_is_the_plan(cli: Cli) -> None:
    document = json.loads(cli("plan", ABLATION, "--json").out)
    assert document["version"] == 1
    expected = resolve(load(ABLATION), with_host_resources(Facts()))
    assert plan_from_json(document) == expected
    assert document["counts"] == {"run": 48}
    assert document["exact_test"] == {"pairs": 8, "candidates": 5, "least_p": 2 / 2**8, "pairs_needed": 8}


def test_plan_of_more_seeds_than_fit_counts_instead_of_cutting(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "wide.toml"
    path.write_text(f"[campaign]\nseeds = {list(range(100))}\n[campaign.factors]\nkl_coef = [0.0, 0.1]\n")
    result = cli("plan", path)
    assert re.search(r"^grpo\+none~kl_coef=0\.1 +run 100$", result.out, re.M)


def test_plan_of_many_conditions_shows_some_and_counts_the_rest_or_all_with_v(
    cli: Cli, tmp_path: Path
) -> None:
    path = tmp_path / "long.toml"
    path.write_text(f"[campaign.factors]\nbatch_size = {list(range(10, 110))}\n")
    assert "... and 60 conditions more: run 180 (-v shows all)" in cli("plan", path).out
    verbose = cli("plan", path, "-v").out
    assert "more" not in verbose
    assert "grpo+none~batch_size=109: training.batch_size = 109" in verbose


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
@pytest.mark.parametrize("arguments", [("--help",), ("plan", ABLATION), ("plan", ABLATION, "-v")])
def test_nothing_is_wider_than_the_reader_and_no_name_is_cut(
    columns: int, arguments: tuple[str, ...], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    output = cli(*arguments).out
    assert max(len(line.rstrip()) for line in output.splitlines()) <= columns
    if arguments[0] == "plan":
        for label in ("grpo+none", "maxrl+gtpo_sepa", "grpo_small_lr"):
            assert label in output


def test_a_label_longer_than_its_column_has_a_separate_line(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    label = "long_" * 10
    path = tmp_path / "c.toml"
    path.write_text(f"[campaign]\nseeds = [1, 2]\n[[campaign.conditions]]\nname = '{label}'\n")
    monkeypatch.setenv("COLUMNS", "60")
    lines = cli("plan", path).out.splitlines()
    row = lines.index(label)
    assert lines[row + 1].split() == ["run", "run"]


def test_a_terminal_without_colour_gets_none() -> None:
    output = on_a_terminal(60, "plan", str(ABLATION), NO_COLOR="1")
    assert "grpo_small_lr" in output
    assert not re.search(r"\x1b\[(\d;)?[349]\d", output)


def test_a_terminal_gets_colours_and_a_pipe_none() -> None:
    assert "\x1b[32m" in on_a_terminal(80, "plan", str(FIRST_LIGHT))
    done = subprocess.run(
        [sys.executable, "-m", "campaign", "plan", str(FIRST_LIGHT)],
        capture_output=True,
        env=environment(),
        check=True,
    )
    assert b"\x1b" not in done.stdout


def test_a_spec_error_goes_to_stderr_with_exit_code_2_and_a_traceback_only_for_debug(
    cli: Cli, tmp_path: Path
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("[campaign]\nseeds = []\n")
    plain = cli("plan", path)
    assert (plain.code, plain.out) == (2, "")
    assert f"{path}:2:9: campaign.seeds: needs at least 1 value" in plain.err
    assert "Traceback" not in plain.err
    assert "Traceback" in cli("--debug", "plan", path).err


def test_init_writes_a_template_that_plans_and_names_the_next_commands(cli: Cli, tmp_path: Path) -> None:
    result = cli("init")
    assert (result.code, result.out) == (0, "first_look.toml\n")
    assert "campaign plan first_look.toml" in result.err
    assert (tmp_path / "first_look.toml").read_text().startswith("#:schema ./campaign.schema.json\n")
    assert (tmp_path / "campaign.schema.json").is_file()
    assert cli("plan", "first_look.toml").code == 0


@pytest.mark.parametrize("template", ["first_look", "ablation", "script"])
def test_init_knows_every_template(template: str, cli: Cli) -> None:
    assert cli("init", template, "--out", "deep/x.toml", "--no-schema").code == 0
    assert cli("plan", "deep/x.toml").code == 0


def test_init_never_overwrites_a_file_without_force(cli: Cli, tmp_path: Path) -> None:
    mine = tmp_path / "first_look.toml"
    mine.write_text("mine")
    refused = cli("init")
    assert refused.code == 2
    assert "--force overwrites it" in refused.err
    assert mine.read_text() == "mine"
    assert not (tmp_path / "campaign.schema.json").exists()
    assert cli("init", "--force").code == 0
    assert mine.read_text() != "mine"


def test_init_leaves_a_schema_file_that_it_did_not_write_alone(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "campaign.schema.json").write_text("{}")
    assert cli("init").code == 0
    assert (tmp_path / "campaign.schema.json").read_text() == "{}"
    assert not (tmp_path / "first_look.toml").read_text().startswith("#:schema")


def test_init_of_an_unknown_template_suggests_a_similar_one(cli: Cli) -> None:
    result = cli("init", "ablaton")
    assert result.code == 2
    assert "did you mean `ablation`?" in result.err


def test_init_lists_its_templates_each_with_what_it_is_for(cli: Cli) -> None:
    lines = cli("init", "--list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["first_look", "ablation", "script"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("campaign pl", "plan"),
        ("campaign plan --j", "--json"),
        ("campaign init abl", "ablation"),
        ("campaign sch", "schema"),
    ],
)
def test_the_shell_completes_commands_options_and_templates(words: str, expected: str) -> None:
    env = environment(
        _CAMPAIGN_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1)
    )
    done = subprocess.run(
        [sys.executable, "-m", "campaign"], capture_output=True, text=True, env=env, check=False
    )
    assert done.stdout.split() == [expected]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("campaign status s", ["small", "spare"]),
        ("campaign report sm", ["small"]),
        ("campaign logs small b", ["b_s1", "b_s2"]),
        ("campaign cancel small b_s1 b", ["b_s2"]),
        ("campaign compare small a b", ["b"]),
        ("campaign logs nothing b", []),
    ],
)
def test_the_shell_completes_names_of_campaigns_runs_and_conditions(
    words: str, expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "spare").mkdir()
    for run in ("a_s1", "b_s1", "b_s2"):
        (tmp_path / "small" / "runs" / run).mkdir(parents=True)
    plan = {"conditions": [{"label": "a"}, {"label": "b"}]}
    (tmp_path / "small" / "plan.json").write_text(json.dumps(plan))
    env = environment(
        _CAMPAIGN_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1),
        CAMPAIGN_DIR=str(tmp_path),
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "campaign"], capture_output=True, text=True, env=env, check=False
    )
    assert (done.stdout.split(), done.stderr) == (expected, "")


def test_init_script_writes_the_script_that_its_template_runs(cli: Cli, tmp_path: Path) -> None:
    result = cli("init", "script")
    assert (result.code, result.out.split()) == (0, ["script.toml", "train.py"])
    (tmp_path / "script.toml").unlink()
    refused = cli("init", "script")
    assert refused.code == 2
    assert "train.py exists" in refused.err
    assert not (tmp_path / "script.toml").exists()


def test_the_templates_script_resumes_to_the_same_rows_and_stops_when_asked(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[training]\nmax_steps = 60\n[core.options]\noptimizer = "muon"\nweight_decay = 0.1\n')
    script = [sys.executable, ROOT / "templates/script/train.py", "--config", config, "--seed", "7"]
    first, second = tmp_path / "first", tmp_path / "second"
    for out, resume in ((first, ""), (second, str(first / "checkpoints/step_000050"))):
        out.mkdir()
        subprocess.run([*script, "--out", out, "--resume", resume], check=True, capture_output=True)
    rows = (first / "metrics.jsonl").read_text().splitlines()
    assert (second / "metrics.jsonl").read_text().splitlines() == rows[50:]
    assert len(rows) == 60


def test_help_of_a_command_has_its_exit_codes_and_not_only_the_line_of_the_list(cli: Cli) -> None:
    assert "Exit code 0: all are CONFIRMED" in cli("compare", "--help").out
    assert "Without a run, list the log files" in " ".join(cli("logs", "--help").out.split())
