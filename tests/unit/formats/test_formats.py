"""Formats are chosen by name, and whatever keeps the protocol is one: the mapping is not changed for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args, get_type_hints

import pytest

from tests.support.builders import record
from tests.unit.formats.written import PROTO_SCHEMA, avro_schema, schemas
from worker.core.mapping import KINDS, compile_mapping
from worker.core.model.records import Interaction, Skipped, Undecodable
from worker.formats import FORMATS, FormatOptions
from worker.formats.protocol import FORMAT_KINDS, NOT_AN_OBJECT, Decoder, FormatError, NeedsSchema
from worker.settings import RecordSettings

if TYPE_CHECKING:
    from worker.core.model.records import Mapped
    from worker.formats.protocol import Document, DocumentType

KNOWN = {17: ("eventType", "sentAt", "sessionId", "userId")}


def positional(document_type: DocumentType) -> Decoder[NeedsSchema]:
    """A format with schemas: one byte that names the schema, then the values of its members, in JSON."""

    def decode(value: bytes) -> Document:
        names = KNOWN[value[0]]
        members = dict(zip(names, json.loads(value[1:]), strict=True))
        attributes = document_type.attributes
        return document_type.struct(
            **{attributes[name]: each for name, each in members.items() if name in attributes}
        )

    def decode_unusual(value: bytes) -> Document | NeedsSchema | None:
        if value == b"-":
            return None
        if value[0] not in KNOWN:
            return NeedsSchema(value[0])
        raise FormatError(NOT_AN_OBJECT, "the value does not fit its schema")

    return Decoder(decode, (LookupError, ValueError), decode_unusual, lambda _: True)


def mapped(value: bytes) -> Mapped | NeedsSchema:
    return compile_mapping({}, record_format=positional)(record(value=value))


def test_every_format_that_can_be_configured_is_there() -> None:
    (names, *_) = get_args(get_type_hints(RecordSettings, include_extras=True)["format"])
    assert FORMATS.keys() == set(get_args(names))


def test_another_format_is_mapped_by_the_same_rules() -> None:
    outcome = mapped(b'\x11["view", 1700000000, "s-1", "undefined"]')
    assert isinstance(outcome, Interaction)
    assert (outcome.session_id, outcome.user_id) == ("s-1", None)
    assert json.loads(outcome.event)["eventType"] == "view"


def test_text_of_another_format_is_held_to_the_same_rules() -> None:
    outcome = mapped(b'\x11["view", 1700000000, "s\\u00001", null]')
    assert isinstance(outcome, Undecodable)
    assert outcome.reason.kind == "not_text"


def test_a_schema_that_is_missing_is_asked_for_and_is_not_the_record_s_fault() -> None:
    assert mapped(b'\x12["view"]') == NeedsSchema(18)


def test_the_null_of_another_format_is_a_tombstone() -> None:
    assert isinstance(mapped(b"-"), Skipped)


def test_what_another_format_cannot_decode_is_a_dead_letter_with_its_reason() -> None:
    outcome = mapped(b'\x11["view"]')
    assert isinstance(outcome, Undecodable)
    assert outcome.reason.text == "the value does not fit its schema"


def test_reasons_of_formats_label_the_same_metric() -> None:
    assert set(FORMAT_KINDS) <= set(KINDS)


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_raises_anything_else_for_bytes_of_another(name: str) -> None:
    options = FormatOptions(
        schemas(PROTO_SCHEMA if name == "protobuf" else avro_schema()), columns=("sessionId",)
    )
    map_record = compile_mapping({}, record_format=FORMATS[name](options))
    for value in (b"", b"\x00\x00\x00\x00\x07x", b"Obj\x01", b"\xff", b"<a/>"):
        assert isinstance(map_record(record(value=value)), Undecodable)
