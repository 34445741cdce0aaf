"""Pairs of configs made by editing, and what executing both sides says about them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from .edits import EDITS, EditKind
from .execution import ENVIRONMENTS, Outcome, execute
from .families import DIALECTS, REFERENCE_VALUE, VARIANT_VALUE, Family, family
from .source import Source
from .tree import Path, differences, outside

DOCUMENTS = ("toml", "yaml")


@dataclass(frozen=True)
class Pair:
    """A reference and a variant in one workspace, and the edits that lie between them."""

    family: Family
    edited: str
    """The edited text, with the reference's value of the field under test."""
    edits: tuple[str, ...]
    intents: tuple[str, ...]
    shared: str = ""
    """The edited text of a shared file, when the edit was made there."""

    @property
    def reference(self) -> str:
        return self.family.target

    @property
    def variant(self) -> str:
        return self.family.target.replace("/ref.", "/var.")

    @property
    def variant_text(self) -> str:
        return self.edited.replace(REFERENCE_VALUE, VARIANT_VALUE)

    @property
    def files(self) -> dict[str, str]:
        return self._with(self.variant_text)

    def _with(self, text: str) -> dict[str, str]:
        files = {
            **self.family.files,
            self.variant.partition("?")[0].partition(":")[0].partition("#")[0]: text,
        }
        if self.shared:
            files["conf/_base_v.py"] = self.shared
        return files

    @cached_property
    def separated(self) -> list[tuple[str, Path]]:
        """Where the executions differ outside what the declaration allows: (environment, path)."""
        found: list[tuple[str, Path]] = []
        for number, environment in enumerate(ENVIRONMENTS):
            reference = _reference_outcome(self.family, number)
            variant = execute(self.files, self.variant, self.family.entry, environment)
            allowed = [*self.family.allowed, *self.family.derived_paths]
            paths = outside(differences(reference.whole(), variant.whole()), allowed)
            if not paths and self.family.derived_paths:
                paths = self._not_derived(reference, variant, number)
            if reference.raised and not paths:
                paths = [("@", "raised")]
            found += [(environment.name, path) for path in paths]
        return found

    def _not_derived(self, reference: Outcome, variant: Outcome, number: int) -> list[Path]:
        """Derived fields that differ although the field under test is set back to the reference's."""
        if not outside(differences(reference.whole(), variant.whole()), self.family.allowed):
            return []
        back = execute(self._with(self.edited), self.variant, self.family.entry, ENVIRONMENTS[number])
        return outside(differences(reference.whole(), back.whole()), self.family.allowed)


@lru_cache(maxsize=512)
def _outcome(files: tuple[tuple[str, str], ...], target: str, entry: str, number: int) -> Outcome:
    return execute(dict(files), target, entry, ENVIRONMENTS[number])


def _reference_outcome(chosen: Family, number: int) -> Outcome:
    return _outcome(tuple(chosen.files.items()), chosen.target, chosen.entry, number)


def _source(chosen: Family, text: str, rng: random.Random) -> Source:
    return Source(text, rng, chosen.globals_are_config, chosen.protected)


def applied(chosen: Family, kind: EditKind, text: str, rng: random.Random) -> str | None:
    """The text after one edit of that kind; None where it has no place, or makes no valid file."""
    if kind.documents != (chosen.dialect in DOCUMENTS):
        return None
    for _ in range(4):
        try:
            edited = kind.apply(_source(chosen, text, rng))
            if edited is None or edited == text or REFERENCE_VALUE not in edited:
                continue
            if not kind.documents:
                compile(edited, "edited", "exec", dont_inherit=True)
        except SyntaxError:
            continue
        return edited
    return None


def mutant(kind: EditKind, seed: int) -> Pair | None:
    """One edit of the given kind on a family that has a place for it."""
    rng = random.Random(f"mutant {kind.name} {seed}")
    dialects = list(DIALECTS)
    rng.shuffle(dialects)
    for dialect in dialects:
        chosen = family(dialect, rng.randrange(40))
        if not kind.documents and "conf/_base.py" in chosen.files and rng.random() < 0.15:
            pair = _shared_mutant(chosen, kind, rng)
            if pair is not None:
                return pair
        text = applied(chosen, kind, chosen.text, rng)
        if text is not None:
            return Pair(chosen, text, (kind.name,), (kind.intent,))
    return None


def _shared_mutant(chosen: Family, kind: EditKind, rng: random.Random) -> Pair | None:
    """The edit is made in a copy of the shared file, and the variant imports the copy."""
    if chosen.dialect == "read_base" or not re.search(r"from \._base import", chosen.text):
        return None
    base = replace(
        chosen, globals_are_config=False, protected=frozenset(re.findall(r"\b[A-Z_]{3,}\b", chosen.text))
    )
    try:
        edited = kind.apply(_source(base, chosen.files["conf/_base.py"], rng))
        if edited is None or edited == chosen.files["conf/_base.py"]:
            return None
        compile(edited, "edited", "exec", dont_inherit=True)
    except SyntaxError:
        return None
    text = re.sub(r"from \._base import", "from ._base_v import", chosen.text)
    return Pair(chosen, text, (kind.name, "in a shared file"), (kind.intent,), edited)


def chain(seed: int, preserving: bool | None = None) -> Pair | None:
    """Three to five edits, one after the other; `preserving` restricts them to edits meant to preserve."""
    rng = random.Random(f"chain {seed}")
    if preserving is None:
        preserving = rng.random() < 0.4
    chosen = family(rng.choice(list(DIALECTS)), rng.randrange(40))
    kinds = [kind for kind in EDITS if kind.documents == (chosen.dialect in DOCUMENTS)]
    calm = [kind for kind in kinds if kind.intent == "preserving"]
    length = rng.randint(3, 5)
    plan = [rng.choice(calm) for _ in range(40)]
    if not preserving:
        # One telling edit among harmless ones is harder to see than many.
        plan[rng.randrange(3)] = rng.choice([kind for kind in kinds if kind.intent != "preserving"])
    text, names, intents = chosen.text, [], []
    for kind in plan:
        edited = applied(chosen, kind, text, rng)
        if edited is not None:
            text = edited
            names.append(kind.name)
            intents.append(kind.intent)
        if len(names) == length:
            return Pair(chosen, text, tuple(names), tuple(intents))
    return None


def mutants(count: int, start: int = 0) -> Iterator[Pair]:
    """`count` mutants, all kinds in turn."""
    made, seed = 0, start
    while made < count:
        for kind in EDITS:
            pair = mutant(kind, seed)
            if pair is not None:
                yield pair
                made += 1
                if made == count:
                    return
        seed += 1


def chains(count: int, start: int = 0) -> Iterator[Pair]:
    made, seed = 0, start
    while made < count:
        pair = chain(seed)
        seed += 1
        if pair is not None:
            yield pair
            made += 1
