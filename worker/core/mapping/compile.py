"""Compiles the mapping: read the values, cast each field, encode the event."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from worker.core.mapping.casts import absent_texts, compile_cast
from worker.core.mapping.entries import compile_interaction
from worker.core.mapping.faults import Field, MappingError, Mistake, Unmappable
from worker.core.mapping.placeholders import placeholders
from worker.core.mapping.select import compile_selection
from worker.core.mapping.spec import parse_mapping
from worker.core.model.records import Interaction, Reason, Skipped, Undecodable
from worker.core.operations.put_events import PUT_EVENTS
from worker.core.operations.table import Id, IdList
from worker.formats.json.decoder import compile_json_decoder, may_hold_control_characters
from worker.formats.protocol import NOT_JSON, Document, FormatError, NeedsSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from worker.core.mapping.casts import Cast
    from worker.core.mapping.spec import FieldSpec
    from worker.core.model.records import Mapped, Record
    from worker.core.operations.table import Operation
    from worker.formats.protocol import Format

NeedsT = TypeVar("NeedsT", bound=NeedsSchema)

TOMBSTONE: Final = "tombstone"
"""The ``rule`` by which records without a value are skipped, and those whose value is JSON's null."""


def compile_mapping(
    fields: Mapping[str, object],
    placeholder_ids: Iterable[str] = (),
    *,
    builtin_placeholder_ids: bool = True,
    record_format: Format[NeedsT] = compile_json_decoder,
) -> Callable[[Record], Mapped | NeedsT]:
    """Compile the configuration under ``record.mapping`` to the function that maps a record.

    That function never raises. It belongs to one thread.

    Args:
        fields: ``record.mapping``; ``{}`` is the default.
        placeholder_ids: ids that stand for nobody, besides the built-in ones.
        builtin_placeholder_ids: whether the built-in ones count.
        record_format: how values are encoded; one of ``worker.formats.FORMATS``. If it may need a schema
            first, so may the function: it passes that answer on.

    Raises:
        MappingError: with every mistake in ``fields``.
    """
    specs = parse_mapping(PUT_EVENTS, fields)
    nobody = placeholders(placeholder_ids, builtin=builtin_placeholder_ids)
    quick = _compile_casts(PUT_EVENTS, specs, nobody, close=False)
    close = _compile_casts(PUT_EVENTS, specs, nobody, close=True)
    _check_constants(specs, close)
    absent = {field.name: absent_texts(field.type, nobody) for field in PUT_EVENTS.fields}
    document_type, look_up = compile_selection(specs, absent)
    decode, refusals, decode_unusual, ids_are_doubtful = record_format(document_type)
    to_interaction = compile_interaction(PUT_EVENTS, quick)
    to_interaction_closely = compile_interaction(PUT_EVENTS, close)
    map_unusual = _compile_unusual(decode_unusual, look_up, to_interaction_closely)
    ids_need_a_look = _compile_ids_need_a_look(PUT_EVENTS)
    # Not only decoding fails: a cast may get something that it cannot encode, or that is nested too deeply.
    unusual: tuple[type[Exception], ...] = (*refusals, UnicodeError, RecursionError)

    def map_record(record: Record) -> Mapped | NeedsT:
        value = record.value
        if value is None:
            return Skipped(record, TOMBSTONE)
        try:
            values = look_up(decode(value), record)
            if ids_are_doubtful(value) and ids_need_a_look(values):
                return to_interaction_closely(record, values)
            return to_interaction(record, values)
        except Unmappable as fault:
            return Undecodable(record, fault.reason)
        except FormatError as fault:
            return Undecodable(record, Reason(fault.kind, fault.text))
        except unusual:
            return map_unusual(record, value)

    return map_record


def _compile_unusual(
    decode: Callable[[bytes], Document | NeedsT | None],
    look_up: Callable[[Document, Record], Sequence[Any]],
    to_interaction: Callable[[Record, Sequence[Any]], Interaction],
) -> Callable[[Record, bytes], Mapped | NeedsT]:
    """Compile the slow path, for a record that the quick decoder refuses as it is."""

    def map_unusual(record: Record, value: bytes) -> Mapped | NeedsT:
        try:
            document = decode(value)
            if document is None:
                return Skipped(record, TOMBSTONE)
            if not isinstance(document, Document):
                return document
            return to_interaction(record, look_up(document, record))
        except Unmappable as fault:
            return Undecodable(record, fault.reason)
        except FormatError as fault:
            return Undecodable(record, Reason(fault.kind, fault.text))
        except RecursionError:
            return Undecodable(record, Reason(NOT_JSON, "what a path leads to is nested too deeply"))

    return map_unusual


def _compile_ids_need_a_look(operation: Operation) -> Callable[[Sequence[Any]], bool]:
    """Compile the check whether ids hold what made ``map_record`` suspicious; mostly other text does.

    When the ids are encoded, one search shows it, at a third of the cost of checking each of them.
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
        return may_hold_control_characters(buffer)

    return ids_need_a_look


def _compile_casts(
    operation: Operation, specs: Mapping[str, FieldSpec], nobody: frozenset[str], *, close: bool
) -> dict[str, Cast]:
    """Compile one cast for each field, by name: quick ones, or ``close`` ones that check all text."""
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
