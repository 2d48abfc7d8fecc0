"""Putting it together: read the values, cast each field, encode the event."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Final

import msgspec

from worker.core.mapping import faults
from worker.core.mapping.casts import absent_texts, compile_cast
from worker.core.mapping.entries import compile_interaction
from worker.core.mapping.faults import Field, MappingError, Mistake, Unmappable
from worker.core.mapping.lenient import NotJson
from worker.core.mapping.placeholders import placeholders
from worker.core.mapping.read import compile_reader
from worker.core.mapping.spec import parse_mapping
from worker.core.mapping.unwrap import unwrap, why_not_json
from worker.core.model.records import Interaction, Reason, Skipped, Undecodable
from worker.core.operations.put_events import PUT_EVENTS
from worker.core.operations.table import Id, IdList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from worker.core.mapping.casts import Cast
    from worker.core.mapping.read import Reader
    from worker.core.mapping.spec import FieldSpec
    from worker.core.model.records import Mapped, Record
    from worker.core.operations.table import Operation

TOMBSTONE: Final = "tombstone"
"""The ``rule`` by which records without a value are skipped, and those whose value is JSON's null."""

# Without one of these a record's ids hold no control characters and nothing but Unicode: as an escape, as DEL
# or as two bytes of which this is the first it would stand there. To search for a byte costs next to nothing.
_BACKSLASH: Final = 0x5C
_DEL: Final = 0x7F
_C1: Final = 0xC2


def compile_mapping(
    fields: Mapping[str, object],
    placeholder_ids: Iterable[str] = (),
    *,
    builtin_placeholder_ids: bool = True,
) -> Callable[[Record], Mapped]:
    """Compile what the configuration holds under ``record.mapping``; ``{}`` is the default.

    ``placeholder_ids`` stand for nobody, besides those that are built in.

    The function that comes back never raises. It belongs to one thread.

    Raises:
        MappingError: with every mistake in ``fields``.
    """
    specs = parse_mapping(PUT_EVENTS, fields)
    nobody = placeholders(placeholder_ids, builtin=builtin_placeholder_ids)
    quick = _compile_casts(PUT_EVENTS, specs, nobody, close=False)
    close = _compile_casts(PUT_EVENTS, specs, nobody, close=True)
    _check_constants(specs, close)
    absent = {field.name: absent_texts(field.type, nobody) for field in PUT_EVENTS.fields}
    decode, _, look_up = reader = compile_reader(specs, absent)
    to_interaction = compile_interaction(PUT_EVENTS, quick)
    to_interaction_closely = compile_interaction(PUT_EVENTS, close)
    map_unusual = _compile_unusual(reader, to_interaction_closely)
    ids_need_a_look = _compile_ids_need_a_look(PUT_EVENTS)

    def map_record(record: Record) -> Mapped:
        value = record.value
        if value is None:
            return Skipped(record, TOMBSTONE)
        try:
            values = look_up(decode(value), record)
            if (_BACKSLASH in value or _DEL in value or _C1 in value) and ids_need_a_look(values):
                return to_interaction_closely(record, values)
            return to_interaction(record, values)
        except Unmappable as fault:
            return Undecodable(record, fault.reason)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return map_unusual(record, value)

    return map_record


def _compile_ids_need_a_look(operation: Operation) -> Callable[[Sequence[Any]], bool]:
    """Whether ids hold what makes ``map_record`` doubt the record; mostly it stands in other text.

    Encoded, they show it in one search, at a third of what a look at each of them costs.
    """
    ids = itemgetter(
        *[place for place, field in enumerate(operation.fields) if isinstance(field.type, Id | IdList)]
    )
    encode_into = msgspec.json.Encoder().encode_into
    buffer = bytearray(operation.max_entry_bytes)

    def ids_need_a_look(values: Sequence[Any]) -> bool:
        try:
            encode_into(ids(values), buffer)
        except (TypeError, UnicodeError, RecursionError):
            return True
        return _BACKSLASH in buffer or _DEL in buffer or _C1 in buffer

    return ids_need_a_look


def _compile_unusual(
    reader: Reader, to_interaction: Callable[[Record, Sequence[Any]], Interaction]
) -> Callable[[Record, bytes], Mapped]:
    """The way of a record that msgspec refuses as it stands."""

    def map_unusual(record: Record, value: bytes) -> Mapped:
        try:
            text = unwrap(value)
            if text is None:
                return Skipped(record, TOMBSTONE)
            return to_interaction(record, reader.look_up(decode(text), record))
        except Unmappable as fault:
            return Undecodable(record, fault.reason)
        except NotJson as fault:
            return Undecodable(record, Reason(faults.NOT_JSON, why_not_json(value, fault)))
        except RecursionError:
            return Undecodable(record, Reason(faults.NOT_JSON, "what a path leads to is nested too deeply"))

    def decode(text: str) -> msgspec.Struct:
        try:
            return reader.decode(text)  # What was only wrapped is read as fast as the rest.
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return reader.decode_leniently(text)

    return map_unusual


def _compile_casts(
    operation: Operation, specs: Mapping[str, FieldSpec], nobody: frozenset[str], *, close: bool
) -> dict[str, Cast]:
    """One for each field, by name: for records that cannot hold what no id may hold, or ``close`` ones."""
    return {
        field.name: compile_cast(
            Field(field.name, specs[field.name].described(), field.required),
            field.type,
            unit=specs[field.name].unit,
            nobody=nobody,
            close=close,
        )
        for field in operation.fields
    }


def _check_constants(specs: Mapping[str, FieldSpec], casts: Mapping[str, Cast]) -> None:
    """Raise MappingError for constants that no event can hold: they would make every record a dead letter."""
    mistakes = []
    for name, spec in specs.items():
        try:
            if spec.constant is not None and casts[name](spec.constant) is None:
                mistakes.append(Mistake(f"{name}.value", "a constant that stands for nothing"))
        except Unmappable as fault:
            mistakes.append(Mistake(f"{name}.value", fault.reason.text))
    if mistakes:
        raise MappingError(mistakes)
