"""The identity of a run: every field is classified, and the hash covers the identity fields and no others."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign.spec.config import RunConfig
from campaign.spec.fields import FieldInfo, fields, sections
from campaign.spec.identity import VERSION, identity, identity_defaults, identity_fields
from campaign.spec.run_config import read_run_config, write_run_config

RECORDED = Path(__file__).with_name("identity_defaults.json")


def with_value(field: FieldInfo, value: Any) -> RunConfig:
    """The default configuration with one field changed, past validation."""
    section = getattr(RunConfig(), field.section) or sections()[field.section]()
    return RunConfig().model_copy(update={field.section: section.model_copy(update={field.name: value})})


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, dict):
        return {"x": 1}
    return ("x",) if value != ("x",) else ()


def test_every_field_says_whether_it_can_change_a_result() -> None:
    unclassified = [path for path, field in fields().items() if field.kind is None]
    assert unclassified == [], "wrap the field's type in Identity[...] or Runtime[...]"


def test_every_field_has_a_docstring() -> None:
    assert [path for path, field in fields().items() if not field.doc] == []


@pytest.mark.parametrize("path", list(fields()))
def test_the_identity_follows_exactly_the_fields_that_can_change_a_result(path: str) -> None:
    field = fields()[path]
    changed = identity(with_value(field, other(field.default))) != identity(RunConfig())
    assert changed == (field.kind == "identity")


def test_the_identity_does_not_know_campaign_or_label() -> None:
    named = RunConfig(campaign="a", condition="b")
    assert identity(named) == identity(RunConfig())


def test_the_identity_is_versioned_and_well_formed() -> None:
    version, _, digest = identity(RunConfig()).partition(":")
    assert version == f"v{VERSION}"
    assert len(digest) == 20
    assert int(digest, 16) >= 0


def test_a_default_that_changes_needs_another_version_of_the_identity() -> None:
    """Fields at their default are not hashed, so a changed default would change results without changing the
    identity: raise `VERSION`, then write the new defaults to the record next to this test. A new field only
    has to be added to the record."""
    recorded = json.loads(RECORDED.read_text())
    assert recorded["version"] == VERSION
    assert recorded["defaults"] == json.loads(json.dumps(identity_defaults()))


def test_a_field_that_a_later_release_adds_leaves_every_identity_alone() -> None:
    """Because fields at their default are not hashed: the hash of the default configuration is that of no bytes."""
    assert identity(RunConfig()) == f"v{VERSION}:{sha256(b'').hexdigest()[:20]}"


def test_the_identity_of_a_given_configuration_is_the_same_in_every_release_of_a_version() -> None:
    config = RunConfig.model_validate_json(
        '{"training": {"lr": 0.001, "seed": 42}, "algorithm": {"advantage_mode": "maxrl"},'
        ' "core": {"options": {"b": 1, "a": [0.5]}}}'
    )
    assert identity(config) == "v1:d95a68c74f9782803bd0"


def test_the_seed_is_part_of_the_identity() -> None:
    assert identity(with_value(fields()["training.seed"], 7)) != identity(RunConfig())


def test_a_default_that_is_written_explicitly_is_the_same_run() -> None:
    assert identity(RunConfig.model_validate_json('{"training": {"lr": 3e-4}}')) == identity(RunConfig())


def test_the_order_of_keys_in_a_free_table_does_not_matter() -> None:
    one = RunConfig.model_validate_json('{"core": {"options": {"a": 1, "b": {"c": 2, "d": 3}}}}')
    two = RunConfig.model_validate_json('{"core": {"options": {"b": {"d": 3, "c": 2}, "a": 1}}}')
    assert identity(one) == identity(two)


def test_the_location_of_a_data_file_does_not_matter_but_its_content_does() -> None:
    def at(path: str, digest: str) -> str:
        return identity(
            RunConfig.model_validate_json(json.dumps({"data": {"path": path, "path_sha256": digest * 64}}))
        )

    assert at("/a/x.jsonl", "0") == at("/b/y.jsonl", "0") != at("/a/x.jsonl", "1")


def test_a_memo_shared_between_calls_changes_no_identity() -> None:
    memo: dict[int, Any] = {}
    for path, field in fields().items():
        config = with_value(field, other(field.default))
        assert identity(config, memo) == identity(config), path


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FREE = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(
    options=st.dictionaries(TEXT, FREE, max_size=4),
    lr=st.floats(1e-9, 1e9),
    model=TEXT,
    squeeze=st.booleans(),
    targets=st.lists(TEXT, max_size=3),
)
def test_a_run_configuration_survives_its_file(
    options: dict[str, Any], lr: float, model: str, squeeze: bool, targets: list[str]
) -> None:
    import tempfile

    data: dict[str, Any] = {
        "campaign": "c",
        "core": {"options": options},
        "training": {"lr": lr, "seed": 5},
        "model": {"model": model, "lora_targets": targets},
    }
    if squeeze:
        data["squeeze"] = {}
    config = RunConfig.model_validate_json(json.dumps(data))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deep" / "config.toml"
        write_run_config(config, path)
        again = read_run_config(path)
        assert [entry.name for entry in path.parent.iterdir()] == ["config.toml"]
    assert again == config
    assert identity(again) == identity(config)
    assert identity_fields(again) == identity_fields(config)


def test_a_run_configuration_edited_by_hand_is_refused_with_places(tmp_path: Path) -> None:
    from campaign.errors import SpecError

    path = tmp_path / "config.toml"
    write_run_config(RunConfig(), path)
    path.write_text(path.read_text().replace("batch_size", "batchsize").replace("lr = 0.0003", "lr = -1.0"))
    with pytest.raises(SpecError) as caught:
        read_run_config(path)
    message = str(caught.value)
    assert "did you mean `batch_size`?" in message
    assert "training.lr: must be above 0, got -1.0" in message
    assert all(problem.place and problem.place.line for problem in caught.value.problems)
