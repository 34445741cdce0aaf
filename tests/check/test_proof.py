"""The proof from Python: patterns without a match, and the form of a dump."""

from __future__ import annotations

import pytest

from campaign.check import Declaration, dump, prove
from campaign.errors import UsageError

from .conftest import Write


def test_all_patterns_without_a_match_are_reported_together(write: Write) -> None:
    root = write(a="config = {'lr': 1}\n", b="config = {'lr': 2}\n")
    declaration = Declaration("a.py", ("b.py",), None, ("lr", "decay"), labels=("tag",))
    with pytest.raises(UsageError, match="no field matches 'decay', 'tag'"):
        prove(declaration, root)
    with pytest.raises(UsageError, match="no field matches 'tag'"):
        prove(declaration, root, may_be_unmatched=("decay",))
    assert prove(declaration, root, may_be_unmatched=("decay", "tag")).verdict == "proven"


def test_pattern_may_match_a_field_of_a_file_that_does_not_load(write: Write) -> None:
    root = write(a="config = {'lr': 1}\n", b="config = (\n")
    result = prove(Declaration("a.py", ("b.py",), None, ("decay",)), root)
    assert result.verdict == "unproven"
    (finding,) = result.variants[0].findings
    assert not finding.loads
    assert finding.suggestion


def test_bug_of_the_checker_is_unproven_and_asks_for_a_report(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("handler")

    monkeypatch.setattr("campaign.check.entries.dialect_of", broken)
    result = prove(Declaration("a.py", ("b.py",)), write(a="config = 1\n", b="config = 1\n"))
    assert result.verdict == "unproven"
    finding = result.variants[0].findings[0]
    assert "the checker failed: KeyError" in finding.message
    assert "report it" in finding.suggestion


def test_check_without_a_variant_is_an_error(write: Write) -> None:
    with pytest.raises(UsageError, match="at least one variant"):
        prove(Declaration("a.py", ()), write(a="config = 1\n"))


def test_dump_writes_each_case_of_a_run_time_test(write: Write) -> None:
    root = write(a="import os\nconfig = [1 if os.environ.get('BIG') else 2.0, (b'x', {3}, print)]\n")
    tree = dump("a.py", root)
    rest = {"$tuple": [{"$bytes": "78"}, {"$set": [{"$int": "3"}]}, {"$function": "print"}]}
    assert [case["tree"] for case in tree["$cases"]] == [[{"$int": "1"}, rest], [{"$float": "2.0"}, rest]]


def test_dump_marks_an_object_that_external_code_may_have_changed(write: Write) -> None:
    root = write(a="import fw\nx = [1]\nfw.register(x)\nconfig = {'x': x}\n")
    assert "fw.register" in dump("a.py", root)["$dict"][0][1]["$unknown"]
