"""Nothing of the configs is run: files that would leave a mark leave none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from campaign.check import Declaration, dump, prove
from campaign.errors import CampaignError

MARK = "open({mark!r}, 'a').write('run')"

# fmt: off
PLANTED = {
    "at_module_level": "{act}\nconfig = {{'alpha': {alpha}}}\n",
    "in_a_default": "def f(v={act}):\n    return v\nconfig = {{'alpha': {alpha}, 'v': f()}}\n",
    "in_a_class_body": "class C:\n    n = {act}\nconfig = {{'alpha': {alpha}, 'n': C.n}}\n",
    "in_a_decorator": "@(lambda f: ({act}, f)[1])\ndef f():\n    return 1\nconfig = {{'alpha': {alpha}, 'v': f()}}\n",
    "in_a_metaclass": "class M(type):\n    def __init__(cls, *a):\n        {act}\nclass C(metaclass=M):\n    n = 1\n"
    "config = {{'alpha': {alpha}, 'n': C.n}}\n",
    "in_exec": "exec({text!r})\nconfig = {{'alpha': {alpha}}}\n",
    "in_eval": "v = eval({text!r})\nconfig = {{'alpha': {alpha}}}\n",
    "in_a_format": "class N:\n    def __format__(self, spec):\n        {act}\n        return spec\n"
    "config = {{'alpha': {alpha}, 'v': f'{{N():3}}'}}\n",
    "in_a_comparison": "class N:\n    def __eq__(self, other):\n        {act}\n        return True\n"
    "config = {{'alpha': {alpha}, 'v': N() == 1}}\n",
    "in_a_repr": "class N:\n    def __repr__(self):\n        {act}\n        return ''\n"
    "config = {{'alpha': {alpha}, 'v': N()}}\n",
    "in_a_hash": "class N:\n    def __hash__(self):\n        {act}\n        return 1\nconfig = {{'alpha': {alpha}, N(): 1}}\n",
    "in_a_deep_copy": "import copy\nclass N:\n    def __deepcopy__(self, memo):\n        {act}\n"
    "config = {{'alpha': {alpha}, 'v': copy.deepcopy(N())}}\n",
    "in_a_sort_key": "config = {{'alpha': {alpha}, 'v': sorted([2, 1], key=lambda v: {act})}}\n",
    "in_an_imported_module": "import planted\nconfig = {{'alpha': {alpha}}}\n",
    "by_os_system": "import os\nos.system({shell!r})\nconfig = {{'alpha': {alpha}}}\n",
    "by_subprocess": "import subprocess\nsubprocess.run({shell!r}, shell=True)\nconfig = {{'alpha': {alpha}}}\n",
    "by_dunder_import": "__import__('os').system({shell!r})\nconfig = {{'alpha': {alpha}}}\n",
    "by_getattr": "import os\ngetattr(os, 'sys' + 'tem')({shell!r})\nconfig = {{'alpha': {alpha}}}\n",
    "by_pickle": "import pickle\nv = pickle.loads(b\"cos\\nsystem\\n(S{shell!r}\\ntR.\")\nconfig = {{'alpha': {alpha}}}\n",
    "by_pathlib": "import pathlib\npathlib.Path({mark!r}).write_text('run')\nconfig = {{'alpha': {alpha}}}\n",
    "by_builtins": "import builtins\nbuiltins.open({mark!r}, 'a').write('run')\nconfig = {{'alpha': {alpha}}}\n",
    "by_import_hook": "import sys\nclass F:\n    def find_spec(self, *a):\n        {act}\nsys.meta_path.insert(0, F())\n"
    "import json\nconfig = {{'alpha': {alpha}}}\n",
    "in_a_package": "from package import n\nconfig = {{'alpha': {alpha}, 'n': n}}\n",
    "with_an_encoding": "# -*- coding: planted -*-\n{act}\nconfig = {{'alpha': {alpha}}}\n",
    "in_get_config": "def config():\n    {act}\n    return {{'alpha': {alpha}}}\n",
}
# fmt: on


def _plant(root: Path, template: str) -> Path:
    mark = root / "mark"
    act = MARK.format(mark=str(mark))
    shell = f"touch {mark}"
    for alpha, name in ((1, "reference.py"), (2, "variant.py")):
        (root / name).write_text(template.format(act=act, text=act, shell=shell, mark=str(mark), alpha=alpha))
    (root / "planted.py").write_text(f"{act}\n")
    (root / "package").mkdir()
    (root / "package" / "__init__.py").write_text(f"{act}\nn = 1\n")
    (root / "sitecustomize.py").write_text(f"{act}\n")
    (root / "conftest.py").write_text(f"{act}\n")
    return mark


def _asked(root: Path) -> None:
    for entry in ("names:config", "call:config", None):
        for question in (
            lambda entry=entry: prove(Declaration("reference.py", ("variant.py",), entry, ("alpha",)), root),
            lambda entry=entry: dump("reference.py", root, entry),
        ):
            try:
                question()
            except CampaignError:
                continue


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_planted_file_is_not_run(name: str, tmp_path: Path) -> None:
    mark = _plant(tmp_path, PLANTED[name])
    _asked(tmp_path)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["at_module_level", "by_os_system", "in_exec", "in_an_imported_module"])
def test_planted_file_would_leave_a_mark_when_run(name: str, tmp_path: Path) -> None:
    """Otherwise the tests above would hold for any file."""
    mark = _plant(tmp_path, PLANTED[name])
    subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import reference"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert mark.exists()


def test_checking_imports_no_module_of_the_study(tmp_path: Path) -> None:
    mark = _plant(tmp_path, PLANTED["in_an_imported_module"])
    program = (
        "import json, sys; from pathlib import Path; from campaign.check import Declaration, prove;"
        "before = set(sys.modules);"
        "pair = Declaration('reference.py', ('variant.py',), 'names:config', ('alpha',));"
        f"prove(pair, Path({str(tmp_path)!r}));"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    home = Path(sys.modules["campaign"].__file__ or "").parent.parent
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(home)},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    loaded = json.loads(finished.stdout)
    assert not {"reference", "variant", "planted", "package"} & set(loaded)
    assert not mark.exists()
