"""Selects the values of the fields, from a record's document and from the record itself.

The document is a struct made for the mapping, with an attribute for each member of the top object with which
a path begins. Fields whose first place is such a member, and constants, are read in one call. Nested values,
fallbacks and the record's own values are looked up one by one.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeGuard, cast

import msgspec

from worker.core.mapping.event_ids import origin
from worker.core.mapping.header_text import header_text
from worker.core.mapping.paths import JsonPath, RecordHeader, RecordKey, RecordTimestamp
from worker.core.mapping.steps import walk
from worker.core.mapping.times import OwnMilliseconds
from worker.formats.protocol import Document, DocumentType

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from worker.core.mapping.paths import Place
    from worker.core.mapping.spec import FieldSpec
    from worker.core.mapping.steps import Opened
    from worker.core.model.records import Record

    Lookup: TypeAlias = Callable[[Document, Record, Opened], object]

# A class attribute of every document, which is read first for a field that has neither slot nor constant.
_ABSENT: Final = "absent"


class Selection(NamedTuple):
    """What a mapping needs of a document, and how it finds the fields' values in it."""

    document: DocumentType
    look_up: Callable[[Document, Record], Sequence[Any]]
    """One value for each field, in order; an absent value is None, or text that counts as null."""


def compile_selection(specs: Mapping[str, FieldSpec], absent: Mapping[str, Container[str]]) -> Selection:
    """Compile the selection; ``absent`` holds, for each field, the texts that count as null."""
    roots = {
        place.root: None for spec in specs.values() for place in spec.places if isinstance(place, JsonPath)
    }
    slots = {root: f"member_{number}" for number, root in enumerate(roots)}
    constants = {f"constant_{field}": spec.constant for field, spec in specs.items()}
    first_attributes = [_first_attribute(field, spec, slots) for field, spec in specs.items()]
    whole = frozenset(root for root, slot in slots.items() if slot in first_attributes)
    return Selection(
        DocumentType(_document_struct(slots, constants), slots, whole),
        _compile_look_up(attrgetter(*first_attributes), _compile_lookups(specs, slots, absent)),
    )


def _compile_look_up(
    first_values: Callable[[Document], Sequence[Any]],
    lookups: Sequence[tuple[int, Container[str], Sequence[Lookup]]],
) -> Callable[[Document, Record], Sequence[Any]]:
    # The JSON texts within one record, each decoded once however many paths continue into it.
    opened: Opened = {}

    def look_up(document: Document, record: Record) -> Sequence[Any]:
        if opened:
            opened.clear()
        values = list(first_values(document))
        for position, nothing, places in lookups:
            value = values[position]
            if value is None or (type(value) is str and value in nothing):
                found = _first_there(places, nothing, document, record, opened)
                values[position] = value if found is None else found
        return values

    return look_up


def _document_struct(slots: Mapping[str, str], constants: Mapping[str, object]) -> type[Document]:
    made = msgspec.defstruct(
        "MappedDocument",
        [(slot, Any, None) for slot in slots.values()],
        rename={slot: root for root, slot in slots.items()},
        bases=(Document,),
        namespace={_ABSENT: None, **constants},
        gc=False,
    )
    return cast("type[Document]", made)


def _first_attribute(field: str, spec: FieldSpec, slots: Mapping[str, str]) -> str:
    if spec.constant is not None:
        return f"constant_{field}"
    if spec.places and _is_member(spec.places[0]):
        return slots[spec.places[0].root]
    return _ABSENT


def _is_member(place: Place) -> TypeGuard[JsonPath]:
    return isinstance(place, JsonPath) and not place.rest


def _compile_lookups(
    specs: Mapping[str, FieldSpec], slots: Mapping[str, str], absent: Mapping[str, Container[str]]
) -> list[tuple[int, Container[str], list[Lookup]]]:
    """Compile the lookups of each field, by its position, except for what is read first anyway."""
    lookups = []
    for position, (field, spec) in enumerate(specs.items()):
        places = spec.places[1:] if spec.places and _is_member(spec.places[0]) else spec.places
        if places:
            lookups.append((position, absent[field], [_lookup(place, slots) for place in places]))
    return lookups


def _first_there(
    places: Sequence[Lookup],
    nothing: Container[str],
    document: Document,
    record: Record,
    opened: Opened,
) -> object:
    """Return the first present value; else a text that counts as null, so that its reason can be reported."""
    absent = None
    for lookup in places:
        value = lookup(document, record, opened)
        if type(value) is str and value in nothing:
            absent = value
        elif value is not None:
            return value
    return absent


def _lookup(place: Place, slots: Mapping[str, str]) -> Lookup:
    match place:
        case JsonPath(root=root, rest=rest):
            slot = slots[root]
            return lambda document, _, opened: walk(getattr(document, slot), rest, opened)
        case RecordKey():
            return lambda _, record, __: header_text(record.key)
        case RecordHeader(name=name):
            # If several headers have the same name, the last counts, as with Kafka's own lastHeader.
            return lambda _, record, __: header_text(dict(record.headers).get(name))
        case RecordTimestamp():
            return lambda _, record, __: _own_time(record)


def _own_time(record: Record) -> OwnMilliseconds | None:
    timestamp_ms = origin(record).timestamp_ms
    # Kafka uses -1 for no timestamp.
    return None if timestamp_ms is None or timestamp_ms < 0 else OwnMilliseconds(timestamp_ms)
