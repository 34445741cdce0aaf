"""House rules, as tests: what the documents say is what the house does."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import campaign.errors as errors

HERE = Path(__file__).parents[1]
DOCUMENTS = sorted([*HERE.glob("*.md"), *HERE.glob("docs/*.md"), *HERE.glob("examples/**/*.md")])


def _commands(document: Path) -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def test_ci_runs_the_readmes_test_command_word_for_word() -> None:
    test_command = next(line for line in _commands(HERE / "README.md") if "pytest" in line)
    assert test_command in (HERE / ".ci/run").read_text(encoding="utf-8").splitlines()


def test_contributing_names_the_same_test_command_as_the_readme() -> None:
    test_command = next(line for line in _commands(HERE / "README.md") if "pytest" in line)
    assert test_command in _commands(HERE / "CONTRIBUTING.md")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(HERE)))
def test_document_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    missing = [name for name in targets if "://" not in name and not (document.parent / name).exists()]
    assert not missing


def test_exit_codes_of_the_documents_are_those_of_the_code() -> None:
    table = (
        (HERE / "docs/architecture.md").read_text(encoding="utf-8").partition("## Errors and exit codes")[2]
    )
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    in_code = {
        kind.exit_code
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.CampaignError)
    }
    assert documented == in_code | {0}


def test_every_benchmark_and_command_is_reachable_by_name() -> None:
    from campaign.cli.app import COMMANDS

    missing = [name for name in COMMANDS if not (HERE / f"campaign/cli/{name}.py").is_file()]
    assert not missing
    assert all(
        path.read_text(encoding="utf-8").startswith('"""') for path in (HERE / "benchmarks").glob("*.py")
    )
