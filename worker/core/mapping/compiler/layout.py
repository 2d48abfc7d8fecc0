"""The type of the documents of one mapping: which members are decoded, into which attributes."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from worker.core.mapping.grammar.nodes import JmesPath, Join, MadeObject, Member, OfRecord, Path
from worker.formats.protocol import Document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.core.mapping.grammar.nodes import MappingSpec, Source

# No path can hold it, so a name that begins with it is no member that a path leads to.
_UNPRINTABLE: Final = "\u2060"

ABSENT: Final = "absent"
"""An attribute of every document, which is None: for fields that begin with neither member nor constant."""


OUTERMOST: Final = "outermost"
"""The attribute for the record's own document, where ``unwrap`` has put another in its place."""
INDEX: Final = "element_index"
"""The attribute for the index of the current element in its record."""


def level_slot(level: int) -> str:
    """The attribute for the current element of a level."""
    return f"level_{level}"


def within_slot(level: int) -> str:
    """The attribute for how many elements came before within the current element of a level."""
    return f"within_level_{level}"


def slots_of(spec: MappingSpec) -> dict[str, str]:
    """The attribute for each member that a path begins with."""
    names = dict.fromkeys(member.name for leaf in _leaves(spec) for member in _members(leaf))
    return {name: f"member_{number}" for number, name in enumerate(names)}


def constant_slot(field: str) -> str:
    """The attribute of every document for the constant of a field."""
    return f"constant_{field}"


def document_struct(spec: MappingSpec, slots: Mapping[str, str]) -> type[Document]:
    """The type of the documents: first the members, then what is no member."""
    constants = {constant_slot(field): each.constant for field, each in spec.fields.items()}
    levels = range(len(spec.levels))
    others = (
        (OUTERMOST, INDEX, *map(level_slot, levels), *map(within_slot, levels))
        if spec.changes_documents
        else ()
    )
    made = msgspec.defstruct(
        "MappedDocument",
        [(slot, Any, None) for slot in (*slots.values(), *others)],
        rename={slot: name for name, slot in slots.items()}
        | {slot: f"{_UNPRINTABLE}{slot}" for slot in others},
        bases=(Document,),
        namespace={ABSENT: None, **constants},
        gc=False,
    )
    return cast("type[Document]", made)


def looks_outside(spec: MappingSpec) -> bool:
    """Whether a path leads into the outermost document, where that is another."""
    return any(member.outermost for leaf in _leaves(spec) for member in _members(leaf))


def looks_into_key(spec: MappingSpec) -> bool:
    """Whether a path leads into keys that are JSON."""
    return any(
        isinstance(leaf, Path) and leaf.base == OfRecord("key") and leaf.steps for leaf in _leaves(spec)
    )


def _leaves(spec: MappingSpec) -> Iterator[Path | JmesPath]:
    """All that looks something up, within whatever is made of it."""
    fields, rules = spec.fields.values(), spec.rules
    made = chain(*(field.sources for field in fields), *(rule.sources for rule in rules))
    for source in chain(spec.unwrap, (level.path for level in spec.levels), made):
        yield from _leaves_of(source)


def _leaves_of(source: Source) -> Iterator[Path | JmesPath]:
    match source:
        case Path() | JmesPath():
            yield source
        case Join(parts=parts):
            for part in parts:
                yield from _leaves_of(part)
        case MadeObject(members=members):
            for _, sources in members:
                for each in sources:
                    yield from _leaves_of(each)


def _members(leaf: Path | JmesPath) -> tuple[Member, ...]:
    if isinstance(leaf, JmesPath):
        return leaf.members
    return (leaf.base,) if isinstance(leaf.base, Member) else ()
