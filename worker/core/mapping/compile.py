"""Compiles a mapping: decode a record, select the values, cast each field, encode the event."""

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
from worker.formats.framed import framed
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
"""The ``rule`` by which records are skipped that have no value, or whose value is the format's null."""


def compile_mapping(
    fields: Mapping[str, object],
    placeholder_ids: Iterable[str] = (),
    *,
    builtin_placeholder_ids: bool = True,
    record_format: Format[NeedsT] = compile_json_decoder,
) -> Callable[[Record], Mapped | NeedsT]:
    """Compile ``record.mapping`` of the configuration into the function that maps a record.

    The function never raises. It must be used by one thread only.

    Args:
        fields: ``record.mapping``; ``{}`` means the defaults.
        placeholder_ids: texts that are written where there is no id, in addition to the built-in ones.
        builtin_placeholder_ids: whether the built-in ones count.
        record_format: how values are encoded, one of ``worker.formats.FORMATS``. If its decoder may answer
            NeedsSchema, the function returns that answer unchanged.

    Raises:
        MappingError: lists every mistake in ``fields``.
    """
    specs = parse_mapping(PUT_EVENTS, fields)
    all_placeholder_ids = placeholders(placeholder_ids, builtin=builtin_placeholder_ids)
    quick = _compile_casts(PUT_EVENTS, specs, all_placeholder_ids, check_characters=False)
    checked = _compile_casts(PUT_EVENTS, specs, all_placeholder_ids, check_characters=True)
    _check_constants(specs, checked)
    absent = {field.name: absent_texts(field.type, all_placeholder_ids) for field in PUT_EVENTS.fields}
    document_type, look_up = compile_selection(specs, absent)
    decode, refusals, decode_unusual, may_hold_control, is_framed = record_format(document_type)
    to_interaction = compile_interaction(PUT_EVENTS, quick)
    to_checked_interaction = compile_interaction(PUT_EVENTS, checked)
    map_unusual = _compile_unusual(decode_unusual, look_up, to_checked_interaction)
    ids_are_suspicious = _compile_ids_are_suspicious(PUT_EVENTS)
    # Casts raise the last two: for text that they cannot encode, and for values that are nested too deeply.
    unusual: tuple[type[Exception], ...] = (*refusals, UnicodeError, RecursionError)

    def map_record(record: Record) -> Mapped | NeedsT:
        value = record.value
        if value is None:
            return Skipped(record, TOMBSTONE)
        if is_framed and record.headers:
            value = framed(value, dict(record.headers))
        try:
            values = look_up(decode(value), record)
            if may_hold_control(value) and ids_are_suspicious(values):
                return to_checked_interaction(record, values)
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
    """Compile the slow path, for records that the quick decoder refuses."""

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


def _compile_ids_are_suspicious(operation: Operation) -> Callable[[Sequence[Any]], bool]:
    """Compile the check whether an id may hold a control character; mostly it stands in other text.

    The ids are encoded as JSON and searched together, at a third of the cost of checking each of them.
    """
    ids = itemgetter(
        *[place for place, field in enumerate(operation.fields) if isinstance(field.type, Id | IdList)]
    )
    encode_into = msgspec.json.Encoder().encode_into
    buffer = bytearray(operation.max_entry_bytes)

    def ids_are_suspicious(values: Sequence[Any]) -> bool:
        try:
            encode_into(ids(values), buffer)
        except (TypeError, UnicodeError, RecursionError):
            return True
        return may_hold_control_characters(buffer)

    return ids_are_suspicious


def _compile_casts(
    operation: Operation,
    specs: Mapping[str, FieldSpec],
    placeholder_ids: frozenset[str],
    *,
    check_characters: bool,
) -> dict[str, Cast]:
    """Compile one cast for each field, by name."""
    return {
        field.name: compile_cast(
            Field(field.name, specs[field.name].described(), field.required),
            field.type,
            unit=specs[field.name].unit,
            placeholder_ids=placeholder_ids,
            check_characters=check_characters,
        )
        for field in operation.fields
    }


def _check_constants(specs: Mapping[str, FieldSpec], casts: Mapping[str, Cast]) -> None:
    """Raise MappingError for a constant that breaks a rule: it would make every record a dead letter."""
    mistakes = []
    for name, spec in specs.items():
        try:
            if spec.constant is not None and casts[name](spec.constant) is None:
                mistakes.append(Mistake(f"{name}.value", "a constant that stands for nothing"))
        except Unmappable as fault:
            mistakes.append(Mistake(f"{name}.value", fault.reason.text))
    if mistakes:
        raise MappingError(mistakes)
