"""The type of the documents of one mapping: which members are decoded, into which attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from worker.core.mapping.grammar.nodes import JmesPath, Join, MadeObject, Member, OfRecord, Path
from worker.formats.protocol import Document, DocumentType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.core.mapping.grammar.nodes import MappingSpec, Source

ABSENT: Final = "absent"
"""An attribute of every document, which is None: for fields that begin with neither member nor constant."""


def slots_of(spec: MappingSpec) -> dict[str, str]:
    """The attribute for each member that a path begins with."""
    names = dict.fromkeys(member.name for leaf in _leaves(spec) for member in _members(leaf))
    return {name: f"member_{number}" for number, name in enumerate(names)}


def constant_slot(field: str) -> str:
    """The attribute of every document for the constant of a field."""
    return f"constant_{field}"


def document_type(
    spec: MappingSpec, slots: Mapping[str, str], first_attributes: Iterable[str]
) -> DocumentType:
    """The type of the documents; ``first_attributes`` are those that are read without any look-up."""
    constants = {constant_slot(field): each.constant for field, each in spec.fields.items()}
    made = msgspec.defstruct(
        "MappedDocument",
        [(slot, Any, None) for slot in slots.values()],
        rename={slot: name for name, slot in slots.items()},
        bases=(Document,),
        namespace={ABSENT: None, **constants},
        gc=False,
    )
    first = set(first_attributes)
    whole = frozenset(name for name, slot in slots.items() if slot in first)
    return DocumentType(cast("type[Document]", made), dict(slots), whole)


def looks_into_key(spec: MappingSpec) -> bool:
    """Whether a path leads into keys that are JSON."""
    return any(
        isinstance(leaf, Path) and leaf.base == OfRecord("key") and leaf.steps for leaf in _leaves(spec)
    )


def _leaves(spec: MappingSpec) -> Iterator[Path | JmesPath]:
    """All that looks something up, within whatever is made of it."""
    for field in spec.fields.values():
        for source in field.sources:
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
