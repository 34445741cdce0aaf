"""Secrets and control characters of a core, a model or a file: none leaves through anything that campaign writes.

The exceptions are the core's own files, in `attempts/<n>/`: `log.txt`, its metrics and its completions as it wrote them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from campaign.cli.console import print_json
from campaign.execution.log_tail import TAIL_BYTES, log_tail
from campaign.folder.atomic_files import write_json
from campaign.folder.outcome import Outcome
from campaign.folder.paths import CampaignPaths
from campaign.redact import REDACTED
from campaign.report.markdown import code, table

HERE = Path(__file__).parents[1]
BODY = [f"{number:02d}Kx9" + "Zm9v" * 14 for number in range(26)]
SECRETS = {
    "environment": "correct/horse+battery",
    "openai": "sk-proj-" + "b" * 24,
    "hugging_face": "hf_" + "c" * 30,
    "github": "ghp_" + "d" * 36,
    "aws": "AKIA" + "E" * 16,
    "bearer": "Bearer " + "f" * 24,
    "jwt": f"eyJ{'g' * 20}.{'h' * 30}.{'i' * 30}",
    "url": "reader:hunter2",
    "named": "plain-words-77",
}
"""Kind -> what must not be found."""
CORE = f"""
import json, os, sys
folder, condition = sys.argv[1], os.environ["CAMPAIGN_CONDITION"]
said = [{SECRETS["openai"]!r}, {SECRETS["hugging_face"]!r}, {SECRETS["github"]!r}, {SECRETS["aws"]!r},
        "Authorization: " + {SECRETS["bearer"]!r}, {SECRETS["jwt"]!r}, "https://{SECRETS["url"]}@host/x",
        os.environ["SERVICE_TOKEN"], "api_key=" + {SECRETS["named"]!r}]
words = " | ".join(said) + " \\x1b]0;owned\\x07 \\x9b2J \\u202e <script>alert(1)</script> [red]x[/red]"
os.makedirs(f"{{folder}}/emergence")
with open(f"{{folder}}/metrics.jsonl", "w") as log, open(f"{{folder}}/emergence/generations.jsonl", "w") as texts:
    for step in range(4):
        log.write(json.dumps({{"step": step, "correct_rate": step / 10 + int(sys.argv[2]) / 100, "note": words,
                              "at/" + said[1]: step * 0.5}}) + "\\n")
        row = {{"step": step, "prompt": "x" * 1185 + " " + said[0], "completion": words, "reward": step, "correct": True}}
        texts.write(json.dumps(row, ensure_ascii=False) + "\\n")
print(words)
print("-----BEGIN RSA PRIVATE KEY-----", *{BODY!r}, "-----END RSA PRIVATE KEY-----", sep="\\n", flush=True)
if condition == "bad":
    print("filler " * 2080)  # the tail begins inside of the secret
    raise RuntimeError(words)
"""
SPEC = """
[campaign]
name = "leaky"
seeds = [1, 2]
max_steps = 4

[[campaign.conditions]]
name = "good"

[[campaign.conditions]]
name = "bad"
kl_coef = 0.1

[core]
command = ["python", "core.py", "{run_dir}", "{seed}"]

[retry]
max_failures = 0
"""
OWN_FILES = re.compile(r"attempts/\d+/(log\.txt|metrics\.jsonl|emergence/)")
COMMANDS = [
    ("status", "leaky"),
    ("status", "leaky", "--json"),
    ("logs", "leaky", "bad_s1"),
    ("logs", "leaky", "good_s1", "--attempt", "1"),
    ("plan", "leaky.toml", "--json"),
    ("compare", "leaky"),
    ("compare", "leaky", "--json"),
    ("report", "leaky", "--format", "md"),
    ("report", "leaky", "--json"),
    ("submit", "leaky.toml", "--backend", "local", "--json"),
    ("run", "campaigns/leaky/runs/bad_s1/config.toml", "--out", "again"),
]
ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("leaky")
    (folder / "core.py").write_text(CORE)
    (folder / "leaky.toml").write_text(SPEC)
    return folder


def campaign(folder: Path, *arguments: str, umask: int = 0o027) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "campaign", *arguments], cwd=folder, umask=umask,
        env={**os.environ, "PYTHONPATH": str(HERE), "SERVICE_TOKEN": SECRETS["environment"]},
        capture_output=True, stdin=subprocess.DEVNULL, timeout=180, check=False,
    )  # fmt: skip


def found_in(content: bytes) -> set[str]:
    """The kinds of the secrets in `content`, as they are or in the escapes of JSON and Markdown."""
    text = content.decode("utf-8", "replace").replace("\\_", "_").replace("\\/", "/").replace("&#43;", "+")
    kinds = {kind for kind, secret in SECRETS.items() if secret in text}
    return kinds | ({"private key"} if any(line in text for line in BODY) else set())


@pytest.fixture(scope="module")
def submitted(folder: Path) -> subprocess.CompletedProcess[bytes]:
    return campaign(folder, "submit", "leaky.toml", "--backend", "local")


def test_the_core_does_leak(folder: Path, submitted: subprocess.CompletedProcess[bytes]) -> None:
    log = folder / "campaigns/leaky/runs/bad_s1/attempts/0001/log.txt"
    assert found_in(log.read_bytes()) == {*SECRETS, "private key"}


def test_no_file_that_campaign_writes_holds_a_secret(
    folder: Path, submitted: subprocess.CompletedProcess[bytes]
) -> None:
    root = folder / "campaigns"
    files = [path for path in root.rglob("*") if path.is_file() and not OWN_FILES.search(path.as_posix())]
    names = {path.name for path in files}
    assert names >= {
        "campaign.db",
        "result.json",
        "index.html",
        "report.md",
        "report.json",
        "generations.jsonl",
    }
    assert {str(path): kinds for path in files if (kinds := found_in(path.read_bytes()))} == {}
    result = json.loads((root / "leaky/runs/bad_s1/attempts/0001/result.json").read_text())
    assert result["traceback"].splitlines()[-1].startswith(f"RuntimeError: {REDACTED} | {REDACTED}")


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_no_command_prints_a_secret_or_a_control_character(
    folder: Path, submitted: subprocess.CompletedProcess[bytes], arguments: tuple[str, ...]
) -> None:
    done = campaign(folder, *arguments)
    output = done.stdout + done.stderr
    assert b"Traceback (most recent call last):\n  File" not in done.stderr
    assert found_in(output) == set()
    assert not ACTIVE.search(output.decode())


def test_the_submit_itself_prints_neither(submitted: subprocess.CompletedProcess[bytes]) -> None:
    output = submitted.stdout + submitted.stderr
    assert b"failed: bad_s1: RuntimeError: [redacted]" in output
    assert b"[red]x[/red]" in output.replace(b"\n", b"")
    assert found_in(output) == set()
    assert not ACTIVE.search(output.decode())


def test_a_raw_log_is_printed_as_it_is(folder: Path, submitted: subprocess.CompletedProcess[bytes]) -> None:
    log = folder / "campaigns/leaky/runs/bad_s1/attempts/0001/log.txt"
    assert campaign(folder, "logs", "leaky", "bad_s1", "--attempt", "1", "--raw").stdout == log.read_bytes()


def test_the_reports_show_the_words_of_a_core_as_words(
    folder: Path, submitted: subprocess.CompletedProcess[bytes]
) -> None:
    report = CampaignPaths(folder / "campaigns/leaky").report
    for path in (report.page, report.markdown, report.document):
        text = path.read_text()
        assert "\\x1b]0;owned\\x07" in text.replace("\\\\", "\\").replace("\\]", "]")
        assert not ACTIVE.search(text.partition("<script>")[0])
    assert "<script>alert" not in report.page.read_text()


def test_files_follow_the_umask(folder: Path, submitted: subprocess.CompletedProcess[bytes]) -> None:
    paths = CampaignPaths(folder / "campaigns/leaky")
    figure = next(paths.report.figures.glob("*.svg"))
    written = (
        paths.report.page, paths.report.markdown, paths.report.document, figure, paths.plan, paths.database,
        paths.check, paths.lock, paths.run("bad_s1").attempt(1).result, paths.run("bad_s1").attempt(1).log,
    )  # fmt: skip
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in written} == {
        path.name: "0o640" for path in written
    }


def test_a_result_that_the_core_wrote_itself_is_shown_without_its_secrets(tmp_path: Path) -> None:
    paths = CampaignPaths(tmp_path)
    attempt = paths.run("a_s1").attempt(1)
    attempt.root.mkdir(parents=True)
    secret = SECRETS["openai"]
    write_json(attempt.result, Outcome("failed", 1, reason=f"{secret} \x1b[2J").to_json())
    done = campaign(tmp_path, "report", str(tmp_path), "--json")
    assert json.loads(done.stdout)["runs"][0]["error"] == f"{REDACTED} \\x1b[2J"


@pytest.mark.parametrize("kind", [*SECRETS, "private key"])
def test_a_tail_that_begins_inside_of_a_secret_shows_no_part_of_it(kind: str, tmp_path: Path) -> None:
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *BODY, "-----END PRIVATE KEY-----"])
    secret = SECRETS.get(kind, key)
    said = {"url": f"https://{secret}@host", "named": f"password={secret}"}.get(kind, secret)
    log, known = tmp_path / "log.txt", (SECRETS["environment"],)
    for inside in range(1, len(said), max(1, len(said) // 40)):
        log.write_text(said + " " + "." * (TAIL_BYTES - inside - 1))
        tail = "\n".join(log_tail(log, known))
        assert tail.endswith("....")
        parts = {secret[at : at + 10] for at in range(len(secret) - 9)} | {secret[-8:]}
        assert not [part for part in parts if part in tail]


SOURCE = """
config = {{"api_key": {key!r}, "note": {note!r}, "lr": 1}}
"""


@pytest.mark.parametrize("output", ["text", "json", "github", "sarif"])
def test_a_check_quotes_no_secret_of_a_source(tmp_path: Path, output: str) -> None:
    (tmp_path / "a.py").write_text(SOURCE.format(key="first-password", note=SECRETS["hugging_face"]))
    (tmp_path / "b.py").write_text(
        SOURCE.format(key="other-password", note=SECRETS["github"] + "\x1b\x9b\u202e")
    )
    done = campaign(tmp_path, "check", "a.py", "b.py", "--format", output)
    text = (done.stdout + done.stderr).decode()
    assert done.returncode == 1
    assert REDACTED in text
    assert "-password" not in text
    assert found_in(text.encode()) == set()
    assert not ACTIVE.search(text)


def test_a_dump_hides_secrets_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "config = {'api_key': 'open sesame', 'pad_token': '<pad>', 'x': 'hf_%s'}\n" % ("c" * 20)
    )
    done = campaign(tmp_path, "check", "a.py", "--dump")
    assert b"open sesame" not in done.stdout
    assert b"<pad>" in done.stdout
    assert b"hf_ccc" not in done.stdout


def test_a_message_about_a_campaign_file_has_no_control_characters(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[campaign]\nseeds = [1]\n[training]\nlr = "\x9b2J\u202e[red]"\n')
    done = campaign(tmp_path, "plan", "c.toml")
    assert done.returncode == 2
    assert "[red]" in done.stderr.decode()
    assert not ACTIVE.search(done.stderr.decode())


@pytest.mark.parametrize("value", ["a|b", "a\\|b", "`|<img src=x>|`", "x\\"])
def test_a_value_in_a_markdown_table_stays_in_its_cell(value: str) -> None:
    row = table(["field", "value"], [["lr", code(value)]], raw=True).splitlines()[-1]
    # As GitHub splits a row: a backslash escapes the punctuation that follows it.
    cells = re.sub(r"\\[!-/:-@\[-`{-~]", "", row).strip("|").split("|")
    assert len(cells) == 2
    assert "<img" not in row


def test_a_report_hides_what_older_and_live_files_hold(
    folder: Path, submitted: subprocess.CompletedProcess[bytes], tmp_path: Path
) -> None:
    """The completions of a live run are as its core wrote them, and a reason is as the user typed it."""
    shutil.copytree(folder / "campaigns/leaky", tmp_path / "copy", symlinks=True)
    paths = CampaignPaths(tmp_path / "copy")
    for run in paths.run_folders():
        raw = run.attempt(1).emergence / run.emergence_generations.name
        shutil.copy(raw, run.emergence_generations)
    reason = f"<img src=x> [a](http://b) \x1b[2J {SECRETS['openai']}"
    check = json.loads(paths.check.read_text())
    write_json(paths.check, {**check, "verdict": "confound", "allowed": reason})
    assert campaign(tmp_path, "report", "copy").returncode == 0
    markdown, page = paths.report.markdown.read_text(), paths.report.page.read_text()
    assert r"the reason given: \<img src=x\> \[a\](http://b) \\x1b\[2J" in markdown
    assert "the reason given: &lt;img src=x&gt;" in page
    for text in (markdown, page, paths.report.document.read_text()):
        assert found_in(text.encode()) == set()
        assert SECRETS["openai"][:12] not in text  # nor the beginning of one that was cut
        assert not ACTIVE.search(text.partition("<script>")[0])


def test_an_error_and_a_document_are_printed_without_control_characters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "a\x1b[2J\u202e"
    (tmp_path / name).mkdir()
    done = campaign(tmp_path, "status", name)
    assert done.returncode == 2
    assert r"a\x1b[2J\u202e is not a submitted campaign" in done.stderr.decode()
    print_json({"name": name + "\x9b\ud800", "token": SECRETS["github"]})
    printed = capsys.readouterr().out
    assert not ACTIVE.search(printed)
    assert json.loads(printed) == {"name": name + "\x9b\ud800", "token": REDACTED}
