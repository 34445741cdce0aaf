"""Files that must not hurt: an answer, no traceback, none of their code executed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import Run, Write

HOSTILE: dict[str, str] = {
    "syntax": "config = (\n",
    "recursion": "def f(n): return f(n + 1)\nconfig = f(0)\n",
    "large_file": "config = [\n" + "    [1, 2, 3, 'abc'],\n" * 250_000 + "]\n",
    "long_loop": "x = 0\nfor i in range(10**9): x += i\nconfig = x\n",
    "endless_loop": "while True: pass\n",
    "float_in_a_huge_range": "config = 0.5 in range(10**12)\n",
    "shared_tuple_as_key": "x = ()\nfor i in range(60): x = (x, x)\nconfig = {x: 1}\n",
    "deep_hierarchy": "class C0: pass\n" + "".join(f"class C{i}(C{i - 1}): pass\n" for i in range(1, 3000)),
    "deep_diamonds": "class A0: pass\nclass B0: pass\n"
    + "".join(f"class A{i}(A{i - 1}, B{i - 1}): pass\nclass B{i}(B{i - 1}): pass\n" for i in range(1, 900)),
    "endless_generator": "def g():\n    while True: yield 1\nconfig = list(g())\n",
    "nested_generators": "def g(n):\n    yield n\n    yield from list(g(n + 1))\nconfig = list(g(0))\n",
    "huge_power": "config = 10**10**10\n",
    "huge_text": "config = 'a' * 10**10\n",
    "huge_list": "config = [0] * 10**10\n",
    "huge_format": "config = f'{1:1000000000}'\n",
    "huge_percent": "config = '%*d' % (10**9, 1)\n",
    "doubled_text": "x = 'a'\nfor i in range(60): x += x\nconfig = x\n",
    "doubled_list": "x = [0]\nfor i in range(60): x.extend(x)\nconfig = x\n",
    "shared_tree": "x = [1]\nfor i in range(60): x = [x, x]\nconfig = str(x)\n",
    "shared_term": "import os\nx = os.environ.get('A')\nfor i in range(60): x = x + x\nconfig = 1 if x else 2\n",
    "many_cases": "import os\nn = 0\nfor i in range(40):\n    if os.environ.get(f'A{i}'): n += 1\nconfig = n\n",
    "deep_brackets": "config = " + "[" * 3000 + "]" * 3000 + "\n",
    "deep_minus": "config = " + "-" * 20_000 + "1\n",
    "deep_sum": "config = 1" + " + 1" * 30_000 + "\n",
    "deep_value": "x = []\nfor i in range(20_000): x = [x]\nconfig = x\n",
    "regular_expression": "import re\nconfig = bool(re.match('(a+)+$', 'a' * 40 + 'b'))\n",
    "computed_width": "config = '{:>{w}}'.format(1, w=10**9)\n",
    "huge_translation": "config = ('a' * 10**5).translate({97: 'b' * 10**5})\n",
    "doubled_backslashes": "x = '1'\nfor i in range(5000): x = repr(x)\nconfig = x\n",
    "many_slices": "x = tuple(range(100_000))\nconfig = [x[1:] for i in range(20_000)]\n",
    "many_large_texts": "x = 'a' * 1_000_000\nconfig = [x.upper() for i in range(20_000)]\n",
    "many_text_slices": "x = 'a' * 1_000_000\nconfig = [x[1:] for i in range(20_000)]\n",
    "many_searches": "x = 'a' * 500_000\nn = 0\nfor i in range(30_000): n += x.count('a' * 20 + 'b')\nconfig = n\n",
    "many_members": "x = list(range(100_000))\nconfig = [-i - 1 in x for i in range(30_000)]\n",
    "merged_dicts": "x = {}\nfor i in range(5000): x = {**x, i: i}\nconfig = x\n",
    "shared_key": "x = (1,)\nfor i in range(60): x = (x, x)\nconfig = {x: 1}\n",
    "chained_calls": "import fw\nx = fw\nfor i in range(20_000): x = x(x)\nconfig = x\n",
    "chained_indices": "import fw\nconfig = fw" + "[0]" * 20_000 + "\n",
    "deep_classes": "class C0: pass\n" + "".join(f"class C{i}(C{i - 1}): pass\n" for i in range(1, 5000)),
}
MEMORY = 3 << 30
"""Bytes of address space for a check; its deep stack alone has 512 MB of them."""


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_file_is_answered_without_a_traceback(run: Run, write: Write, name: str) -> None:
    done = run("a.py", "b.py", cwd=write(a="config = {}\n", b=HOSTILE[name]), memory=MEMORY)
    assert done.returncode in (1, 3), done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert len(done.stdout) < 20_000


def test_binary_file_and_wrong_encoding_are_reported(run: Run, write: Write) -> None:
    root = write(a="config = 1\n")
    for data in (bytes(range(256)), "config = 'é'\n".encode("latin-1"), b"config = 1\0\n"):
        (root / "b.py").write_bytes(data)
        assert run("a.py", "b.py", cwd=root).returncode == 3


@pytest.mark.parametrize("encoding", ["cp1252", "utf-7", "no-such-encoding"])
def test_encoding_that_python_would_read_the_file_in_is_reported(
    run: Run, write: Write, encoding: str
) -> None:
    """The bytes are the same as the reference's, what Python makes of them is not."""
    root = write(
        a="#\nconfig = {'name': 'é'}\n", b=f"# -*- coding: {encoding} -*-\nconfig = {{'name': 'é'}}\n"
    )
    done = run("a.py", "b.py", cwd=root)
    assert done.returncode == 3
    assert f"declares the encoding {encoding}" in done.stdout


def test_declared_utf8_and_a_byte_order_mark_change_nothing(run: Run, write: Write) -> None:
    root = write(a="config = {'name': 'é'}\n", b="# coding: utf-8\nconfig = {'name': 'é'}\n")
    (root / "c.py").write_bytes("\ufeffconfig = {'name': 'é'}\r\n".encode())
    assert run("a.py", "b.py", "c.py", cwd=root).returncode == 0


@pytest.mark.parametrize("kind", ["fifo", "device", "loop", "folder"])
def test_special_file_is_refused_without_waiting(run: Run, write: Write, kind: str) -> None:
    root = write(a="config = 1\n")
    if kind == "fifo":
        os.mkfifo(root / "b.py")
    elif kind == "folder":
        (root / "b.py").mkdir()
    else:
        (root / "b.py").symlink_to("/dev/zero" if kind == "device" else "b.py")
    done = run("a.py", "b.py", cwd=root)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_terminal_control_characters_are_escaped(run: Run, write: Write) -> None:
    keys = r"'a\x1b]0;title\x07': 1, '\ud800': '\x1b[31m', 'n\nl': 2"
    done = run("a.py", "b.py", cwd=write(a="config = {}\n", b=f"config = {{{keys}}}\n"))
    assert done.returncode == 1
    assert not {"\x1b", "\x07"} & set(done.stdout)
    assert "ud800" in done.stdout


def test_link_that_leads_out_of_the_folder_is_not_read(run: Run, write: Write, tmp_path: Path) -> None:
    root = write(a="config = 1\n") / "inside"
    root.mkdir()
    (root / "a.py").write_text("config = 1\n")
    (root / "b.py").symlink_to(tmp_path / "a.py")
    done = run("a.py", "b.py", cwd=root)
    assert done.returncode == 3
    assert "leads out" in done.stdout


def test_cyclic_imports_end(run: Run, write: Write) -> None:
    root = write(
        a="from .b import *\nconfig = 1\n",
        b="from .a import *\nfrom .c import y\nconfig = 1\n",
        c="from .b import z\n",
    )
    assert run("a.py", "b.py", cwd=root).returncode == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("y.toml", "a = " + "[" * 5000),
        ("y.toml", "a = " + "9" * 6000),
        ("y.toml", ".".join(["a"] * 20_000) + " = 1"),
        ("y.yaml", "a: " + "[" * 5000 + "]" * 5000),
    ],
)
def test_deep_document_is_reported(run: Run, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / f"x{name}").write_text("")
    assert run(f"x{name}", name, cwd=tmp_path).returncode == 3


def test_nothing_of_the_files_is_executed(run: Run, write: Write, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    plant = (
        f"open({str(marker)!r}, 'w').close()\n"
        f"import os, subprocess, pathlib\nos.system('touch {marker}')\n"
        f"subprocess.run(['touch', {str(marker)!r}])\npathlib.Path({str(marker)!r}).touch()\n"
        f"exec(\"import os; os.system('touch {marker}')\")\n"
        "config = 1\n"
    )
    lines = plant.splitlines()
    for index in range(len(lines) - 1):
        text = "import os, subprocess, pathlib\n" + lines[index] + "\nconfig = 1\n"
        root = write(a=text, b=text, _base=plant)
        run("a.py", "b.py", cwd=root)
        run("a.py", "--dump", cwd=root)
        assert not marker.exists(), lines[index]
