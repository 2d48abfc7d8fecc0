"""Putting it together: read the values, cast each field, encode the event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from worker.core import personalize_limits as limits
from worker.core.mapping import casts, faults
from worker.core.mapping.event import Event, MetricAttribution, encode_event
from worker.core.mapping.event_ids import derived_event_id
from worker.core.mapping.faults import Field, MappingError, Mistake, Unmappable
from worker.core.mapping.read import compile_reader
from worker.core.mapping.spec import REQUIRED, parse_mapping
from worker.core.mapping.times import time
from worker.core.records import Interaction, Reason, Skipped, Undecodable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.core.mapping.spec import FieldSpec
    from worker.core.records import Mapped, Record

TOMBSTONE: Final = "tombstone"
"""The ``rule`` by which records without a value are skipped."""

# What the serializers of Confluent's schema registry put before the data.
_REGISTRY_MARK: Final = b"\x00"


class Casts(NamedTuple):
    """One for each field, in the order of ``FIELDS``. Only the required ones answer for None."""

    event_type: Callable[[object], str]
    sent_at: Callable[[object], int]
    session_id: Callable[[object], str]
    user_id: Callable[[object], str | None]
    item_id: Callable[[object], str | None]
    event_id: Callable[[object], str | None]
    event_value: Callable[[object], float | None]
    properties: Callable[[object], str | None]
    impression: Callable[[object], list[str] | None]
    recommendation_id: Callable[[object], str | None]
    event_attribution_source: Callable[[object], MetricAttribution | None]


def compile_mapping(fields: Mapping[str, object]) -> Callable[[Record], Mapped]:
    """Compile what the configuration holds under ``record.mapping``; ``{}`` is the default.

    The function that comes back never raises.

    Raises:
        MappingError: with every mistake in ``fields``.
    """
    specs = parse_mapping(fields)
    casts_of = _compile_casts(specs)
    _check_constants(specs, casts_of)
    to_interaction = _compile_interaction(specs, casts_of)

    def map_record(record: Record) -> Mapped:
        value = record.value
        if value is None:
            return Skipped(record, TOMBSTONE)
        try:
            return to_interaction(record, value)
        except Unmappable as fault:
            return Undecodable(record, fault.reason)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            return Undecodable(record, _unreadable(value, fault))

    return map_record


def _compile_interaction(
    specs: Mapping[str, FieldSpec], casts_of: Casts
) -> Callable[[Record, bytes], Interaction]:
    """The way of a good record; it raises for every other."""
    read = compile_reader(specs)
    # Variables of the closure, for looking them up by name each time costs a tenth of the whole.
    as_type, as_time, as_session, as_user, as_item, as_event_id, as_value, as_properties, *_ = casts_of
    *_, as_impression, as_recommendation, as_attribution = casts_of

    def to_interaction(record: Record, value: bytes) -> Interaction:
        kind, sent, session, user, item, event_id, number, properties, impression, recommendation, source = (
            read(value, record)
        )
        event = Event(
            event_id=(event_id is not None and as_event_id(event_id)) or derived_event_id(record),
            event_type=as_type(kind),
            sent_at=as_time(sent),
            item_id=None if item is None else as_item(item),
            event_value=None if number is None else as_value(number),
            properties=None if properties is None else as_properties(properties),
            recommendation_id=None if recommendation is None else as_recommendation(recommendation),
            impression=None if impression is None else as_impression(impression),
            metric_attribution=None if source is None else as_attribution(source),
        )
        user_id = None if user is None else as_user(user)
        return Interaction(record, as_session(session), user_id, _encode_within_limit(event))

    return to_interaction


def _encode_within_limit(event: Event) -> bytes:
    encoded = encode_event(event)
    if len(encoded) > limits.EVENT_BYTES:
        raise Unmappable(faults.TOO_LARGE, f"the event is larger than {limits.EVENT_BYTES} bytes as JSON")
    # msgspec's bytes keep the slack of the buffer they grew in, a hundred bytes and more; a copy does not.
    return bytes(memoryview(encoded))


def _unreadable(value: bytes, fault: Exception) -> Reason:
    """Why ``value`` could not be decoded. msgspec's own message is left out, for it might quote."""
    if isinstance(fault, RecursionError):
        return Reason(faults.NOT_JSON, "the value is nested too deeply")
    if value.startswith(_REGISTRY_MARK):
        return Reason(faults.NOT_JSON, "the value is framed for a schema registry, not plain JSON")
    if not isinstance(fault, msgspec.ValidationError):
        return Reason(faults.NOT_JSON, "the value is not JSON in UTF-8")
    if value.lstrip().startswith(b"{"):
        return Reason(faults.OUT_OF_RANGE, "the value holds a number too large to read")
    return Reason(faults.NOT_AN_OBJECT, "the value is JSON, but not an object")


def _compile_casts(specs: Mapping[str, FieldSpec]) -> Casts:
    field = {name: Field(name, spec.described(), REQUIRED.get(name, "")) for name, spec in specs.items()}
    return Casts(
        event_type=casts.required_id(field["event_type"]),
        sent_at=time(field["sent_at"], specs["sent_at"].unit),
        session_id=casts.required_id(field["session_id"], limits.RESERVED_SESSION_IDS),
        user_id=casts.optional_id(field["user_id"]),
        item_id=casts.optional_id(field["item_id"]),
        event_id=casts.optional_id(field["event_id"]),
        event_value=casts.number(field["event_value"]),
        properties=casts.properties(field["properties"]),
        impression=casts.item_ids(field["impression"]),
        recommendation_id=casts.optional_id(field["recommendation_id"], limits.RECOMMENDATION_ID_CHARACTERS),
        event_attribution_source=casts.attribution(field["event_attribution_source"]),
    )


def _check_constants(specs: Mapping[str, FieldSpec], casts_of: Casts) -> None:
    """Raise MappingError for constants that no event can hold: they would make every record a dead letter."""
    mistakes = []
    for (name, spec), cast in zip(specs.items(), casts_of, strict=True):
        try:
            if spec.constant is not None:
                cast(spec.constant)
        except Unmappable as fault:
            mistakes.append(Mistake(f"{name}.value", fault.reason.text))
    if mistakes:
        raise MappingError(mistakes)
