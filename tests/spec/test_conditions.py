"""Conditions: the meaning of their keys, their labels, and the combinations of factors."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import pytest

from campaign.errors import SpecError
from campaign.spec.fields import fields
from campaign.spec.load import load
from campaign.spec.spec import Spec
from tests.spec.conftest import Loader


def labels(spec: Spec) -> list[str]:
    return [condition.label for condition in spec.conditions]


def test_bare_dotted_and_nested_keys_mean_the_same_field(spec_of: Loader) -> None:
    spec = spec_of(
        dedent("""
        [[campaign.conditions]]
        lr = 0.1
        [[campaign.conditions]]
        training.lr = 0.2
        [[campaign.conditions]]
        "training.lr" = 0.3
        [[campaign.conditions]]
        training = { lr = 0.4 }
        [[campaign.conditions]]
        [campaign.conditions.training]
        lr = 0.5
        """)
    )
    assert [condition.config.training.lr for condition in spec.conditions] == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert {tuple(condition.overrides) for condition in spec.conditions} == {("training.lr",)}


def test_labels_join_advantage_and_transform_and_name_further_differences(spec_of: Loader) -> None:
    spec = spec_of(
        dedent("""
        [[campaign.conditions]]
        advantage_mode = "grpo"
        [[campaign.conditions]]
        advantage_mode = "maxrl"
        transform_mode = "gtpo_sepa"
        [[campaign.conditions]]
        kl_coef = 0.1
        lr = 3e-4           # as in the base, so it is no difference
        [[campaign.conditions]]
        lr = 1e-4
        resources.num_gpus = 2
        [[campaign.conditions]]
        model = "org/name"
        lora_targets = ["q_proj", "k_proj"]
        """)
    )
    assert labels(spec) == [
        "grpo+none",
        "maxrl+gtpo_sepa",
        "grpo+none~kl_coef=0.1",
        "grpo+none~lr=0.0001~resources.num_gpus=2",
        "grpo+none~model=org-name~lora_targets=q_proj,k_proj",
    ]


def test_labels_of_a_users_own_core_omit_the_algorithm(spec_of: Loader) -> None:
    spec = spec_of(
        '[core]\ncommand = ["x"]\n[campaign.factors]\ncore.options.optimizer = ["adamw", "muon"]\n'
    )
    assert labels(spec) == ["optimizer=adamw", "optimizer=muon"]


def test_labels_too_long_for_a_folder_are_cut_and_stay_distinct(spec_of: Loader) -> None:
    targets = [f"layer_{i}_projection" for i in range(20)]
    spec = spec_of(
        f"[[campaign.conditions]]\nlora_targets = {targets}\n"
        f"[[campaign.conditions]]\nlora_targets = {targets[::-1]}\n"
    )
    assert len(set(labels(spec))) == 2
    assert all(len(label) <= 100 for label in labels(spec))


def test_no_conditions_mean_the_base_alone(spec_of: Loader) -> None:
    spec = spec_of("[training]\nlr = 0.1\n")
    assert labels(spec) == ["base"]
    assert spec.conditions[0].config.training.lr == 0.1
    assert spec.under_test == ()


def test_a_condition_that_is_only_named_is_the_base(spec_of: Loader) -> None:
    spec = spec_of(
        '[[campaign.conditions]]\nname = "control"\n[[campaign.conditions]]\nname = "kl"\nkl_coef = 0.1\n'
    )
    assert labels(spec) == ["control", "kl"]
    assert spec.conditions[0].config.algorithm.kl_coef == 0.0


def test_a_condition_changes_only_the_fields_it_sets(spec_of: Loader) -> None:
    spec = spec_of("[sepa]\nsteps = 7\n[[campaign.conditions]]\nsepa.delay_steps = 3\n")
    (condition,) = spec.conditions
    changed = {
        path: (before, after)
        for path, field in fields().items()
        if (before := getattr(getattr(spec.base, field.section), field.name, None))
        != (after := getattr(getattr(condition.config, field.section), field.name, None))
    }
    assert changed == {"sepa.delay_steps": (50, 3)}
    assert condition.config.sepa.steps == 7


def test_a_key_of_a_free_table_overrides_the_base_and_leaves_other_keys(spec_of: Loader) -> None:
    spec = spec_of(
        "[core.options]\na = 1\nb = 2\n[[campaign.conditions]]\ncore.options.b = 3\n"
        '[[campaign.conditions]]\n"core.options.c" = [4]\n'
    )
    assert [condition.config.core.options for condition in spec.conditions] == [
        {"a": 1, "b": 3},
        {"a": 1, "b": 2, "c": [4]},
    ]
    assert spec.under_test == ("core.options.b", "core.options.c")


def test_factors_give_every_combination_in_the_order_of_the_file(spec_of: Loader) -> None:
    spec = spec_of('[campaign.factors]\nadvantage_mode = ["grpo", "maxrl"]\nkl_coef = [0.0, 0.1]\n')
    assert labels(spec) == ["grpo+none", "grpo+none~kl_coef=0.1", "maxrl+none", "maxrl+none~kl_coef=0.1"]


def test_exclude_removes_every_combination_that_has_all_its_values(spec_of: Loader) -> None:
    spec = spec_of(
        '[campaign.factors]\nadvantage_mode = ["grpo", "maxrl"]\nkl_coef = [0.0, 0.1]\nlr = [0.1, 0.2]\n'
        "[[campaign.exclude]]\nadvantage_mode = 'maxrl'\nalgorithm.kl_coef = 0.1\n"
    )
    assert len(spec.conditions) == 6
    assert not any("maxrl" in label and "kl_coef" in label for label in labels(spec))


def test_include_adds_conditions_to_the_combinations(spec_of: Loader) -> None:
    spec = spec_of(
        '[campaign.factors]\nkl_coef = [0.0, 0.1]\n[[campaign.include]]\nname = "hot"\ntemperature = 1.5\n'
    )
    assert labels(spec) == ["grpo+none", "grpo+none~kl_coef=0.1", "hot"]
    assert spec.under_test == ("algorithm.kl_coef", "training.temperature")


def test_a_factor_of_lists_takes_each_list_as_one_value(spec_of: Loader) -> None:
    spec = spec_of('[campaign.factors]\ndata.sources = [["add"], ["add", "sort"]]\n')
    assert [condition.config.data.sources for condition in spec.conditions] == [("add",), ("add", "sort")]


def test_under_test_expands_patterns_and_bare_names(spec_of: Loader) -> None:
    spec = spec_of('[campaign]\nunder_test = ["kl_coef", "gtpo.*", "training.lr"]\n')
    assert spec.under_test == ("algorithm.kl_coef", "gtpo.beta", "training.lr")


def test_the_content_of_a_data_file_under_test_is_under_test(spec_of: Loader, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text(f'{{"prompt": "{name}", "answer": "1"}}\n')
    spec = spec_of('[campaign.factors]\ndata.path = ["a.jsonl", "b.jsonl"]\n')
    assert spec.under_test == ("data.path", "data.path_sha256")
    first, second = (condition.config.data for condition in spec.conditions)
    assert first.path == str(tmp_path / "a.jsonl")
    assert first.path_sha256 != second.path_sha256


def test_a_content_hash_in_the_file_must_match_the_data(spec_of: Loader, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    written = spec_of('[data]\npath = "a.jsonl"\n').base.data.path_sha256
    assert spec_of(f'[data]\npath = "a.jsonl"\npath_sha256 = "{written}"\n').base.data.path_sha256 == written
    (tmp_path / "a.jsonl").write_text("changed\n")
    with pytest.raises(SpecError, match=r":3:15: data\.path_sha256: a\.jsonl has other content"):
        spec_of(f'[data]\npath = "a.jsonl"\npath_sha256 = "{written}"\n')


def test_a_content_hash_must_match_a_file_with_an_absolute_path_too(spec_of: Loader, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    with pytest.raises(SpecError, match="has other content"):
        spec_of(f'[data]\npath = "{tmp_path}/a.jsonl"\npath_sha256 = "{"0" * 64}"\n')


def test_a_model_folder_is_found_beside_the_spec_and_a_hub_name_is_left_alone(
    spec_of: Loader, tmp_path: Path
) -> None:
    (tmp_path / "weights" / "small").mkdir(parents=True)
    spec = spec_of(
        "[campaign.factors]\n"
        'model.model = ["weights/small", "./weights/small/../small/", "org/name", "embedded"]\n'
        "[[campaign.exclude]]\nmodel.model = './weights/small/../small/'\n"
    )
    assert [condition.config.model.model for condition in spec.conditions] == [
        str(tmp_path / "weights" / "small"),
        "org/name",
        "embedded",
    ]
    assert labels(spec)[0] == "grpo+none~model=weights-small"


def test_max_steps_of_the_campaign_applies_to_every_run_unless_a_condition_sets_it(spec_of: Loader) -> None:
    spec = spec_of(
        "[campaign]\nmax_steps = 7\n"
        "[[campaign.conditions]]\nlr = 0.1\n[[campaign.conditions]]\nmax_steps = 9\n"
    )
    assert [condition.config.training.max_steps for condition in spec.conditions] == [7, 9]


def test_max_steps_may_be_given_in_both_sections_when_they_agree(spec_of: Loader) -> None:
    assert spec_of("[campaign]\nmax_steps = 7\n[training]\nmax_steps = 7\n").base.training.max_steps == 7


def test_the_default_name_of_a_campaign_is_a_legal_form_of_its_file_name(tmp_path: Path) -> None:
    path = tmp_path / "my study (v2)..toml"
    path.write_text("[campaign]\nseeds = [1]\n")
    assert load(path).name == "my-study-v2"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "variants" / "credit"
    folder.mkdir(parents=True)
    for name in ("variants/__init__.py", "variants/credit/__init__.py"):
        (tmp_path / name).write_text("")
    (folder / "_base.py").write_text('base = {"training": {"lr": 0.25}, "algorithm": {"kl_coef": 0.0}}\n')
    (folder / "plain.py").write_text('from ._base import base\nconfig = {**base, "advantage_mode": "grpo"}\n')
    (folder / "maxrl.py").write_text(
        "print('hello')\nfrom variants.credit._base import base\n"
        'config = {**base, "algorithm": {"kl_coef": 0.0, "advantage_mode": "maxrl"}}\n'
    )
    return folder


@pytest.mark.usefixtures("package")
def test_a_condition_can_be_a_python_module_and_is_named_by_its_file(spec_of: Loader) -> None:
    spec = spec_of(
        '[[campaign.conditions]]\nmodule = "variants/credit/plain.py"\n'
        '[[campaign.conditions]]\nmodule = "variants/credit/maxrl.py"\nkl_coef = 0.5\n'
    )
    assert labels(spec) == ["plain", "maxrl"]
    plain, maxrl = (condition.config for condition in spec.conditions)
    assert (plain.training.lr, maxrl.training.lr) == (0.25, 0.25)
    assert (plain.algorithm.advantage_mode, maxrl.algorithm.advantage_mode) == ("grpo", "maxrl")
    assert maxrl.algorithm.kl_coef == 0.5, "a key next to `module` overrides it"
    assert spec.modules == {"plain": "variants/credit/plain.py", "maxrl": "variants/credit/maxrl.py"}


@pytest.mark.usefixtures("package")
def test_fields_that_modules_share_are_neither_under_test_nor_refused_as_without_effect(
    spec_of: Loader,
) -> None:
    spec = spec_of(
        '[[campaign.conditions]]\nmodule = "variants/credit/plain.py"\n'
        '[[campaign.conditions]]\nmodule = "variants/credit/maxrl.py"\n'
    )
    assert spec.under_test == ("algorithm.advantage_mode",)


def test_a_module_may_use_a_neighbour_without_being_a_package(spec_of: Loader, tmp_path: Path) -> None:
    (tmp_path / "shared.py").write_text("LR = 0.25\n")
    (tmp_path / "hot.py").write_text(
        dedent("""
        import dataclasses
        from shared import LR

        @dataclasses.dataclass
        class Config:
            lr: float = LR
            betas: tuple = (0.5, 0.5)
            revision: str = None

        config = Config()
        """)
    )
    (condition,) = spec_of('[[campaign.conditions]]\nmodule = "hot.py"\n').conditions
    assert (condition.config.training.lr, condition.config.training.betas) == (0.25, (0.5, 0.5))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("config = {'lr': 1/0}\n", r"m.py:1 cannot be loaded: ZeroDivisionError: division by zero"),
        ("x = 1\nconfig = = 2\n", r"m.py:2 cannot be loaded: SyntaxError: invalid syntax"),
        ("import nowhere_to_be_found\n", r"m.py:1 cannot be loaded: ModuleNotFoundError: No module named"),
        ("x = 1\n", r"m.py cannot be loaded: NameError: the file does not set `config`"),
        ("config = 3\n", r"`config` must be a dictionary or a dataclass instance"),
        ("config = {'lr': {1, 2}}\n", r"TypeError: config.lr is of type set, and must be a dictionary, list"),
        ("raise SystemExit(3)\n", r"SystemExit: 3"),
        ("import os\nos._exit(3)\n", r"its process exited with code 3"),
        ("config = {'learn': 1}\n", r":2:1: unknown key `learn` in a condition"),
        ("config = {'lr': 'x'}\n", r":2:10: training.lr: expected a number"),
    ],
)
def test_a_module_that_cannot_be_used_is_refused_at_the_line_that_names_it(
    source: str, message: str, spec_of: Loader, tmp_path: Path
) -> None:
    (tmp_path / "m.py").write_text(source)
    with pytest.raises(SpecError) as caught:
        spec_of('[[campaign.conditions]]\nmodule = "m.py"\n')
    assert message in str(caught.value)
    assert caught.value.problems[0].place
    assert caught.value.problems[0].place.line == 2


def test_a_module_affects_neither_the_planner_nor_another_module(spec_of: Loader, tmp_path: Path) -> None:
    spoils = "import os, sys\nos.environ['X_LEAK'] = '1'\nsys.path.clear()\n"
    for folder, lr in (("a", 0.5), ("b", 0.25)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "_base.py").write_text(f"LR = {lr}\n")
        (tmp_path / folder / f"{folder}.py").write_text(
            "from _base import LR\nimport os\nassert 'X_LEAK' not in os.environ\n"
            f"{spoils}config = {{'lr': LR}}\n"
        )
    spec = spec_of('[[campaign.conditions]]\nmodule = "a/a.py"\n[[campaign.conditions]]\nmodule = "b/b.py"\n')
    assert [condition.config.training.lr for condition in spec.conditions] == [0.5, 0.25]
    assert "X_LEAK" not in os.environ


@pytest.mark.parametrize(
    ("text", "only"),
    [
        ('[[campaign.conditions]]\nlr = "fast"\n[[campaign.conditions]]\nlr = 3e-4\n', "expected a number"),
        ("[campaign.factors]\nlr = [-1.0, 3e-4]\n", "must be above 0"),
        ("[[campaign.conditions]]\nkl_coeff = 0.1\n[[campaign.conditions]]\nkl_coef = 0.0\n", "unknown key"),
        (
            '[[campaign.conditions]]\nname = "a"\nmodule = "none.py"\n[[campaign.conditions]]\nkl_coef = 0.0\n',
            "no such file",
        ),
        (
            '[training]\nlr = "fast"\n[[campaign.conditions]]\nname = "a"\nlr = 3e-4\n'
            '[[campaign.conditions]]\nname = "b"\nkl_coef = 0.1\n',
            "expected a number",
        ),
    ],
    ids=["value", "factor", "key", "module", "base"],
)
def test_nothing_is_said_about_the_effect_of_a_value_that_is_invalid(
    text: str, only: str, spec_of: Loader
) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(text)
    (problem,) = caught.value.problems
    assert only in problem.message
