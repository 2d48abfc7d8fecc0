"""Compiles a mapping: decode a record, select the values, cast each field, encode the event."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec

from worker.core.mapping.compiler.casting import check_constants, compile_casts
from worker.core.mapping.compiler.fan_out import compile_fan_out
from worker.core.mapping.compiler.layout import looks_into_key
from worker.core.mapping.compiler.selection import compile_selection
from worker.core.mapping.entries import compile_interaction
from worker.core.mapping.faults import STATES, outcome_of
from worker.core.mapping.grammar.mapping import parse_mapping
from worker.core.mapping.grammar.notes import Notes
from worker.core.mapping.placeholders import placeholders
from worker.core.model.records import Reason, Skipped, Undecodable
from worker.core.operations.put_events import PUT_EVENTS
from worker.core.operations.table import Id, IdList
from worker.formats.framed import framed
from worker.formats.json.decoder import compile_json_decoder, may_hold_control_characters
from worker.formats.protocol import NOT_JSON, Document, NeedsSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from worker.core.mapping.casts import Cast
    from worker.core.mapping.compiler.selection import Select, Selection
    from worker.core.model.records import Mapped, Record
    from worker.core.operations.table import Operation
    from worker.formats.protocol import Decoder, Format

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
    notes = Notes()
    spec = parse_mapping(PUT_EVENTS, fields, notes)
    all_placeholder_ids = placeholders(placeholder_ids, builtin=builtin_placeholder_ids)
    quick = compile_casts(PUT_EVENTS, spec, all_placeholder_ids, check_characters=False)
    checked = compile_casts(PUT_EVENTS, spec, all_placeholder_ids, check_characters=True)
    check_constants(spec, checked, notes)
    notes.raise_if_any()
    selection = compile_selection(PUT_EVENTS, spec, all_placeholder_ids)
    decoder = record_format(selection.document)
    if looks_into_key(spec):
        decoder = decoder._replace(may_hold_control_characters=_always)
    return _compile_map_record(decoder, selection.select, _compile_outcomes(selection, quick, checked))


def _compile_map_record(
    decoder: Decoder[NeedsT], select: Select, outcomes: _Outcomes
) -> Callable[[Record], Mapped | NeedsT]:
    decode, refusals, decode_unusual, may_hold_control, is_framed = decoder
    to_outcome, to_checked_outcome, are_suspicious = outcomes
    map_unusual = _compile_unusual(decode_unusual, select, to_checked_outcome)
    # Casts raise the last two: for text that they cannot encode, and for values that are nested too deeply.
    unusual: tuple[type[Exception], ...] = (*refusals, UnicodeError, RecursionError)

    def map_record(record: Record) -> Mapped | NeedsT:
        value = record.value
        if value is None:
            return Skipped(record, TOMBSTONE)
        if is_framed and record.headers:
            value = framed(value, dict(record.headers))
        try:
            selected = select(decode(value), record)
            if may_hold_control(value) and are_suspicious(selected):
                return to_checked_outcome(record, selected)
            return to_outcome(record, selected)
        except STATES as state:
            return outcome_of(record, state)
        except unusual:
            return map_unusual(record, value)

    return map_record


def _always(_: object) -> bool:
    """Whether ids may hold control characters where that is not found out."""
    return True


class _Outcomes(NamedTuple):
    """From a record and what was selected of it to its outcome."""

    quick: Callable[[Record, Any], Mapped]
    checked: Callable[[Record, Any], Mapped]
    """The same, which checks the characters of ids."""
    are_suspicious: Callable[[Any], bool]
    """Whether the characters of ids must be checked."""


def _compile_outcomes(
    selection: Selection, quick: Mapping[str, Cast], checked: Mapping[str, Cast]
) -> _Outcomes:
    elements = selection.elements
    if elements is None:
        outcomes = _Outcomes(
            compile_interaction(PUT_EVENTS, quick),
            compile_interaction(PUT_EVENTS, checked),
            _compile_ids_are_suspicious(PUT_EVENTS),
        )
    else:
        outcomes = _Outcomes(
            compile_fan_out(PUT_EVENTS, elements, quick),
            compile_fan_out(PUT_EVENTS, elements, checked),
            _always,
        )
    return _unless_skipped(outcomes) if selection.skips else outcomes


def _unless_skipped(outcomes: _Outcomes) -> _Outcomes:
    """The same for what a rule may have left out, which is no exception: it may be nearly everything."""
    quick, checked, are_suspicious = outcomes

    def quick_unless_skipped(record: Record, selected: object) -> Mapped:
        return selected if type(selected) is Skipped else quick(record, selected)

    def checked_unless_skipped(record: Record, selected: object) -> Mapped:
        return selected if type(selected) is Skipped else checked(record, selected)

    return _Outcomes(
        quick_unless_skipped,
        checked_unless_skipped,
        lambda selected: type(selected) is not Skipped and are_suspicious(selected),
    )


def _compile_unusual(
    decode: Callable[[bytes], Document | NeedsT | None],
    select: Select,
    to_outcome: Callable[[Record, Any], Mapped],
) -> Callable[[Record, bytes], Mapped | NeedsT]:
    """Compile the slow path, for records that the quick decoder refuses."""

    def map_unusual(record: Record, value: bytes) -> Mapped | NeedsT:
        try:
            document = decode(value)
            if document is None:
                return Skipped(record, TOMBSTONE)
            if not isinstance(document, Document):
                return document
            return to_outcome(record, select(document, record))
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
