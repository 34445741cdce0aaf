"""The `[check]` table: one schema for every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from campaign.check.claim.declaration import from_section
from campaign.errors import SpecError
from campaign.spec.check_section import CheckSection
from tests.spec.conftest import Cli, Loader


def section(**table: Any) -> CheckSection:
    return CheckSection.model_validate_json(json.dumps(table))


def test_a_single_string_is_a_list_of_one() -> None:
    assert section(variants="b.py", under_test="lr") == section(variants=["b.py"], under_test=["lr"])


@pytest.mark.parametrize(
    ("equal", "groups"),
    [([], ()), (["a", "b"], (("a", "b"),)), ([["a", "b"], ["c", "d", "e"]], (("a", "b"), ("c", "d", "e")))],
)
def test_equal_is_one_group_or_a_list_of_groups(equal: Any, groups: Any) -> None:
    assert section(equal=equal).equal_groups == groups


@pytest.mark.parametrize("equal", [["a"], [["a"]], ["a", ["b", "c"]], [["a", "b"], []], "a", [[1, 2]], 3])
def test_equal_in_any_other_form_is_refused(equal: Any) -> None:
    with pytest.raises(ValidationError):
        section(equal=equal)


def test_the_first_variant_is_the_reference_when_none_is_named(tmp_path: Path) -> None:
    declaration = from_section(section(variants=["a.py", "b.py"]), tmp_path, "x.toml")
    assert (declaration.reference, declaration.variants) == ("a.py", ("b.py",))


def test_a_reference_is_not_compared_with_itself(tmp_path: Path) -> None:
    for name in ("a.py", "b.py", "_base.py"):
        (tmp_path / name).touch()
    declaration = from_section(section(reference="a.py", variants=["*.py"]), tmp_path, "x.toml")
    assert declaration.variants == ("b.py",)


def test_check_and_plan_report_the_same_problem_at_the_same_place(
    cli: Cli, spec_of: Loader, tmp_path: Path
) -> None:
    path = tmp_path / "campaign.toml"
    path.write_text('[check]\nreference = "a.py"\nvariants = ["b.py"]\nunder_tests = ["lr"]\nlabels = 3\n')
    checked, planned = cli("check", path), cli("plan", path)
    assert checked.code == planned.code == 2
    assert checked.err == planned.err
    assert (
        f"{path}:4:1: check: unknown key `under_tests` in [check]\n    did you mean `under_test`?"
        in checked.err
    )
    assert f"{path}:5:10: check.labels: expected a list, got 3" in checked.err


def test_date_in_the_table_is_a_problem_and_not_a_crash(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "campaign.toml"
    path.write_text('[check]\nvariants = ["b.py"]\nentry = 2020-02-02\n')
    assert cli("check", path).code == 2


def test_a_spec_with_problems_elsewhere_is_checked_by_its_table(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("config = {'lr': 1}\n")
    (tmp_path / "b.py").write_text("config = {'lr': 2}\n")
    path = tmp_path / "campaign.toml"
    path.write_text('mystery = 1\n[check]\nvariants = ["a.py", "b.py"]\nunder_test = ["lr"]\n')
    assert cli("check", path).code == 0
    assert cli("plan", path).code == 2


def test_a_spec_without_a_table_is_loaded_with_the_default(spec_of: Loader) -> None:
    assert not spec_of("[campaign]\nseeds = [1]\n").check.names_files


def test_a_table_that_names_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="needs a reference and variants"):
        from_section(CheckSection(), tmp_path, "x.toml")
