"""Generated config families, one generator per dialect; deterministic by seed.

A family is a reference and, by replacing one value, a variant that differs in the field under test only. The
two values of that field are sentinels that occur nowhere else, so an edit can leave them alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .tree import Path

REFERENCE_VALUE, VARIANT_VALUE = "0.40625", "0.71875"


@dataclass(frozen=True)
class Family:
    """A reference config with what its declaration says."""

    dialect: str
    files: dict[str, str]
    """Shared files and the reference itself; the variant is a copy of the reference under another name."""
    target: str
    """`conf/ref.py`, with `:name` or `?key=value` where the dialect has them."""
    entry: str
    under_test: tuple[str, ...]
    allowed: tuple[Path, ...]
    """The same places as paths of the executed tree."""
    derived: tuple[str, ...] = ()
    derived_paths: tuple[Path, ...] = ()
    globals_are_config: bool = False
    """Every module-level name is a field (mmengine, LazyConfig): an edit may not leave new names behind."""
    protected: frozenset[str] = frozenset()
    """Names that the entry needs; an edit may not rename them."""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0].partition(":")[0].partition("#")[0]

    @property
    def text(self) -> str:
        return self.files[self.path]

    @property
    def suffix(self) -> str:
        return self.target.removeprefix(self.path)


@dataclass
class Vocabulary:
    """Field names and values like those of real configs, drawn with one random generator."""

    rng: random.Random
    constants: dict[str, Any] = field(default_factory=dict)
    functions: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()
    env: bool = True

    def fields(self, count: int) -> list[str]:
        return self.rng.sample(FIELDS, count)

    def value(self, name: str) -> Any:
        return self.rng.choice(_POOLS[_KIND[name]])

    def literal(self, value: Any) -> str:
        if isinstance(value, dict):
            inner = ", ".join(f"{key!r}: {self.literal(item)}" for key, item in value.items())
            keywords = ", ".join(f"{key}={self.literal(item)}" for key, item in value.items())
            return self.rng.choice([f"{{{inner}}}", f"dict({keywords})"])
        return repr(value)

    def expression(self, name: str) -> str:
        """An expression for a field: mostly a literal, sometimes something that has to be evaluated."""
        value = self.value(name)
        plain = self.literal(value)
        if type(value) is int and self.rng.random() < 0.55:
            return self.rng.choice(self._integers(plain))
        if type(value) is float and self.rng.random() < 0.5:
            return self.rng.choice(self._floats(plain))
        if type(value) is str and self.rng.random() < 0.4:
            return self.rng.choice(
                [f'f"{{{value!r}}}"', f"{value!r}.lower()", f"'/'.join(['runs', {value!r}])"]
            )
        if type(value) is list and self.rng.random() < 0.4:
            return f"[item for item in {plain}]"
        return plain

    def _integers(self, plain: str) -> list[str]:
        names = [name for name, value in self.constants.items() if type(value) is int]
        forms = [f"{plain} * 2", f"{plain} // 3", f"max({plain}, 7)", f"{plain} if {plain} > 5 else 5"]
        if names:
            name = self.rng.choice(names)
            forms += [name, name, f"{name} * 4", f"{name} // 2", f"{name} + {plain}", f"int({name} / 3)"]
        if self.env:
            forms.append('int(os.environ.get("RUN_SCALE", "2"))')
            forms.append(f'{plain} if os.environ.get("DEBUG") else {plain} * 10')
        forms += [f"{function}({plain})" for function in self.functions]
        forms += [f"{call}({plain}, mode='fan_in')" for call in self.opaque]
        return forms

    def _floats(self, plain: str) -> list[str]:
        names = [name for name, value in self.constants.items() if type(value) is float]
        forms = [f"{plain} / 2", f"round({plain} * 3, 4)", f"float('{plain}')"]
        forms += list(names) + [f"{name} * 0.5" for name in names]
        return forms


_POOLS: dict[str, list[Any]] = {
    "count": [8, 16, 32, 64, 100, 128, 250, 512, 1000],
    "rate": [1e-3, 3e-4, 5e-5, 0.01, 0.1, 0.5, 0.9, 0.95, 1.0],
    "name": ["adamw", "cosine", "linear", "grpo", "gsm8k", "qwen", "bf16", "mean"],
    "flag": [True, False],
    "optional": [None, 1.0, 0.2],
    "pair": [(0.9, 0.999), (0.9, 0.95), (1, 2), (16, 32, 64)],
    "list": [[64, 64], [1, 2, 3], ["q_proj", "v_proj"], ["train", "val", "test"], [0.1, 0.2]],
    "dict": [{"kind": "cosine", "warmup": 10}, {"low": 0.1, "high": 0.3}, {"a": 1, "b": [1, 2]}],
}
_KIND = {
    **dict.fromkeys(
        [
            "batch_size",
            "warmup_steps",
            "group_size",
            "max_steps",
            "rank",
            "num_layers",
            "save_every",
            "width",
        ],
        "count",
    ),
    **dict.fromkeys(
        ["learning_rate", "weight_decay", "dropout", "temperature", "top_p", "kl_coef", "clip_range"], "rate"
    ),
    **dict.fromkeys(
        ["optimizer_name", "schedule_name", "dataset", "model_name", "dtype", "reduction"], "name"
    ),
    **dict.fromkeys(["use_bias", "shuffle", "gradient_checkpointing", "pin_memory"], "flag"),
    **dict.fromkeys(["max_grad_norm", "target_kl"], "optional"),
    **dict.fromkeys(["betas", "resolutions"], "pair"),
    **dict.fromkeys(["hidden_sizes", "target_modules", "splits"], "list"),
    **dict.fromkeys(["schedule", "rewards", "sampling"], "dict"),
}
FIELDS = sorted(_KIND)


def _base(rng: random.Random) -> tuple[str, dict[str, Any]]:
    constants: dict[str, Any] = {
        "TOTAL_STEPS": rng.choice([100, 1000, 2000]),
        "BATCH": rng.choice([32, 64, 96]),
        "BASE_LR": rng.choice([1e-3, 2e-4]),
        "MODEL": rng.choice(["qwen", "llama"]),
        "GROUP": rng.choice([4, 8]),
    }
    lines = ['"""Constants that every variant shares."""', "", "import os", ""]
    lines += [f"{name} = {value!r}" for name, value in constants.items()]
    lines += [
        "EVAL_EVERY = TOTAL_STEPS // 10",
        "TAGS = ['shared', MODEL]",
        "DATA = os.environ.get('DATA_ROOT', '/tmp') + '/train'",
        "",
        "def scaled(value, factor=2):",
        "    return value * factor + BATCH",
        "",
    ]
    return "\n".join(lines), constants


def _keywords(vocabulary: Vocabulary, count: int, indent: str = "    ") -> str:
    return "".join(f"{indent}{name}={vocabulary.expression(name)},\n" for name in vocabulary.fields(count))


def plain(rng: random.Random) -> Family:
    """Constructors of a framework that is not here, over constants from `_base.py`."""
    base, constants = _base(rng)
    words = Vocabulary(rng, constants, ("scaled", "doubled"), ("fw.init.normal",))
    module = rng.choice(["fw", "rlkit"])
    text = f'''"""One variant of the study."""

import os
import {module}.registry
import fw.init
from {module}.train import Trainer, RewardShaping
from {module} import optim, data as D
from ._base import BATCH, TOTAL_STEPS, BASE_LR, MODEL, GROUP, TAGS, DATA, EVAL_EVERY, scaled

ALPHA = {REFERENCE_VALUE}
LOCAL_STEPS = TOTAL_STEPS // {rng.choice([2, 4])}
callbacks = ["checkpoint"]
if os.environ.get("DEBUG"):
    callbacks.append("profiler")


def doubled(value, offset={rng.choice([0, 1])}):
    """Twice the value."""
    result = value * 2
    return result + offset


optimizer = optim.AdamW(
{_keywords(words, 4)})
config = Trainer(
    optimizer=optimizer,
    data=D.Loader(
        path=DATA,
{_keywords(words, 3, "        ")}    ),
    reward=RewardShaping(alpha=ALPHA, group=GROUP, params={{"gamma": 0.99, "steps": LOCAL_STEPS}}),
    clip=ALPHA * 2,
    tags=TAGS + ["run"],
    callbacks=callbacks,
{_keywords(words, 6)})
config.eval_every = EVAL_EVERY
'''
    if rng.random() < 0.5:
        text += 'config.add_callback("early_stop", patience=3)\n'
    if rng.random() < 0.4:
        text += "\nfor index in range(3):\n    config.register(index * 2)\n"
    return Family(
        "plain",
        {"conf/_base.py": base, "conf/ref.py": text},
        "conf/ref.py",
        "names:config",
        ("RewardShaping.alpha",),
        (("reward", "alpha"),),
        ("clip",),
        (("clip",),),
        protected=frozenset({"config"}),
    )


def dataclasses(rng: random.Random) -> Family:
    """Dataclasses with defaults and `__post_init__`, defined in the file or in a schema that is shared."""
    base, constants = _base(rng)
    words = Vocabulary(rng, constants, ("scaled",), ())
    names = words.fields(5)
    defaults = "".join(_dataclass_field(words, name) for name in names)
    schema = f"""@dataclass
class OptimConfig:
    learning_rate: float = {rng.choice([0.001, 0.01])}
    steps: int = {rng.choice([10, 20])}
    warmup: int = 0

    def __post_init__(self):
        if self.warmup == 0:
            self.warmup = self.steps // {rng.choice([5, 10])}


@dataclass
class RewardConfig:
    alpha: float = 0.1
    strategy: str = "identity"


@dataclass
class ExperimentConfig:
    name: str
    reward: RewardConfig = field(default_factory=RewardConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
{defaults}    tags: list = field(default_factory=list)
    total: int = field(init=False)

    def __post_init__(self):
        self.total = self.optim.steps * {rng.choice([2, 3])}
        self.tags = [*self.tags, "auto"]
"""
    used = rng.sample(names, 2)
    arguments = "".join(f"    {name}={words.expression(name)},\n" for name in used)
    inner = f"""config = ExperimentConfig(
    name="study",
    reward=RewardConfig(alpha={REFERENCE_VALUE}, strategy="mixed"),
    optim=OptimConfig(steps={rng.choice([40, 50])}),
    tags=["a", MODEL],
{arguments})
"""
    if rng.random() < 0.5:
        inner += f"config.optim.learning_rate = {rng.choice([0.5, 0.25])}\n"
    header = '"""An experiment."""\n\nimport os\nfrom dataclasses import dataclass, field\n'
    shared = "from ._base import BATCH, TOTAL_STEPS, BASE_LR, MODEL, GROUP, TAGS, DATA, EVAL_EVERY, scaled\n"
    if rng.random() < 0.5:
        files = {"conf/_base.py": base, "conf/ref.py": f"{header}{shared}\n\n{schema}\n\n{inner}"}
    else:
        imported = "from ._schema import ExperimentConfig, OptimConfig, RewardConfig\n"
        files = {
            "conf/_base.py": base,
            "conf/_schema.py": f"{header}{shared}\n\n{schema}",
            "conf/ref.py": f'"""A variant."""\n\nimport os\n{shared}{imported}\n{inner}',
        }
    return Family(
        "dataclass",
        files,
        "conf/ref.py",
        "names:config",
        ("reward.alpha",),
        (("reward", "alpha"),),
        protected=frozenset({"config"}),
    )


def _dataclass_field(words: Vocabulary, name: str) -> str:
    value = words.value(name)
    if isinstance(value, (list, dict)):
        return f"    {name}: {type(value).__name__} = field(default_factory=lambda: {words.literal(value)})\n"
    return f"    {name}: object = {words.expression(name)}\n"


def classes(rng: random.Random) -> Family:
    """A class whose attributes are the configuration, over an inherited base."""
    base, constants = _base(rng)
    words = Vocabulary(rng, constants, ("scaled",), ())
    attributes = "".join(f"    {name} = {words.expression(name)}\n" for name in words.fields(6))
    text = f'''"""A variant as a class."""

import os
from ._base import BATCH, TOTAL_STEPS, BASE_LR, MODEL, GROUP, TAGS, DATA, EVAL_EVERY, scaled


class Common:
    workers = {rng.choice([2, 4])}
    seeds = [1, 2, 3]
    log_every = EVAL_EVERY


class Mixin:
    workers = {rng.choice([6, 8])}
    eval_batch = BATCH * 2


class Config(Common, Mixin):
    alpha = {REFERENCE_VALUE}
    tags = TAGS + ["class"]
    buffer = 4 * BATCH
    half = buffer // 2
{attributes}
    class logging:
        project = "study"
        every = {rng.choice([5, 10])}


Config.seeds = Config.seeds + [{rng.choice([7, 8])}]
'''
    return Family(
        "class",
        {"conf/_base.py": base, "conf/ref.py": text},
        "conf/ref.py",
        "class:Config",
        ("alpha",),
        (("alpha",),),
        protected=frozenset({"Config"}),
    )


def get_config(rng: random.Random) -> Family:
    """ml_collections: a function that fills a ConfigDict, sometimes with an argument."""
    words = Vocabulary(rng, {"total": 100}, ("halved",), ())
    sections = []
    for section in rng.sample(["model", "data", "train", "eval"], 3):
        lines = [f"    config.{section} = {rng.choice(['ml_collections.ConfigDict()', 'ConfigDict()'])}"]
        lines += [f"    config.{section}.{name} = {words.expression(name)}" for name in words.fields(3)]
        sections.append("\n".join(lines))
    arguments = rng.random() < 0.4
    signature = 'variant="B/32"' if arguments else ""
    branch = (
        """    size, patch = variant.split("/")
    config.patch = int(patch)
    config.hidden = {"S": 384, "B": 768, "L": 1024}[size]
    if size == "L":
        config.layers = 24
    else:
        config.layers = 12
"""
        if arguments
        else ""
    )
    body = "\n\n".join(sections)
    text = f'''"""A configuration as a function."""

import os
import ml_collections
from ml_collections import ConfigDict


def halved(value):
    return value // 2


def get_config({signature}):
    total = {rng.choice([100, 200])}
    config = ml_collections.ConfigDict()
    config.seed = 0
    config.alpha = {REFERENCE_VALUE}
    config.optimizer = ConfigDict(dict(name="adam", lr={rng.choice([0.1, 0.01])}, steps=total))
    config.update({{"optimizer": {{"decay": 0.25}}, "rounds": {rng.choice([3, 4])}}})
{branch}
{body}

    for name in ("train", "val"):
        config[name + "_split"] = name.upper()
    with config.unlocked():
        config.extra = {rng.choice([5, 6])}
    config.lock()
    return config
'''
    if rng.random() < 0.3:
        text = text.replace("    config.lock()\n", "")
    suffix = "?variant=" + rng.choice(["B/32", "L/16", "S/8"]) if arguments else ""
    return Family(
        "get_config",
        {"conf/ref.py": text},
        f"conf/ref.py{suffix}",
        "call:get_config",
        ("alpha",),
        (("alpha",),),
        protected=frozenset({"get_config", "variant"}),
    )


def several(rng: random.Random) -> Family:
    """Several variants in one file, one function each over a shared one."""
    words = Vocabulary(rng, {}, (), ("fw.layers.init",))
    text = f'''"""All sizes in one file."""

import os
from dataclasses import dataclass, field, replace
import fw.layers
from fw.models import Transformer

BASE = dict(depth={rng.choice([2, 4])}, width=64, alpha={REFERENCE_VALUE}, tags=["x"])


@dataclass(frozen=True)
class Head:
    classes: int = 10
    scale: float = 1.0


def common(**overrides):
    settings = {{**BASE, "heads": 4, "mlp": BASE["width"] * 4}}
    settings.update(overrides)
    return settings


def make_small():
    settings = common(
        depth={rng.choice([6, 8])},
{_keywords(words, 4, "        ")}    )
    settings["head"] = replace(Head(), classes={rng.choice([100, 1000])})
    return Transformer(**settings)


def make_large():
    settings = common(depth=24, width=1024)
    return Transformer(**settings, head=Head(classes=21843))
'''
    return Family(
        "several",
        {"conf/ref.py": text},
        "conf/ref.py:make_small",
        "call:make_small",
        ("alpha",),
        (("alpha",),),
        protected=frozenset({"make_small", "make_large"}),
    )


def mmengine(rng: random.Random) -> Family:
    """Text configs with `_base_`, `_delete_` and base variables."""
    words = Vocabulary(rng, {}, (), (), env=False)
    schedule = f"""optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="SGD", lr={rng.choice([0.1, 0.02])}, momentum=0.9))
train_cfg = dict(by_epoch=True, max_epochs={rng.choice([12, 24])})
"""
    model = f"""norm = dict(type="BN", requires_grad=True)
model = dict(
    type="Segmentor",
    backbone=dict(type="ResNet", depth={rng.choice([50, 101])}, stages=(0, 1, 2), norm_cfg=norm),
    head=dict(type="FCN", channels=256, loss=dict(type="CE", weight=1.0)))
crop = ({rng.choice([256, 512])}, 512)
"""
    text = f"""_base_ = ["_model.py", "_schedule.py"]

alpha = {REFERENCE_VALUE}
model = dict(
    backbone=dict(depth={rng.choice([18, 34])}),
    head=dict(_delete_=True, type="ASPP", channels={rng.choice([128, 512])}, dilations=(1, 12, 24)),
    data_preprocessor=dict(size={{{{_base_.crop}}}}))
optim_wrapper = dict(optimizer=dict(lr={rng.choice([0.01, 0.002])}))
settings = dict(
{_keywords(words, 5)})
pipeline = [dict(type="Load"), dict(type="Resize", scale={{{{_base_.crop}}}}, keep_ratio=True)]
for step in pipeline:
    step["enabled"] = True
del step
"""
    files = {"conf/_model.py": model, "conf/_schedule.py": schedule, "conf/ref.py": text}
    return Family(
        "mmengine",
        files,
        "conf/ref.py",
        "mmengine",
        ("alpha",),
        (("alpha",),),
        globals_are_config=True,
        protected=frozenset({"_base_"}),
    )


def read_base(rng: random.Random) -> Family:
    """mmengine's lazy configs with `with read_base():`."""
    words = Vocabulary(rng, {}, (), (), env=False)
    base = f"""from mmseg.models import ResNet, FCNHead
from torch.optim import SGD

model = dict(
    type="EncoderDecoder",
    backbone=dict(type=ResNet, depth={rng.choice([50, 101])}, strides=(1, 2, 1)),
    head=dict(type=FCNHead, channels=256))
optimizer = dict(type=SGD, lr=0.01, momentum=0.9)
train_cfg = dict(max_iters={rng.choice([100, 200])}, val_interval=10)
"""
    text = f"""from mmengine.config import read_base
from mmseg.models import ASPPHead

with read_base():
    from ._base import *

alpha = {REFERENCE_VALUE}
model.update(
    dict(
        backbone=dict(depth={rng.choice([18, 34])}, norm="SyncBN"),
        neck=dict(type="FPN", outs={rng.choice([4, 5])})))
model["head"] = dict(type=ASPPHead, channels={rng.choice([128, 512])})
optimizer.lr = {rng.choice([0.1, 0.2])}
train_cfg.update(max_iters={rng.choice([300, 400])})
settings = dict(
{_keywords(words, 5)})
loaders = [dict(batch_size={rng.choice([2, 4])}), dict(batch_size=1)]
"""
    files = {"conf/_base.py": base, "conf/ref.py": text}
    return Family(
        "read_base", files, "conf/ref.py", "mmengine", ("alpha",), (("alpha",),), globals_are_config=True
    )


def lazyconfig(rng: random.Random) -> Family:
    """detectron2's LazyConfig."""
    words = Vocabulary(rng, {}, (), (), env=False)
    common = f"""from detectron2.config import LazyCall as L
from torch.optim import AdamW

optimizer = L(AdamW)(lr={rng.choice([1e-4, 1e-3])}, weight_decay=0.1, betas=[0.9, 0.95])
train = dict(
    output_dir="./output",
    max_iter={rng.choice([100, 90])},
    ddp=dict(static_graph=False),
    checkpointer=dict(period=5000, max_to_keep={rng.choice([10, 100])}),
)
"""
    text = f"""from detectron2.config import LazyCall as L
from detectron2.modeling import ResNet, RPN
from fw.solver import WarmupParamScheduler
from ._common import optimizer, train

model = L(RPN)(
    backbone=L(ResNet)(depth={rng.choice([50, 101])}, stages=["res2", "res3"], freeze_at=2),
    alpha={REFERENCE_VALUE},
{_keywords(words, 5)})
model.backbone.depth = {rng.choice([18, 34])}
model.backbone.norm = "FrozenBN"
optimizer.lr = {rng.choice([0.5, 0.25])}
train.checkpointer.period = {rng.choice([100, 500])}
train["eval_period"] = train["max_iter"] // 2
scheduler = L(WarmupParamScheduler)(length=train.max_iter, method="linear")
del model.backbone.freeze_at
"""
    files = {"conf/_common.py": common, "conf/ref.py": text}
    return Family(
        "lazyconfig",
        files,
        "conf/ref.py",
        "lazyconfig",
        ("model.alpha",),
        (("model", "alpha"),),
        globals_are_config=True,
    )


def script(rng: random.Random) -> Family:
    """A configuration that is computed: loops, dictionaries, closures, conditions."""
    base, constants = _base(rng)
    words = Vocabulary(rng, constants, ("scaled",), ("fw.metrics.track",))
    text = f'''"""A configuration that is computed."""

import copy
import math
import os
from functools import partial
import fw.metrics
from ._base import BATCH, TOTAL_STEPS, BASE_LR, MODEL, GROUP, TAGS, DATA, EVAL_EVERY, scaled

stages = []
for index, width in enumerate([16, 32, 64]):
    stages.append({{"index": index, "width": width * {rng.choice([1, 2])}, "name": f"stage_{{index}}"}})
defaults = {{"lr": BASE_LR, "layers": [1, 2], "nested": {{"a": 1, "b": 2}}}}
special = copy.deepcopy(defaults)
special["nested"]["a"] = {rng.choice([10, 20])}
special["layers"] += [3]


def make_stage(depth, *, width=8, **extra):
    result = dict(depth=depth, width=width)
    result.update(extra)
    return result


def build(scale):
    total = 0
    while total < {rng.choice([20, 30])}:
        total += abs(scale) + 1
    try:
        rank = {{"qwen": 8}}[MODEL]
    except KeyError:
        rank = 16
    return {{"total": total, "rank": rank}}


wide = partial(make_stage, width={rng.choice([12, 24])})
schedule = {{name: value for name, value in zip(["warm", "main"], [0.1, 0.9])}}
world = int(os.environ.get("WORLD_SIZE", "1"))
if world > 1:
    schedule["sync"] = True
match MODEL:
    case "qwen":
        context = 4096
    case _:
        context = 2048
config = {{
    "alpha": {REFERENCE_VALUE},
    "stages": stages,
    "special": special,
    "built": build({rng.choice([3, 7])}),
    "wide": wide(2, tags=sorted(TAGS)),
    "schedule": schedule,
    "context": context,
    "log": math.log2(BATCH),
    "devices": [f"cuda:{{i}}" for i in range(world)],
    "picked": [width for width in (s["width"] for s in stages) if width > 20],
    **dict(
{_keywords(words, 5, "        ")}    ),
}}
config["size"] = sum(stage["width"] for stage in config["stages"])
'''
    return Family(
        "script",
        {"conf/_base.py": base, "conf/ref.py": text},
        "conf/ref.py",
        "names:config",
        ("alpha",),
        (("alpha",),),
        protected=frozenset({"config"}),
    )


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml_value(item)}" for key, item in value.items()) + " }"
    return repr(value)


def toml(rng: random.Random) -> Family:
    """A TOML document with defaults and runs over them."""
    words = Vocabulary(rng)
    sections = []
    for section in ("model", "training"):
        pairs = ((name, words.value(name)) for name in words.fields(5))
        lines = [f"{name} = {_toml_value(value)}" for name, value in pairs if value is not None]
        sections.append(f"[defaults.{section}]\n" + "\n".join(lines))
    text = (
        "# a sweep\n"
        + "\n\n".join(sections)
        + f"""

[defaults.schedule]
kind = "cosine"
steps = {rng.choice([100, 200])}

[runs.main]
alpha = {REFERENCE_VALUE}
name = "main"

[runs.main.schedule]
steps = {rng.choice([300, 400])}

[runs.other]
alpha = 0.3
"""
    )
    return Family(
        "toml",
        {"conf/ref.toml": text},
        "conf/ref.toml",
        "merge:defaults,runs.main",
        ("alpha",),
        (("alpha",),),
    )


def _yaml_value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float):
        # YAML 1.1 reads 1e-3 as a string; a dot makes it a number.
        text = repr(value)
        return text if "." in text else text.replace("e", ".0e")
    return (
        _toml_value(value)
        if not isinstance(value, dict)
        else ("{" + ", ".join(f"{key}: {_yaml_value(item)}" for key, item in value.items()) + "}")
    )


def yaml(rng: random.Random) -> Family:
    """A YAML document with an anchor, a merge and runs."""
    words = Vocabulary(rng)
    common = "\n".join(f"  {name}: {_yaml_value(words.value(name))}" for name in words.fields(6))
    text = f"""# a sweep
defaults: &defaults
{common}
  optim:
    kind: adam
    lr: {rng.choice(["0.001", "0.01"])}
runs:
  main:
    config:
      <<: *defaults
      alpha: {REFERENCE_VALUE}
      steps: {rng.choice([100, 200])}
      optim:
        kind: sgd
        nesterov: true
  other:
    config:
      alpha: 0.3
"""
    return Family(
        "yaml", {"conf/ref.yaml": text}, "conf/ref.yaml#runs.main.config", "", ("alpha",), (("alpha",),)
    )


DIALECTS: dict[str, Callable[[random.Random], Family]] = {
    "plain": plain,
    "dataclass": dataclasses,
    "class": classes,
    "get_config": get_config,
    "several": several,
    "mmengine": mmengine,
    "read_base": read_base,
    "lazyconfig": lazyconfig,
    "script": script,
    "toml": toml,
    "yaml": yaml,
}


def family(dialect: str, seed: int) -> Family:
    return DIALECTS[dialect](random.Random(f"{dialect} {seed}"))
