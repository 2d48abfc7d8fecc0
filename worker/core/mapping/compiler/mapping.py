"""Compiles a mapping: decode a record, select the values, cast each field, encode the event."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from worker.core.mapping.compiler.casting import check_constants, compile_casts
from worker.core.mapping.compiler.layout import looks_into_key
from worker.core.mapping.compiler.selection import compile_selection
from worker.core.mapping.entries import compile_interaction
from worker.core.mapping.faults import STATES, outcome_of
from worker.core.mapping.grammar.mapping import parse_mapping
from worker.core.mapping.placeholders import placeholders
from worker.core.model.records import Interaction, Reason, Skipped, Undecodable
from worker.core.operations.put_events import PUT_EVENTS
from worker.core.operations.table import Id, IdList
from worker.formats.json.decoder import compile_json_decoder, may_hold_control_characters
from worker.formats.protocol import NOT_JSON, Document, NeedsSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

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
    spec = parse_mapping(PUT_EVENTS, fields)
    all_placeholder_ids = placeholders(placeholder_ids, builtin=builtin_placeholder_ids)
    quick = compile_casts(PUT_EVENTS, spec, all_placeholder_ids, check_characters=False)
    checked = compile_casts(PUT_EVENTS, spec, all_placeholder_ids, check_characters=True)
    check_constants(spec, checked)
    document_type, look_up = compile_selection(PUT_EVENTS, spec, all_placeholder_ids)
    decode, refusals, decode_unusual, may_hold_control = record_format(document_type)
    if looks_into_key(spec):
        may_hold_control = _always
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
        try:
            values = look_up(decode(value), record)
            if may_hold_control(value) and ids_are_suspicious(values):
                return to_checked_interaction(record, values)
            return to_interaction(record, values)
        except STATES as state:
            return outcome_of(record, state)
        except unusual:
            return map_unusual(record, value)

    return map_record


def _always(_: bytes) -> bool:
    """Whether ids may hold control characters, for a mapping that reads them of more than the value."""
    return True


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
        except STATES as state:
            return outcome_of(record, state)
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
