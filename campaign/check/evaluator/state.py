"""The evaluator: the state of one evaluation, and the operations of Python's data model as its methods.

Handlers call these methods, never each other's modules: what an operation does depends on the payload alone, and
`dispatch` holds that choice.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from campaign.check.evaluator.dispatch import (
    ATTRIBUTES,
    BINARY_OPERATIONS,
    CALLS,
    COMPARISONS,
    DELETE_ATTRIBUTE,
    DELETE_ITEM,
    EXPRESSIONS,
    GET_ITEM,
    ITERATION,
    MEMBERS,
    SET_ATTRIBUTE,
    SET_ITEM,
    STATEMENTS,
    TARGETS,
    TRUTH,
)
from campaign.check.sources import Sources
from campaign.check.values import (
    ClassObj,
    Effect,
    ErrorObj,
    ExternalCall,
    MappingDialect,
    ModuleObj,
    Mutable,
    Origin,
    SetObj,
    SymbolicOperation,
    Value,
)
from campaign.check.values.constants import NotConcrete, Unhashable, check_size, key_of
from campaign.check.values.limits import STEPS, Decisions, Halt, Raised
from campaign.check.values.scope import Scope

if TYPE_CHECKING:
    from campaign.check.evaluator.boundary import Boundary
    from campaign.check.evaluator.generators import Generator


class Site:
    """Where a call happens: its place, and the scope it can see."""

    __slots__ = ("at", "scope")

    def __init__(self, at: Origin, scope: Scope) -> None:
        self.at = at
        self.scope = scope


class Args:
    """Evaluated arguments of a call."""

    __slots__ = ("keywords", "positional")

    def __init__(self, positional: list[Value], keywords: dict[str, Value] | None = None) -> None:
        self.positional = positional
        self.keywords: dict[str, Value] = {} if keywords is None else keywords


class Returned:
    """A block ended with `return`."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value


Completion = Returned | str | None
"""How a block ended: None (at its end), `break`, `continue`, or with a value."""


class Budget:
    """Steps that all cases of one target share."""

    def __init__(self, steps: int = STEPS) -> None:
        self.steps = steps


class Evaluator:
    """One evaluation of one target in one case."""

    def __init__(
        self, sources: Sources, boundary: Boundary, side: str, decisions: Decisions, budget: Budget
    ) -> None:
        self.sources = sources
        self.boundary = boundary
        self.side = side
        """`reference` or `variant`; part of the keys of values that have no counterpart on the other side."""
        self.decisions = decisions
        self.budget = budget
        self.modules: dict[str, ModuleObj] = {}
        """`sys.modules` for the checked files, by real path: a module is executed once."""
        self.effects: list[Effect] = []
        """What was done to external state, in order."""
        self.object_effects: list[tuple[ExternalCall, Effect]] = []
        """What was done to external objects, in order; each object keeps its own log as well."""
        self.imports: dict[str, Origin] = {}
        """External modules that were imported, and where."""
        self.control: Origin | None = None
        """The tests that decided that the current statement runs; part of the origin of every value it stores."""
        self.risks: dict[str, Origin] = {}
        """Operations on the environment that raise in some environments, and where."""
        self.depth = 0
        """Calls of functions of the checked files that are active."""
        self.tries = 0
        """Active `try` statements with handlers: only inside them does it matter whether external code raises."""
        self.counter = 0
        self.handled: list[Value] = []
        """Exceptions whose handlers run, innermost last."""
        self.fresh_imports = False
        """Each relative import executes its module again (detectron2's LazyConfig)."""
        self.base_dialect: MappingDialect | None = None
        """The dialect of configurations imported as bases, whose dicts it converts: mmengine's inside
        `with read_base():`, OmegaConf's for a whole LazyConfig."""
        self.patched: dict[str, Value] = {}
        """External names that the checked files assigned to."""
        self.consumed_iterators: list[SymbolicOperation] = []
        """External iterators that have been iterated over."""
        self.generators: list[Generator] = []
        """Generators that may be suspended."""
        self.generator: Generator | None = None
        """The generator whose body runs."""
        self.paths_before: list[str] = []
        """Folders that the files put in front of `sys.path`."""
        self.paths_after: list[str] = []
        self.unknown_paths = False
        """`sys.path` was changed in a way that is not modelled."""
        self.import_candidates: dict[tuple[str, str], list[str]] = {}
        """The files that an absolute import from a folder may mean."""
        self.loading: list[str] = []
        """Files whose module is being executed, outermost first."""

    def eval(self, node: ast.expr, scope: Scope) -> Value:
        self.budget.steps -= 1
        if self.budget.steps < 0:
            raise self.spent(node, scope)
        return EXPRESSIONS[type(node)](self, node, scope)

    def run(self, statements: list[ast.stmt], scope: Scope) -> Completion:
        for node in statements:
            self.budget.steps -= 1
            if self.budget.steps < 0:
                raise self.spent(node, scope)
            completion = STATEMENTS[type(node)](self, node, scope)
            if completion is not None:
                return completion
        return None

    def call(self, function: Value, args: Args, at: Origin, scope: Scope | None = None) -> Value:
        return CALLS[type(function.payload)](self, function, args, at, scope)

    def call_method(self, receiver: Value, name: str, args: Args, at: Origin) -> Value:
        """Call a special method of an instance."""
        # Python looks special methods up on the class, past the attributes of the instance (reference, "Special
        # method lookup").
        cls: ClassObj = receiver.payload.cls
        found = cls.find(name)
        if found is None:
            return self.call(self.get_attribute(receiver, name, at), args, at)
        return self.call(MEMBERS[type(found.payload)](self, found, receiver, cls, at), args, at)

    def get_attribute(self, holder: Value, name: str, at: Origin) -> Value:
        payload = holder.payload
        self.readable(payload, at)
        return ATTRIBUTES[type(payload)](self, holder, name, at)

    def set_attribute(self, holder: Value, name: str, value: Value, at: Origin) -> None:
        SET_ATTRIBUTE[type(holder.payload)](self, holder, name, self.with_control_origin(value), at)

    def delete_attribute(self, holder: Value, name: str, at: Origin) -> None:
        DELETE_ATTRIBUTE[type(holder.payload)](self, holder, name, at)

    def get_item(self, holder: Value, index: Value, at: Origin) -> Value:
        payload = holder.payload
        self.readable(payload, at)
        return GET_ITEM[type(payload)](self, holder, index, at)

    def set_item(self, holder: Value, index: Value, value: Value, at: Origin) -> None:
        SET_ITEM[type(holder.payload)](self, holder, index, value, at)

    def delete_item(self, holder: Value, index: Value, at: Origin) -> None:
        DELETE_ITEM[type(holder.payload)](self, holder, index, at)

    def iterate(self, value: Value, at: Origin) -> Iterator[Value]:
        payload = value.payload
        self.readable(payload, at)
        return ITERATION[type(payload)](self, value, at)

    def elements(self, value: Value, at: Origin) -> list[Value]:
        """All elements, eagerly. Each costs a step, since a generator may be endless."""
        found: list[Value] = []
        for item in self.iterate(value, at):
            self.charge(1, at)
            found.append(item)
        check_size(len(found), at)
        return found

    def truth(self, value: Value, at: Origin) -> bool:
        payload = value.payload
        self.readable(payload, at)
        return TRUTH[type(payload)](self, value, at)

    def binary(self, kind: type[ast.operator], left: Value, right: Value, at: Origin) -> Value:
        return BINARY_OPERATIONS[kind](self, kind, left, right, at)

    def compare(self, kind: type[ast.cmpop], left: Value, right: Value, at: Origin) -> Value:
        return COMPARISONS[kind](self, kind, left, right, at)

    def new_set(self, items: list[Value], at: Origin, frozen: bool = False) -> SetObj:
        members: dict[Any, Value] = {}
        for item in items:
            try:
                # Of several equal elements, Python keeps the first.
                members.setdefault(key_of(item.payload), item)
            except Unhashable as error:
                raise self.error(TypeError, f"unhashable type: '{error}'", at) from None
            except NotConcrete:
                reason = "the elements of a set are only known at run time, and some of them may be equal"
                raise Halt(reason, at, "use a list") from None
        return SetObj(members, frozen)

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        TARGETS[type(target)](self, target, value, scope)

    def spent(self, node: ast.AST, scope: Scope) -> Halt:
        return self._out_of_steps(self.place(node, scope))

    def charge(self, steps: int, at: Origin) -> None:
        """Count the steps of one operation on a large value."""
        self.budget.steps -= steps
        if self.budget.steps < 0:
            raise self._out_of_steps(at)

    def _out_of_steps(self, at: Origin) -> Halt:
        return Halt(
            f"the evaluation takes more than {STEPS:,} steps",
            at,
            "make the loop shorter, or compute its result outside of the configuration",
        )

    def place(self, node: ast.AST, scope: Scope, *parents: Origin) -> Origin:
        try:
            line, column = node.lineno, node.col_offset + 1  # type: ignore[attr-defined]
        except AttributeError:
            line, column = getattr(node, "lineno", 0), 0
        return Origin(scope.module.display_path, line, column, parents)

    def value(self, payload: Any, node: ast.AST, scope: Scope, *inputs: Value) -> Value:
        """A value that is computed at this node from the inputs."""
        return Value(payload, self.place(node, scope, *(value.origin for value in inputs)))

    def with_control_origin(self, value: Value) -> Value:
        """The value as it is stored where control depends on a test."""
        # A value that only one branch stores depends on the test, although it is not computed from it. Without this
        # origin, a field under test could seem to explain all of a difference that another literal decided too.
        if self.control is None:
            return value
        origin = value.origin
        return Value(value.payload, Origin(origin.file, origin.line, origin.column, (origin, self.control)))

    def push_control(self, test: Origin) -> Origin | None:
        """Make the statements that follow depend on `test`. Returns the control origin to restore."""
        before = self.control
        parents = (test,) if before is None else (test, before)
        self.control = Origin(test.file, test.line, test.column, parents)
        return before

    def error(self, error_type: type, message: str, at: Origin) -> Raised | Halt:
        """An exception of the checked code."""
        # A TypeError or AttributeError may be a gap in what the checker knows about a type. Where a handler would
        # catch it, evaluation would continue in a branch that Python may not take.
        if self.tries and issubclass(error_type, TypeError | AttributeError):
            reason = f"the code raises {error_type.__name__} inside a try ({message})"
            return Halt(reason, at, "test for the condition instead of catching the exception")
        return Raised(Value(ErrorObj(error_type, (Value(message, at),)), at))

    def readable(self, payload: Any, at: Origin) -> None:
        """Refuse to read an object that external code may have changed."""
        # External code keeps what it is given: not only the call itself, any later one may write to the object.
        if isinstance(payload, Mutable) and payload.escaped_to:
            raise Halt(
                f"the code reads an object after passing it to {payload.escaped_to}, which may have changed it",
                at,
                "read what is needed before the call",
            )

    def unique(self, at: Origin) -> str:
        """A key for a value that cannot be matched between two files; the same in every case of one target."""
        self.counter += 1
        return f"{self.side}@{at.file}:{at.line}:{at.column}#{self.counter}"


Function = Callable[[Evaluator, Args, Site], Value]
"""The model of a builtin or external function."""
Leave = Callable[[Callable[[], Completion]], Completion]
"""Runs the body of a `with` statement."""
ContextModel = Callable[[Evaluator, Value, Origin], tuple[Value, Leave] | None]
"""What a context manager binds and how its body runs; None for the context managers of other models."""

BUILTIN_NAMES: dict[str, Any] = {}
"""The names of the `builtins` module, each with its payload."""
EXTERNAL_FUNCTIONS: dict[str, Function] = {}
"""Functions of the standard library and of frameworks that have a model, by dotted name."""
EXTERNAL_CONSTANTS: dict[str, Any] = {}
"""Constants of the standard library, by dotted name."""
CONTEXTS: list[ContextModel] = []


def is_modelled(full: str) -> bool:
    """Whether a dotted name, or a name below it, has a model, and so exists."""
    return full in EXTERNAL_FUNCTIONS or any(name.startswith(f"{full}.") for name in EXTERNAL_FUNCTIONS)


def external_constant(full: str, at: Origin) -> Value | None:
    """A constant of the standard library."""
    return Value(EXTERNAL_CONSTANTS[full], at) if full in EXTERNAL_CONSTANTS else None
