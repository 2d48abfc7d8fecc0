"""Compiles sources: functions that look a value up in a record, its document and the elements of its fan-out.

While a record is mapped, its document also has what is not a member: the outermost document, and the current
element of each level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from worker.core.mapping import faults
from worker.core.mapping.compiler.jmespaths import compile_jmespath
from worker.core.mapping.compiler.layout import INDEX, OUTERMOST, level_slot
from worker.core.mapping.compiler.steps import compile_walk
from worker.core.mapping.event_ids import origin
from worker.core.mapping.grammar.nodes import (
    ElementIndex,
    Header,
    JmesPath,
    Join,
    LevelElement,
    MadeObject,
    Member,
    Name,
    OfRecord,
    Path,
)
from worker.core.mapping.header_text import header_text
from worker.core.mapping.times import RecordMilliseconds
from worker.formats.json.text import open_text
from worker.formats.protocol import Document, LazyValue, UnusableNumber

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from worker.core.mapping.compiler.steps import Opened, Walk
    from worker.core.mapping.faults import Field, Unmappable
    from worker.core.mapping.grammar.nodes import Source, Step
    from worker.core.model.records import Record

    Lookup: TypeAlias = Callable[[Document, Record, Opened], object]


class Reader(Struct, frozen=True):
    """How the sources of one field are read."""

    field: Field
    slots: Mapping[str, str]
    """The attribute of the document for each member."""
    nothing: frozenset[str]
    """The texts that count as absent."""
    listed: bool = False
    """Whether a path to several values gives a list of them, or the first that is present."""
    whole: bool = True
    """Whether what a path leads to is decoded, or may be lazy."""


def compile_first(sources: Sequence[Source], reader: Reader) -> Lookup:
    """Compile the look-up of the first source that is present.

    If none is, it gives None, or a text that counts as absent, which the reason depends on.
    """
    look_up = combine([compile_lookup(source, reader) for source in sources], reader.nothing)
    return look_up or (lambda _, __, ___: None)


def combine(lookups: Sequence[Lookup], nothing: Container[str]) -> Lookup | None:
    """Combine look-ups to that of the first value that is present; None if there are none."""
    if len(lookups) <= 1:
        return lookups[0] if lookups else None

    def look_up(document: Document, record: Record, opened: Opened) -> object:
        absent = None
        for each in lookups:
            value = each(document, record, opened)
            if type(value) is str and value in nothing:
                absent = value
            elif value is not None:
                return value
        return absent

    return look_up


def compile_lookup(source: Source, reader: Reader) -> Lookup:
    """Compile the look-up of one source. It raises Unmappable for what the source cannot be made of."""
    match source:
        case Path():
            return _path(source, reader)
        case Join(parts=parts, separator=separator):
            return _join([compile_lookup(part, reader) for part in parts], separator, source, reader)
        case MadeObject(members=members):
            return _made_object([(name, compile_first(sources, reader)) for name, sources in members], reader)
        case JmesPath():
            return compile_jmespath(source, reader.field, reader.slots)


def compile_path_walk(path: Path, reader: Reader) -> Walk:
    """Compile the walk along a path, from where it begins."""
    return compile_walk(path.steps, reader.nothing, listed=reader.listed, whole=reader.whole)


def _path(path: Path, reader: Reader) -> Lookup:
    walk = compile_path_walk(path, reader)
    match path.base:
        case Member(name=name, outermost=outermost):
            slot = reader.slots[name]
            return _of_outermost(slot, walk) if outermost else _of_document(slot, path.steps, walk)
        case LevelElement(level=level):
            return _of_document(level_slot(level), path.steps, walk)
        case ElementIndex():
            return lambda document, _, __: getattr(document, INDEX)
        case Header(name=name):
            # Of headers of one name the last counts, as it does to Kafka's own lastHeader.
            return lambda _, record, __: header_text(dict(record.headers).get(name))
        case OfRecord(part="key"):
            return _within_key(walk) if path.steps else _key
        case OfRecord(part=part):
            return _time if part == "timestamp" else lambda _, record, __: getattr(origin(record), part)


def _of_document(slot: str, steps: Sequence[Step], walk: Walk) -> Lookup:
    match steps:
        case []:
            return _member(slot, walk)
        case [Name(name=only)]:
            return _member_of_member(slot, only, walk)
        case _:
            return lambda document, _, opened: walk(getattr(document, slot), opened)


def _member(slot: str, walk: Walk) -> Lookup:
    """The look-up without a walk of what is decoded, as nearly everything is."""

    def look_up(document: Document, _: Record, opened: Opened) -> object:
        value = getattr(document, slot)
        return walk(value, opened) if isinstance(value, LazyValue) else value

    return look_up


def _member_of_member(slot: str, name: str, walk: Walk) -> Lookup:
    """The look-up without a walk where an object stands, as it nearly always does."""

    def look_up(document: Document, _: Record, opened: Opened) -> object:
        value = getattr(document, slot)
        return value.get(name) if type(value) is dict else walk(value, opened)

    return look_up


def _of_outermost(slot: str, walk: Walk) -> Lookup:
    return lambda document, _, opened: walk(getattr(getattr(document, OUTERMOST), slot), opened)


def _within_key(walk: Walk) -> Lookup:
    """The look-up in a key that is JSON; in any other there is nothing."""
    return lambda _, record, opened: (
        walk(open_text(record.key.decode(errors="surrogateescape")), opened) if record.key else None
    )


def _key(_: Document, record: Record, __: Opened) -> object:
    return header_text(record.key)


def _time(_: Document, record: Record, __: Opened) -> RecordMilliseconds | None:
    timestamp_ms = origin(record).timestamp_ms
    # Kafka writes -1 for no timestamp.
    return None if timestamp_ms is None or timestamp_ms < 0 else RecordMilliseconds(timestamp_ms)


def _join(parts: Sequence[Lookup], separator: str, source: Join, reader: Reader) -> Lookup:
    nothing, refuse = reader.nothing, _refuse_part(source, reader.field)

    def look_up(document: Document, record: Record, opened: Opened) -> object:
        texts = []
        for part in parts:
            value = part(document, record, opened)
            if type(value) is not str:
                if value is None:
                    return None
                if type(value) is not int and (not isinstance(value, int) or isinstance(value, bool)):
                    raise refuse(value)
                value = str(value)
            if value in nothing:
                return None
            texts.append(value)
        return separator.join(texts)

    return look_up


def _refuse_part(source: Join, field: Field) -> Callable[[object], Unmappable]:
    places = source.described()

    def refuse(value: object) -> Unmappable:
        if isinstance(value, UnusableNumber):
            return field.broken(value.kind, f"a part of {places}: {value.rule}")
        if isinstance(value, bytes):
            return field.broken(faults.NOT_TEXT, f"a part of {places} is bytes that are no text")
        return field.broken(faults.WRONG_TYPE, f"a part of {places} is neither text nor an integer")

    return refuse


def _made_object(members: Sequence[tuple[str, Lookup]], reader: Reader) -> Lookup:
    field = reader.field

    def look_up(document: Document, record: Record, opened: Opened) -> object:
        made: dict[str, Any] = {}
        for name, member in members:
            value = member(document, record, opened)
            if value is None or value == "":
                continue
            if isinstance(value, bytes):
                raise field.broken(faults.NOT_TEXT, f"`{name}` would be bytes that are no text")
            # The record's time is an integer of a type of its own, which JSON does not know.
            made[name] = int(value) if type(value) is RecordMilliseconds else value
        return made or None

    return look_up
