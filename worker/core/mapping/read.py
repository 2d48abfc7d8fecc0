"""Finding the values: a record's JSON is decoded once, and only those members of it that some field needs.

The document is a struct made for the mapping, with a slot for each member of the top object that a path
begins with; msgspec skips all others without making objects of them. Fields whose first place is such a
member, and constants, are read in one call; what is nested, a fall-back or the record's own is looked up one
by one.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard

import msgspec

from worker.core.mapping.event_ids import origin
from worker.core.mapping.paths import JsonPath, RecordHeader, RecordKey, RecordTimestamp
from worker.core.mapping.times import OwnMilliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.mapping.paths import Place, Step
    from worker.core.mapping.spec import FieldSpec
    from worker.core.records import Record

    Lookup: TypeAlias = Callable[[msgspec.Struct, Record], object]
    Read: TypeAlias = Callable[[bytes, Record], Sequence[Any]]

# A class attribute of every document: what a field reads at first that has neither slot nor constant.
_ABSENT: Final = "absent"


def compile_reader(specs: Mapping[str, FieldSpec]) -> Read:
    """What gives a record's raw values, one for each of ``specs`` in their order; None and ``""`` are absent.

    It raises what decoding with msgspec raises: DecodeError, UnicodeDecodeError, RecursionError.
    """
    roots = {
        place.root: None for spec in specs.values() for place in spec.places if isinstance(place, JsonPath)
    }
    slots = {root: f"member_{number}" for number, root in enumerate(roots)}
    constants = {f"constant_{field}": spec.constant for field, spec in specs.items()}
    decode = msgspec.json.Decoder(_document_type(slots, constants)).decode
    first_values = attrgetter(*(_first_attribute(field, spec, slots) for field, spec in specs.items()))
    lookups = _compile_lookups(specs, slots)

    def read(value: bytes, record: Record) -> Sequence[Any]:
        document = decode(value)
        values = list(first_values(document))
        for position, places in lookups:
            if values[position] is None or values[position] == "":
                values[position] = _first_there(places, document, record)
        return values

    return read


def _document_type(slots: Mapping[str, str], constants: Mapping[str, object]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        "Document",
        [(slot, Any, None) for slot in slots.values()],
        rename={slot: root for root, slot in slots.items()},
        namespace={_ABSENT: None, **constants},
        gc=False,
    )


def _first_attribute(field: str, spec: FieldSpec, slots: Mapping[str, str]) -> str:
    if spec.constant is not None:
        return f"constant_{field}"
    if spec.places and _is_member(spec.places[0]):
        return slots[spec.places[0].root]
    return _ABSENT


def _is_member(place: Place) -> TypeGuard[JsonPath]:
    return isinstance(place, JsonPath) and not place.rest


def _compile_lookups(
    specs: Mapping[str, FieldSpec], slots: Mapping[str, str]
) -> list[tuple[int, list[Lookup]]]:
    """The places of each field, by its position, but for what is read at first anyway."""
    lookups = []
    for position, spec in enumerate(specs.values()):
        places = spec.places[1:] if spec.places and _is_member(spec.places[0]) else spec.places
        if places:
            lookups.append((position, [_lookup(place, slots) for place in places]))
    return lookups


def _first_there(places: Sequence[Lookup], document: msgspec.Struct, record: Record) -> object:
    for lookup in places:
        value = lookup(document, record)
        if value is not None and value != "":
            return value
    return None


def _lookup(place: Place, slots: Mapping[str, str]) -> Lookup:
    match place:
        case JsonPath(root=root, rest=rest):
            slot = slots[root]
            return lambda document, _: _walk(getattr(document, slot), rest)
        case RecordKey():
            return lambda _, record: _text(record.key)
        case RecordHeader(name=name):
            # Of headers of one name the last counts, as it does to Kafka's own lastHeader.
            return lambda _, record: _text(dict(record.headers).get(name))
        case RecordTimestamp():
            return lambda _, record: _own_time(record)


def _walk(value: object, steps: Sequence[Step]) -> object:
    for name, index in steps:
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and index is not None and index < len(value):
            value = value[index]
        else:
            return None
    return value


def _text(own: bytes | None) -> object:
    """Key or header as text; bytes that are none stay bytes, which no field takes."""
    try:
        return own.decode() if own else None
    except UnicodeDecodeError:
        return own


def _own_time(record: Record) -> OwnMilliseconds | None:
    timestamp_ms = origin(record).timestamp_ms
    return None if timestamp_ms is None else OwnMilliseconds(timestamp_ms)
