"""Edits that change how a file is organised or what it says: the second half of the kinds of edit.

Each takes a `Source` and returns the next text, or None where the file has no place for it. None of them
promises anything: whether a mutant changed the configuration is found out by running it.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable
from typing import Any

from .source import Source

Edit = Callable[[Source], str | None]


def _simple_statements(source: Source) -> list[ast.stmt]:
    """Top-level statements that fit on lines of their own, after the docstring and the imports."""
    return [
        node
        for node in source.tree.body
        if not isinstance(node, (ast.Import, ast.ImportFrom))
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]


def _bound_names(source: Source) -> list[str]:
    """Module-level names that are assigned once and that an edit may rename."""
    names = [
        target.id
        for node in source.tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    return [name for name in names if names.count(name) == 1 and name not in source.protected]


# -- layout ----------------------------------------------------------------------------------------------


def comment_line(source: Source) -> str | None:
    node = source.pick(_simple_statements(source))
    return source.inserted(node, ["# a remark (x = 1, 'quoted', # twice)"]) if node else None


def comment_at_end_of_line(source: Source) -> str | None:
    rows = list(source.lines)
    ends = {node.end_lineno for node in ast.walk(source.tree) if isinstance(node, (ast.Assign, ast.keyword))}
    ends -= {
        row
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.end_lineno != node.lineno
        for row in range(node.lineno, (node.end_lineno or 0) + 1)
    }
    row = source.pick(sorted(number for number in ends if number))
    if row is None:
        return None
    rows[row - 1] += "  # tuned on the small run"
    return "\n".join(rows)


def blank_lines(source: Source) -> str | None:
    node = source.pick(_simple_statements(source))
    return source.inserted(node, ["", "", ""]) if node else None


def reformatted_by_ast(source: Source) -> str | None:
    return ast.unparse(source.tree) + "\n"


def windows_line_ends(source: Source) -> str | None:
    return source.text.replace("\n", "\r\n")


def tabs_for_indentation(source: Source) -> str | None:
    if any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value
        for node in ast.walk(source.tree)
    ):
        return None
    return re.sub(r"^( {4})+", lambda found: "\t" * (len(found[0]) // 4), source.text, flags=re.M)


def call_over_more_lines(source: Source) -> str | None:
    calls = [node for node in source.calls() if node.args or node.keywords]
    call = source.pick([node for node in calls if not _inside_f_string(source, node)])
    if call is None:
        return None
    start, end = source.span(call.func)[1], source.span(call)[1]
    inner = source.text[start:end]
    return (
        source.text[:start] + "(\n        " + inner[1:-1].strip().rstrip(",") + "\n    )" + source.text[end:]
    )


def _inside_f_string(source: Source, node: ast.AST) -> bool:
    return any(isinstance(above, ast.JoinedStr) for above in source.ancestors(node))


def semicolons(source: Source) -> str | None:
    node = source.pick([node for node in _simple_statements(source) if isinstance(node, ast.Assign)])
    return source.replaced(node, source.segment(node) + "; pass") if node else None


def line_continuation(source: Source) -> str | None:
    node = source.pick(
        [
            node
            for node in _simple_statements(source)
            if isinstance(node, ast.Assign) and len(node.targets) == 1
        ]
    )
    if node is None:
        return None
    start = source.span(node.targets[0])[1]
    return source.text[:start] + " = \\\n    " + source.text[source.span(node.value)[0] :]


def docstring_reworded(source: Source) -> str | None:
    owners = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not _is_enum_like(node)
    ]
    owner = source.pick(owners)
    if owner is None:
        return None
    first = owner.body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return source.replaced(first, '"""Said in other words."""')
    return source.inserted(first, ['"""What this is for."""'])


def _is_enum_like(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in node.bases)


# -- order and form of calls and dictionaries -------------------------------------------------------------


def _is_pure(node: ast.AST) -> bool:
    return not any(
        isinstance(part, (ast.Call, ast.NamedExpr, ast.Await, ast.Yield)) for part in ast.walk(node)
    )


def keywords_reordered(source: Source) -> str | None:
    calls = [
        node
        for node in source.calls()
        if len(node.keywords) > 1
        and all(item.arg and _is_pure(item.value) for item in node.keywords)
        and not _inside_f_string(source, node)
    ]
    call = source.pick(calls)
    if call is None:
        return None
    pieces = [source.segment(item) for item in call.keywords]
    start, end = source.span(call.keywords[0])[0], source.span(call.keywords[-1])[1]
    source.rng.shuffle(pieces)
    return source.text[:start] + ", ".join(pieces) + source.text[end:]


def dict_literal_reordered(source: Source) -> str | None:
    dicts = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Dict)
        and len(node.keys) > 1
        and all(isinstance(key, ast.Constant) for key in node.keys)
        and _is_pure(node)
    ]
    node = source.pick(dicts)
    if node is None:
        return None
    pairs = [
        f"{source.segment(key)}: {source.segment(value)}"
        for key, value in zip(node.keys, node.values, strict=True)
    ]
    source.rng.shuffle(pairs)
    return source.replaced(node, "{" + ", ".join(pairs) + "}")


def dict_literal_as_call(source: Source) -> str | None:
    dicts = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Dict)
        and node.keys
        and all(isinstance(key, ast.Constant) and str(key.value).isidentifier() for key in node.keys)
    ]
    node = source.pick(dicts)
    if node is None:
        return None
    keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
    pairs = [f"{key}={source.segment(value)}" for key, value in zip(keys, node.values, strict=True)]
    return source.replaced(node, "dict(" + ", ".join(pairs) + ")")


def dict_call_as_literal(source: Source) -> str | None:
    calls = [
        node
        for node in source.calls()
        if source.segment(node.func) == "dict"
        and not node.args
        and node.keywords
        and all(item.arg for item in node.keywords)
    ]
    node = source.pick(calls)
    if node is None:
        return None
    pairs = [f"'{item.arg}': {source.segment(item.value)}" for item in node.keywords]
    return source.replaced(node, "{" + ", ".join(pairs) + "}")


def keywords_through_stars(source: Source) -> str | None:
    calls = [
        node
        for node in source.calls()
        if node.keywords and all(item.arg for item in node.keywords) and not _inside_f_string(source, node)
    ]
    call = source.pick(calls)
    if call is None:
        return None
    pieces = ", ".join(f"'{item.arg}': {source.segment(item.value)}" for item in call.keywords)
    start, end = source.span(call.keywords[0])[0], source.span(call.keywords[-1])[1]
    return source.text[:start] + "**{" + pieces + "}" + source.text[end:]


def list_as_concatenation(source: Source) -> str | None:
    node = source.pick(_lists(source, 2))
    if node is None:
        return None
    items = [source.segment(item) for item in node.elts]
    return source.replaced(node, f"([{items[0]}] + [{', '.join(items[1:])}])")


def list_from_tuple(source: Source) -> str | None:
    node = source.pick(_lists(source, 1))
    if node is None:
        return None
    return source.replaced(node, "list((" + ", ".join(source.segment(item) for item in node.elts) + ",))")


def _lists(source: Source, least: int) -> list[ast.List]:
    return [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.List)
        and len(node.elts) >= least
        and isinstance(node.ctx, ast.Load)
        and not any(isinstance(item, ast.Starred) for item in node.elts)
        and not any(
            isinstance(above, ast.Assign) and source.segment(above.targets[0]) == "_base_"
            for above in source.ancestors(node)
        )
    ]


# -- names and imports ------------------------------------------------------------------------------------


def constant_renamed(source: Source) -> str | None:
    if source.globals_are_config:
        return None
    name = source.pick(
        [
            name
            for name in _bound_names(source)
            if not re.search(rf"\b{name}\s*=[^=]", source.text.replace(f"\n{name} =", "\n"))
            and f'"{name}"' not in source.text
            and f"'{name}'" not in source.text
            and f".{name}" not in source.text
        ]
    )
    if name is None:
        return None
    return re.sub(rf"\b{name}\b", source.fresh("renamed"), source.text)


def local_variable_renamed(source: Source) -> str | None:
    functions = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef) and node.name != "get_config"
    ]
    function = source.pick(functions)
    if function is None:
        return None
    stored = sorted(
        {
            part.id
            for part in ast.walk(function)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        }
    )
    name = source.pick(stored)
    segment = source.segment(function)
    if name is None or re.search(rf"\b{name}=|['\".]{name}\b", segment):
        return None
    return source.replaced(function, re.sub(rf"\b{name}\b", source.fresh("local"), segment))


def import_aliased(source: Source) -> str | None:
    imports = [
        (node, alias)
        for node in source.tree.body
        if isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__"
        for alias in node.names
        if alias.name != "*"
        and not alias.asname
        and re.search(rf"\b{alias.name}\b", source.text[source.span(node)[1] :])
    ]
    choice = source.pick(imports)
    if choice is None or source.globals_are_config:
        return None
    node, alias = choice
    name = source.fresh("imported")
    rest = source.text[source.span(node)[1] :]
    if re.search(rf"['\".]{alias.name}\b|\b{alias.name}=", rest) or f"{{{alias.name}" in rest:
        return None
    names = ", ".join(f"{item.name} as {name}" if item is alias else ast.unparse(item) for item in node.names)
    line = f"from {'.' * node.level}{node.module} import {names}"
    return source.text[: source.span(node)[0]] + line + re.sub(rf"\b{alias.name}\b", name, rest)


def import_split(source: Source) -> str | None:
    nodes = [
        node
        for node in source.tree.body
        if isinstance(node, ast.ImportFrom)
        and len(node.names) > 1
        and not (source.globals_are_config and node.level)
    ]
    node = source.pick(nodes)
    if node is None:
        return None
    head = f"from {'.' * node.level}{node.module or ''} import "
    return source.replaced(node, "\n".join(head + ast.unparse(alias) for alias in node.names))


def imports_reordered(source: Source) -> str | None:
    nodes = [node for node in source.tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    pairs = [
        (left, right)
        for left, right in itertools.pairwise(nodes)
        if right.lineno == (left.end_lineno or 0) + 1 and "__future__" not in source.segment(left)
    ]
    pair = source.pick(pairs)
    if pair is None:
        return None
    left, right = pair
    text = source.replaced(right, source.segment(left))
    start, end = source.span(left)
    return text[:start] + source.segment(right) + text[end:]


def unused_standard_import(source: Source) -> str | None:
    name = source.rng.choice(["json", "itertools", "pathlib", "collections.abc", "typing"])
    node = source.pick(_simple_statements(source)[:1])
    return source.inserted(node, [f"import {name}"]) if node else None


def typing_only_import(source: Source) -> str | None:
    node = source.pick(_simple_statements(source)[:1])
    if node is None or source.globals_are_config:
        return None
    return source.inserted(
        node,
        [
            "from typing import TYPE_CHECKING",
            "",
            "if TYPE_CHECKING:",
            "    from fw.types import Schedule",
            "",
        ],
    )


def future_annotations(source: Source) -> str | None:
    if "__future__" in source.text or source.globals_are_config:
        return None
    first = source.tree.body[0]
    if isinstance(first, ast.Expr):
        return source.replaced(first, source.segment(first) + "\n\nfrom __future__ import annotations")
    return "from __future__ import annotations\n" + source.text


# -- code that does nothing -------------------------------------------------------------------------------


def dead_branch(source: Source) -> str | None:
    node = source.pick(_simple_statements(source))
    return source.inserted(node, ["if False:", "    undefined_name.explode(1 / 0)"]) if node else None


def wrapped_in_true(source: Source) -> str | None:
    nodes = [
        node for node in _simple_statements(source) if isinstance(node, (ast.Assign, ast.Expr, ast.AugAssign))
    ]
    node = source.pick([node for node in nodes if '"""' not in source.segment(node)])
    if node is None or _is_base(source, node):
        return None
    body = source.segment(node).replace("\n", "\n    ")
    return source.replaced(node, f"if True:\n    {body}")


def wrapped_in_try(source: Source) -> str | None:
    nodes = [node for node in _simple_statements(source) if isinstance(node, (ast.Assign, ast.Expr))]
    node = source.pick([node for node in nodes if not _is_base(source, node)])
    if node is None:
        return None
    body = source.segment(node).replace("\n", "\n    ")
    return source.replaced(node, f"try:\n    {body}\nfinally:\n    pass")


def _is_base(source: Source, node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and source.segment(node.targets[0]) == "_base_"


def unused_function(source: Source) -> str | None:
    node = source.pick(_simple_statements(source))
    name = source.fresh("unused")
    return source.inserted(node, [f"def {name}(x):", "    return undefined_name(x)", ""]) if node else None


def unused_class(source: Source) -> str | None:
    node = source.pick(_simple_statements(source))
    if node is None or source.globals_are_config:
        return None
    return source.inserted(node, [f"class {source.fresh('Unused')}:", "    x = 1", ""])


def unused_constant(source: Source) -> str | None:
    node = source.pick(_simple_statements(source))
    if node is None or source.globals_are_config:
        return None
    return source.inserted(node, [f"{source.fresh('spare')} = [1, 2, 3]"])


def main_guard(source: Source) -> str | None:
    return source.appended(
        ["", "if __name__ == '__main__':", "    print('run me')", "    raise SystemExit(1)"]
    )


def pass_statement(source: Source) -> str | None:
    node = source.pick(
        [
            node
            for node in ast.walk(source.tree)
            if isinstance(node, ast.stmt) and isinstance(source.parents[node], (ast.Module, ast.FunctionDef))
        ]
    )
    return source.inserted(node, ["pass"]) if node and not _is_docstring(source, node) else None


def _is_docstring(source: Source, node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ) or "__future__" in source.segment(node)


def assertion(source: Source) -> str | None:
    node = source.pick(_simple_statements(source))
    return source.inserted(node, ["assert 1 + 1 == 2, 'arithmetic'"]) if node else None


def self_assignment(source: Source) -> str | None:
    nodes = [
        node
        for node in source.tree.body
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and not _is_base(source, node)
    ]
    node = source.pick(nodes)
    if node is None:
        return None
    name = source.segment(node.targets[0])
    return source.replaced(node, f"{source.segment(node)}\n{name} = {name}")


def annotation_added(source: Source) -> str | None:
    nodes = [
        node
        for node in source.tree.body
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and not _is_base(source, node)
    ]
    node = source.pick(nodes)
    if node is None:
        return None
    end = source.span(node.targets[0])[1]
    return source.text[:end] + ": object" + source.text[end:]


# -- moving values ----------------------------------------------------------------------------------------


def argument_extracted(source: Source) -> str | None:
    """A keyword's value gets a name of its own before the statement, sentinel included."""
    if source.globals_are_config:
        return None
    keywords = [
        item
        for call in source.calls()
        for item in call.keywords
        if item.arg
        and _is_pure(item.value)
        and not source.in_class_body(call)
        and not _inside_scope(source, item)
    ]
    item = source.pick(keywords)
    if item is None:
        return None
    name = source.fresh("extracted")
    line = f"{name} = {source.segment(item.value)}".replace("\n", " ")
    return source.inserted(source.statement(item), [line], source.replaced(item.value, name))


def _inside_scope(source: Source, node: ast.AST) -> bool:
    scopes = (ast.Lambda, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp, ast.JoinedStr)
    return any(isinstance(above, scopes) for above in source.ancestors(node))


def call_extracted(source: Source) -> str | None:
    """A nested call moves into a function that is called in its place."""
    if source.globals_are_config:
        return None
    calls = [
        node
        for node in source.calls()
        if isinstance(source.parents[node], ast.keyword)
        and not source.in_class_body(node)
        and not _inside_scope(source, node)
        and isinstance(source.statement(node), ast.Assign)
        and isinstance(source.parents[source.statement(node)], ast.Module)
    ]
    node = source.pick(calls)
    if node is None:
        return None
    name = source.fresh("make")
    lines = [f"def {name}():", *f"    return {source.segment(node)}".split("\n"), "", ""]
    return source.inserted(source.statement(node), lines, source.replaced(node, f"{name}()"))


def expression_wrapped_in_lambda(source: Source) -> str | None:
    values = [
        item.value
        for call in source.calls()
        for item in call.keywords
        if item.arg and not source.in_class_body(call) and not _inside_scope(source, item)
    ]
    node = source.pick(values)
    return source.replaced(node, f"(lambda: {source.segment(node)})()") if node else None


def assignments_swapped(source: Source) -> str | None:
    """Two neighbouring statements change places."""
    nodes = _simple_statements(source)
    pair = source.pick(
        [
            (left, right)
            for left, right in itertools.pairwise(nodes)
            if isinstance(left, ast.Assign) and isinstance(right, ast.Assign)
        ]
    )
    if pair is None:
        return None
    left, right = pair
    text = source.replaced(right, source.segment(left))
    start, end = source.span(left)
    return text[:start] + source.segment(right) + text[end:]


def keyword_set_afterwards(source: Source) -> str | None:
    """`x = C(a=1, b=2)` becomes `x = C(a=1)` and `x.b = 2`."""
    nodes = [
        node
        for node in source.tree.body
        if isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Call)
        and node.value.keywords
        and node.value.keywords[-1].arg
        and source.segment(node.value.func) not in ("dict", "partial")
    ]
    node = source.pick(nodes)
    if node is None:
        return None
    last = node.value.keywords[-1]
    name = source.segment(node.targets[0])
    tail = source.text[source.span(last)[1] : source.span(node)[1]].lstrip(",")
    return (
        source.text[: source.span(last)[0]]
        + tail
        + f"\n{name}.{last.arg} = {source.segment(last.value)}"
        + source.text[source.span(node)[1] :]
    )


# -- changes ----------------------------------------------------------------------------------------------


def keyword_dropped(source: Source) -> str | None:
    keywords = [
        item
        for call in source.calls()
        for item in call.keywords
        if item.arg and not source.holds_sentinel(item) and not _inside_f_string(source, item)
    ]
    item = source.pick(keywords)
    if item is None:
        return None
    start, end = source.span(item)
    rest = source.text[end:]
    return source.text[:start] + (rest[rest.index(",") + 1 :] if rest.lstrip().startswith(",") else rest)


def keyword_added(source: Source) -> str | None:
    calls = [node for node in source.calls() if node.keywords and not _inside_f_string(source, node)]
    call = source.pick(calls)
    if call is None:
        return None
    start = source.span(call.keywords[0])[0]
    return (
        source.text[:start]
        + f"extra_option={source.rng.choice(['1', 'None', 'True'])}, "
        + source.text[start:]
    )


def keyword_renamed(source: Source) -> str | None:
    keywords = [
        item
        for call in source.calls()
        for item in call.keywords
        if item.arg and not source.holds_sentinel(item) and not _inside_f_string(source, item)
    ]
    item = source.pick(keywords)
    return (
        source.replaced(item, f"{item.arg}_{source.segment(item).removeprefix(item.arg or '')}")
        if item
        else None
    )


def keyword_values_swapped(source: Source) -> str | None:
    calls = [
        node
        for node in source.calls()
        if len(node.keywords) > 1 and not source.holds_sentinel(node) and not _inside_f_string(source, node)
    ]
    call = source.pick(calls)
    if call is None:
        return None
    left, right = sorted(source.rng.sample(call.keywords, 2), key=lambda item: source.span(item)[0])
    text = source.replaced(right.value, source.segment(left.value))
    start, end = source.span(left.value)
    return text[:start] + source.segment(right.value) + text[end:]


def constructor_replaced(source: Source) -> str | None:
    calls = [
        node
        for node in source.calls()
        if source.segment(node.func).rpartition(".")[2][:1].isupper() and isinstance(node.func, ast.Attribute)
    ]
    node = source.pick(calls)
    return source.replaced(node.func, source.segment(node.func) + "V2") if node else None


def imported_from_elsewhere(source: Source) -> str | None:
    nodes = [
        node
        for node in source.tree.body
        if isinstance(node, ast.ImportFrom)
        and node.level == 0
        and (node.module or "").partition(".")[0] in ("fw", "rlkit", "torch", "mmseg")
    ]
    node = source.pick(nodes)
    return (
        source.replaced(node, source.segment(node).replace(f"from {node.module}", "from otherlib.models"))
        if node
        else None
    )


def framework_import_added(source: Source) -> str | None:
    node = source.pick(_simple_statements(source)[:1])
    return (
        source.inserted(node, ["import otherlib.plugins"]) if node and not source.globals_are_config else None
    )


def list_reordered(source: Source) -> str | None:
    node = source.pick(_lists(source, 2))
    if node is None:
        return None
    return source.replaced(node, "[" + ", ".join(source.segment(item) for item in reversed(node.elts)) + "]")


def list_shortened(source: Source) -> str | None:
    node = source.pick(_lists(source, 1))
    return (
        source.replaced(node, "[" + ", ".join(source.segment(item) for item in node.elts[:-1]) + "]")
        if node
        else None
    )


def list_lengthened(source: Source) -> str | None:
    node = source.pick(_lists(source, 1))
    return source.replaced(node, source.segment(node)[:-1].rstrip().rstrip(",") + ", 17]") if node else None


def list_to_tuple(source: Source) -> str | None:
    node = source.pick(_lists(source, 1))
    return (
        source.replaced(node, "(" + ", ".join(source.segment(item) for item in node.elts) + ",)")
        if node
        else None
    )


def operator_replaced(source: Source) -> str | None:
    nodes = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, (ast.FloorDiv, ast.Mult, ast.Add, ast.Div))
        and not source.holds_sentinel(node)
    ]
    node = source.pick(nodes)
    if node is None:
        return None
    symbol = source.rng.choice(["/", "//", "*", "+", "-", "%"])
    return source.replaced(node, f"({source.segment(node.left)}) {symbol} ({source.segment(node.right)})")


def comparison_replaced(source: Source) -> str | None:
    node = source.pick(
        [
            node
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Compare)
            and not any(isinstance(above, ast.While) for above in source.ancestors(node))
        ]
    )
    if node is None:
        return None
    symbol = source.rng.choice(["<", "<=", ">", ">=", "==", "!="])
    return source.replaced(
        node, f"{source.segment(node.left)} {symbol} {source.segment(node.comparators[0])}"
    )


def condition_negated(source: Source) -> str | None:
    node = source.pick([node for node in ast.walk(source.tree) if isinstance(node, (ast.If, ast.IfExp))])
    return source.replaced(node.test, f"not ({source.segment(node.test)})") if node else None


def name_replaced(source: Source) -> str | None:
    """One shared constant where another one was."""
    names = ["BATCH", "TOTAL_STEPS", "GROUP", "EVAL_EVERY"]
    nodes = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load)
    ]
    node = source.pick(nodes)
    return (
        source.replaced(node, source.rng.choice([name for name in names if name != node.id]))
        if node
        else None
    )


def shadowed_before_use(source: Source) -> str | None:
    if "import BATCH" not in source.text:
        return None
    name, value = source.rng.choice(
        [("BATCH", "48"), ("TOTAL_STEPS", "300"), ("BASE_LR", "0.007"), ("GROUP", "6")]
    )
    statements = _simple_statements(source)
    node = source.pick(statements)
    return source.inserted(node, [f"{name} = {value}"]) if node else None


def shadowed_by_loop(source: Source) -> str | None:
    if "import BATCH" not in source.text:
        return None
    node = source.pick(_simple_statements(source))
    return source.inserted(node, ["for BATCH in range(2):", "    pass"]) if node else None


def shadowed_by_comprehension(source: Source) -> str | None:
    """A comprehension has its own scope: nothing outside changes."""
    if "import BATCH" not in source.text:
        return None
    node = source.pick(_simple_statements(source))
    return (
        source.inserted(node, [f"{source.fresh('squares')} = [GROUP for GROUP in range(3)]"])
        if node
        else None
    )


def shadowed_by_walrus_in_comprehension(source: Source) -> str | None:
    if "import BATCH" not in source.text:
        return None
    node = source.pick(_simple_statements(source))
    return (
        source.inserted(node, [f"{source.fresh('squares')} = [(GROUP := n) for n in range(3)]"])
        if node
        else None
    )


def shared_list_mutated(source: Source) -> str | None:
    if "import BATCH" not in source.text:
        return None
    node = source.pick(_simple_statements(source))
    line = source.rng.choice(
        [
            "TAGS.append('late')",
            "TAGS += ['late']",
            "TAGS[0] = 'first'",
            "TAGS.clear()",
            "(lambda tags: tags.insert(0, 'x'))(TAGS)",
        ]
    )
    return source.inserted(node, [line]) if node else None


def shared_list_copied_then_mutated(source: Source) -> str | None:
    if "import BATCH" not in source.text:
        return None
    node = source.pick(_simple_statements(source))
    name = source.fresh("own")
    copy = source.rng.choice(["list(TAGS)", "TAGS[:]", "TAGS.copy()", "[*TAGS]", "TAGS + []"])
    return source.inserted(node, [f"{name} = {copy}", f"{name}.append('late')"]) if node else None


def environment_variable_renamed(source: Source) -> str | None:
    found = source.pick(re.findall(r'"(RUN_SCALE|DEBUG|WORLD_SIZE)"', source.text))
    return source.text.replace(f'"{found}"', '"OTHER_SCALE"', 1) if found else None


def environment_default_changed(source: Source) -> str | None:
    found = re.search(r'os\.environ\.get\("(\w+)", "(\w+)"\)', source.text)
    return source.text[: found.start(2)] + "5" + source.text[found.end(2) :] if found else None


def environment_read_spelled_otherwise(source: Source) -> str | None:
    return (
        source.text.replace("os.environ.get(", "os.getenv(", 1) if "os.environ.get(" in source.text else None
    )


def environment_read_added(source: Source) -> str | None:
    node = source.pick(source.constants(int))
    if node is None or "import os" not in source.text:
        return None
    return source.replaced(node, f'int(os.environ.get("NUM_GPUS", "{node.value}"))')


def value_by_time(source: Source) -> str | None:
    node = source.pick(source.constants(int, float))
    return source.replaced(node, "__import__('time').time_ns()") if node else None


def value_by_random(source: Source) -> str | None:
    node = source.pick(source.constants(int, float))
    return source.replaced(node, "__import__('random').random()") if node else None


def value_by_identity(source: Source) -> str | None:
    node = source.pick(source.constants(int))
    return source.replaced(node, "id(object())") if node else None


def value_by_framework(source: Source) -> str | None:
    node = source.pick(source.constants(int, float))
    return source.replaced(node, f"__import__('otherlib').choose({source.segment(node)})") if node else None


def value_by_own_path(source: Source) -> str | None:
    """What a file is called decides: the two files of a pair have different names."""
    node = source.pick(source.constants(int))
    if node is None or source.globals_are_config:
        return None
    return source.replaced(node, f"({source.segment(node)} + len(__name__) % 2 + ('var' in __name__))")


def attribute_set_at_end(source: Source) -> str | None:
    name = _configuration_name(source)
    return source.appended([f"{name}.late_option = 3"]) if name else None


def attribute_overwritten_at_end(source: Source) -> str | None:
    calls = [
        node
        for node in source.tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and isinstance(node.targets[0], ast.Name)
    ]
    calls = [
        node
        for node in calls
        if [item for item in node.value.keywords if item.arg]
        and source.segment(node.value.func) not in ("dict", "partial")
    ]
    node = source.pick(calls)
    if node is None:
        return None
    fields = [item.arg for item in node.value.keywords if item.arg and not source.holds_sentinel(item)]
    field = source.pick([field for field in fields if field != "reward"])
    return source.appended([f"{source.segment(node.targets[0])}.{field} = 'overwritten'"]) if field else None


def _configuration_name(source: Source) -> str | None:
    for name in ("config", "Config", "model"):
        if re.search(rf"^(class )?{name}\b", source.text, flags=re.M) and "def get_config" not in source.text:
            return name
    return None


def method_called_at_end(source: Source) -> str | None:
    return (
        source.appended(["config.freeze(layers=2)"])
        if re.search(r"^config = Trainer", source.text, re.M)
        else None
    )


def framework_called(source: Source) -> str | None:
    node = source.pick(_simple_statements(source))
    if node is None or source.globals_are_config:
        return None
    return source.inserted(node, ["from otherlib import register", "register('here')"])


def framework_patched(source: Source) -> str | None:
    if "\nimport fw." not in source.text:
        return None
    node = source.pick(_simple_statements(source))
    return source.inserted(node, ["fw.default_scale = 3"]) if node else None


def class_patched(source: Source) -> str | None:
    classes = [node for node in source.tree.body if isinstance(node, ast.ClassDef)]
    node = source.pick(classes)
    if node is None:
        return None
    following = [item for item in source.tree.body if item.lineno > (node.end_lineno or 0)]
    fields = [
        item.target.id
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
    ]
    field = source.pick(fields) or "workers"
    line = f"{node.name}.{field} = 77"
    where = source.pick(following)
    return source.inserted(where, [line]) if where else source.appended([line])


def method_patched(source: Source) -> str | None:
    classes = [
        node
        for node in source.tree.body
        if isinstance(node, ast.ClassDef) and any(isinstance(item, ast.FunctionDef) for item in node.body)
    ]
    node = source.pick(classes)
    if node is None:
        return None
    method = next(item.name for item in node.body if isinstance(item, ast.FunctionDef))
    following = [item for item in source.tree.body if item.lineno > (node.end_lineno or 0)]
    line = f"{node.name}.{method} = lambda self: None"
    where = source.pick(following)
    return source.inserted(where, [line]) if where else source.appended([line])


def unknown_decorator(source: Source) -> str | None:
    nodes = [node for node in source.tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    node = source.pick(nodes)
    if node is None or source.globals_are_config:
        return None
    return source.inserted(node, ["@__import__('otherlib').traced"])


def bases_reordered(source: Source) -> str | None:
    nodes = [node for node in source.tree.body if isinstance(node, ast.ClassDef) and len(node.bases) > 1]
    node = source.pick(nodes)
    if node is None:
        return None
    text = source.replaced(node.bases[1], source.segment(node.bases[0]))
    start, end = source.span(node.bases[0])
    return text[:start] + source.segment(node.bases[1]) + text[end:]


def statement_deleted(source: Source) -> str | None:
    nodes = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, (ast.Assign, ast.Expr, ast.AugAssign, ast.For, ast.If))
        and not source.holds_sentinel(node)
        and not _is_docstring(source, node)
        and not _is_base(source, node)
        and not isinstance(source.parents[node], ast.While)
    ]
    node = source.pick(nodes)
    return source.replaced(node, "pass") if node else None


def statement_repeated(source: Source) -> str | None:
    nodes = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, (ast.Assign, ast.Expr, ast.AugAssign))
        and not _is_docstring(source, node)
        and not _is_base(source, node)
        and not source.in_class_body(node)
    ]
    node = source.pick(nodes)
    if node is None:
        return None
    return source.replaced(node, f"{source.segment(node)}\n{' ' * node.col_offset}{source.segment(node)}")


def loop_lengthened(source: Source) -> str | None:
    nodes = [node for node in source.calls() if source.segment(node.func) == "range" and node.args]
    node = source.pick(nodes)
    return source.replaced(node.args[-1], f"{source.segment(node.args[-1])} + 1") if node else None


def index_moved(source: Source) -> str | None:
    nodes = [
        node
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    ]
    node = source.pick(nodes)
    return source.replaced(node.slice, repr(f"{node.slice.value}_x")) if node else None


def dict_key_renamed(source: Source) -> str | None:
    keys = [
        key
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value != "alpha"
    ]
    key = source.pick(keys)
    return source.replaced(key, repr(f"{key.value}_x")) if key else None


def default_factory_shared(source: Source) -> str | None:
    """A fresh list per object becomes one list for all."""
    if "default_factory=list)" not in source.text:
        return None
    node = source.pick([node for node in source.tree.body if isinstance(node, ast.ClassDef)])
    text = source.text.replace("default_factory=list)", "default_factory=lambda _shared=[]: _shared)", 1)
    return text if node else None


def delete_flag_dropped(source: Source) -> str | None:
    return source.text.replace("_delete_=True, ", "", 1) if "_delete_=True" in source.text else None


def delete_flag_added(source: Source) -> str | None:
    found = re.search(r"\b(backbone|optimizer)=dict\(", source.text)
    return (
        source.text[: found.end()] + "_delete_=True, " + source.text[found.end() :]
        if found and "_base_" in source.text
        else None
    )


def bases_of_file_reordered(source: Source) -> str | None:
    old = '["_model.py", "_schedule.py"]'
    return source.text.replace(old, '["_schedule.py", "_model.py"]') if old in source.text else None


def lock_moved_up(source: Source) -> str | None:
    marker = "    config.alpha ="
    return (
        source.text.replace(marker, f"    config.lock()\n{marker}", 1)
        if "def get_config" in source.text
        else None
    )


def merged_update_made_assignment(source: Source) -> str | None:
    old = 'config.update({"optimizer": {"decay": 0.25}, '
    new = 'config.optimizer = ConfigDict({"decay": 0.25})\n    config.update({'
    return source.text.replace(old, new) if old in source.text else None


def type_changed_on_assignment(source: Source) -> str | None:
    """An int over a float field is converted; anything else is refused."""
    return (
        source.text.replace("    return config\n", "    config.optimizer.lr = 1\n    return config\n")
        if "def get_config" in source.text
        else None
    )


PRESERVING: tuple[Edit, ...] = (
    comment_line,
    comment_at_end_of_line,
    blank_lines,
    reformatted_by_ast,
    windows_line_ends,
    tabs_for_indentation,
    call_over_more_lines,
    semicolons,
    line_continuation,
    docstring_reworded,
    keywords_reordered,
    dict_literal_reordered,
    dict_literal_as_call,
    dict_call_as_literal,
    keywords_through_stars,
    list_as_concatenation,
    list_from_tuple,
    constant_renamed,
    local_variable_renamed,
    import_aliased,
    import_split,
    imports_reordered,
    unused_standard_import,
    typing_only_import,
    future_annotations,
    dead_branch,
    wrapped_in_true,
    wrapped_in_try,
    unused_function,
    unused_class,
    unused_constant,
    main_guard,
    pass_statement,
    assertion,
    self_assignment,
    annotation_added,
    argument_extracted,
    call_extracted,
    expression_wrapped_in_lambda,
    shadowed_by_comprehension,
    shared_list_copied_then_mutated,
    bases_of_file_reordered,
    environment_read_spelled_otherwise,
)
CHANGING: tuple[Edit, ...] = (
    keyword_dropped,
    keyword_added,
    keyword_renamed,
    keyword_values_swapped,
    constructor_replaced,
    imported_from_elsewhere,
    framework_import_added,
    list_reordered,
    list_shortened,
    list_lengthened,
    list_to_tuple,
    environment_variable_renamed,
    environment_default_changed,
    environment_read_added,
    value_by_time,
    value_by_random,
    value_by_framework,
    attribute_set_at_end,
    attribute_overwritten_at_end,
    method_called_at_end,
    framework_called,
    framework_patched,
    dict_key_renamed,
)
EITHER: tuple[Edit, ...] = (
    assignments_swapped,
    keyword_set_afterwards,
    operator_replaced,
    comparison_replaced,
    condition_negated,
    name_replaced,
    shadowed_before_use,
    shadowed_by_loop,
    shadowed_by_walrus_in_comprehension,
    shared_list_mutated,
    value_by_identity,
    value_by_own_path,
    class_patched,
    method_patched,
    unknown_decorator,
    bases_reordered,
    statement_deleted,
    statement_repeated,
    loop_lengthened,
    index_moved,
    default_factory_shared,
    delete_flag_dropped,
    delete_flag_added,
    lock_moved_up,
    merged_update_made_assignment,
    type_changed_on_assignment,
)
ALL: tuple[Edit, ...] = PRESERVING + CHANGING + EITHER


def describe(edit: Edit) -> str:
    return edit.__name__


__all__ = ["ALL", "CHANGING", "EITHER", "PRESERVING", "Any", "Edit", "describe"]
