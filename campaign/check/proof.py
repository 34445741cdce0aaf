"""The proof: both files evaluated without running them, their trees compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from campaign.check.declaration import Declaration
from campaign.check.findings import CheckResult


def prove(declaration: Declaration, root: Path) -> CheckResult:
    """Compare every variant with the reference. Nothing of the files is imported or run.

    Raises `UsageError` for a target that is not there or unreadable, an unknown entry, and a pattern that
    matches nothing or too much.
    """
    raise NotImplementedError


def dump(target: str, root: Path, entry: str | None = None, follow: tuple[str, ...] = ()) -> Any:
    """The absolute tree of one target, JSON-able (keys sorted where order has no meaning).

    ==================  ==============================================================================
    value               form
    ==================  ==============================================================================
    None, bool, str     as in JSON
    int                 ``{"$int": "3"}``
    float, complex      ``{"$float": repr}``, ``{"$complex": repr}``
    bytes               ``{"$bytes": hex}``
    Ellipsis            ``{"$ellipsis": true}``
    range, slice        ``{"$range": [start, stop, step]}``, ``{"$slice": [start, stop, step]}`` (plain ints)
    list                ``[...]``
    tuple               ``{"$tuple": [...]}``; a named tuple has ``"$type": name`` beside it and
                        ``"fields": {...}`` instead of the list
    set, frozenset      ``{"$set": [...]}``, ``{"$frozenset": [...]}``, sorted by their JSON text
    dict                ``{"$dict": [[key, value], ...]}``, sorted by the JSON text of the key
    an instance         ``{"$object": class __qualname__, "fields": {...}}``: what ``vars`` has, and data
                        attributes of the class and its bases that it does not shadow (no dunder, no
                        function, property, static or class method)
    enum member         ``{"$enum": "Class.NAME", "value": ...}``
    class               ``{"$class": __qualname__, "fields": {...}}``, data attributes as above
    function, lambda    ``{"$function": __name__}``
    module              ``{"$module": name}``
    name from outside   ``{"$ref": "lib.sub.Name"}``
    call of it          ``{"$call": callee, "args": [...], "kwargs": {...}}``; the callee is the qualified
                        name, or its form when it is not a name. ``"fields": {...}`` when attributes were
                        set afterwards, ``"effects": [[name, [args...], {kwargs...}], ...]`` when methods
                        were called on it or items set (``__setitem__``, ``__delitem__``)
    other operation     ``{"$term": operation, "operands": [...]}``
    not known           ``{"$unknown": reason}``, ``{"$nondeterministic": source}``
    ==================  ==============================================================================

    Shared objects are written out each time; a cycle is ``{"$cycle": true}``. A single name, a call or a class
    gives its value's tree; several names give ``{"$names": {...}}``.
    When a test on something only known at run time splits the evaluation, the tree is
    ``{"$cases": [{"when": {test: bool}, "tree": ...}]}``.
    """
    raise NotImplementedError
