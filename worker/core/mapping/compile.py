"""Putting it together: read the values, cast each field, encode the event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from worker.core.mapping import casts, faults
from worker.core.mapping.event import Event, MetricAttribution, encode_event_into
from worker.core.mapping.event_ids import derived_event_id
from worker.core.mapping.faults import Field, MappingError, Mistake, Unmappable
from worker.core.mapping.lenient import NotJson
from worker.core.mapping.placeholders import BLANKS, placeholders
from worker.core.mapping.read import compile_reader
from worker.core.mapping.spec import REQUIRED, parse_mapping
from worker.core.mapping.times import time
from worker.core.mapping.unwrap import unwrap, why_not_json
from worker.core.model.records import Interaction, Reason, Skipped, Undecodable
from worker.core.operations import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from worker.core.mapping.read import Reader
    from worker.core.mapping.spec import FieldSpec
    from worker.core.model.records import Mapped, Record

TOMBSTONE: Final = "tombstone"
"""The ``rule`` by which records without a value are skipped, and those whose value is JSON's null."""

# Without one of these a record's ids hold no control characters and nothing but Unicode: as an escape, as DEL
# or as two bytes of which this is the first it would stand there. To search for a byte costs next to nothing.
_BACKSLASH: Final = 0x5C
_DEL: Final = 0x7F
_C1: Final = 0xC2
_NO_IDS: Final = ("sent_at", "event_value", "properties", "impression")


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
    specs = parse_mapping(fields)
    absent = _absent_texts(placeholders(placeholder_ids, builtin=builtin_placeholder_ids))
    quick, close = _compile_casts(specs, absent)
    _check_constants(specs, close)
    decode, _, look_up = reader = compile_reader(specs, absent)
    to_interaction, to_interaction_closely = _compile_interaction(quick), _compile_interaction(close)
    map_unusual = _compile_unusual(reader, to_interaction_closely)
    ids_need_a_look = _compile_ids_need_a_look()

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


def _compile_ids_need_a_look() -> Callable[[Sequence[Any]], bool]:
    """Whether ids hold what makes ``map_record`` doubt the record; mostly it stands in other text.

    Encoded, they show it in one search, at a third of what a look at each of them costs. By the order of
    ``FIELDS`` they are: the type; session, user, item and event; impression and recommendation.
    """
    encode_into = msgspec.json.Encoder().encode_into
    buffer = bytearray(limits.EVENT_BYTES)

    def ids_need_a_look(values: Sequence[Any]) -> bool:
        try:
            encode_into((values[0], values[2:6], values[8:10]), buffer)
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


def _compile_interaction(casts_of: Casts) -> Callable[[Record, Sequence[Any]], Interaction]:
    """The way of a good record; it raises for every other."""
    # Variables of the closure, for looking them up by name each time costs a tenth of the whole.
    as_type, as_time, as_session, as_user, as_item, as_event_id, as_value, as_properties, *_ = casts_of
    *_, as_impression, as_recommendation, as_attribution = casts_of
    encode_within_limit = _compile_encode()

    def to_interaction(record: Record, values: Sequence[Any]) -> Interaction:
        kind, sent, session, user, item, event_id, number, properties, impression, recommendation, source = (
            values
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
        return Interaction(record, as_session(session), user_id, encode_within_limit(event))

    return to_interaction


def _compile_encode() -> Callable[[Event], bytes]:
    # Of one buffer for all events each takes a copy: bytes of its own would keep the slack they grew in, a
    # hundred bytes and more.
    buffer = bytearray(limits.EVENT_BYTES)

    def encode_within_limit(event: Event) -> bytes:
        encode_event_into(event, buffer)
        if len(buffer) > limits.EVENT_BYTES:
            raise Unmappable(faults.TOO_LARGE, f"the event is larger than {limits.EVENT_BYTES} bytes as JSON")
        return bytes(buffer)

    return encode_within_limit


def _absent_texts(nobody: frozenset[str]) -> dict[str, frozenset[str]]:
    """For each field the texts that are as good as null: blanks, and placeholders where an id is wanted."""
    texts = dict.fromkeys(Casts._fields, BLANKS | nobody) | dict.fromkeys(_NO_IDS, BLANKS)
    return texts | {"session_id": BLANKS | nobody | {limits.RESERVED_SESSION_ID}}


def _compile_casts(
    specs: Mapping[str, FieldSpec], absent: Mapping[str, frozenset[str]]
) -> tuple[Casts, Casts]:
    """The quick ones, for records that cannot hold what no id may hold, and those that look for it."""
    field = {name: Field(name, spec.described(), REQUIRED.get(name, "")) for name, spec in specs.items()}
    item = field["impression"]
    quick = Casts(
        event_type=casts.required_id(field["event_type"], absent["event_type"]),
        sent_at=time(field["sent_at"], specs["sent_at"].unit),
        session_id=casts.required_id(field["session_id"], absent["session_id"]),
        user_id=casts.optional_id(field["user_id"], absent["user_id"]),
        item_id=casts.optional_id(field["item_id"], absent["item_id"]),
        event_id=casts.optional_id(field["event_id"], absent["event_id"]),
        event_value=casts.number(field["event_value"]),
        properties=casts.properties(field["properties"]),
        impression=casts.item_ids(item, casts.optional_id(item, absent["item_id"])),
        recommendation_id=casts.optional_id(
            field["recommendation_id"], absent["recommendation_id"], limits.RECOMMENDATION_ID_CHARACTERS
        ),
        event_attribution_source=casts.attribution(
            field["event_attribution_source"], absent["event_attribution_source"]
        ),
    )
    close = quick._replace(
        event_type=casts.closely(field["event_type"], quick.event_type),
        session_id=casts.closely(field["session_id"], quick.session_id),
        user_id=casts.closely(field["user_id"], quick.user_id),
        item_id=casts.closely(field["item_id"], quick.item_id),
        event_id=casts.closely(field["event_id"], quick.event_id),
        impression=casts.item_ids(item, casts.closely(item, casts.optional_id(item, absent["item_id"]))),
        recommendation_id=casts.closely(field["recommendation_id"], quick.recommendation_id),
    )
    return quick, close


def _check_constants(specs: Mapping[str, FieldSpec], casts_of: Casts) -> None:
    """Raise MappingError for constants that no event can hold: they would make every record a dead letter."""
    mistakes = []
    for (name, spec), cast in zip(specs.items(), casts_of, strict=True):
        try:
            if spec.constant is not None and cast(spec.constant) is None:
                mistakes.append(Mistake(f"{name}.value", "a constant that stands for nothing"))
        except Unmappable as fault:
            mistakes.append(Mistake(f"{name}.value", fault.reason.text))
    if mistakes:
        raise MappingError(mistakes)
