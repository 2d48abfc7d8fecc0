"""Records of every format come out whole: with each member that they have, and no other."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.formats.written import (
    AVRO,
    FRAME,
    PROTO_SCHEMA,
    PROTO_SET,
    avro,
    avro_schema,
    protobuf,
    schemas,
)
from worker.formats import FORMATS, FormatOptions
from worker.formats.framed import SCHEMA_ID_HEADER
from worker.formats.protocol import FormatError, NeedsSchema
from worker.formats.schemas import Schemas
from worker.formats.whole import compile_decode_whole

NONE = FormatOptions(Schemas())
AVRO_FILE = FormatOptions(Schemas(), schema=json.dumps(AVRO).encode())
AVRO_REGISTRY = FormatOptions(schemas(avro_schema()))
PROTO_FILE = FormatOptions(Schemas(), schema=PROTO_SET, message="shop.Event")
PROTO_REGISTRY = FormatOptions(schemas(PROTO_SCHEMA))
COLUMNS = FormatOptions(Schemas(), columns=("a", "b.c", "d"))
OBJECT = {"a": 1, "b": {"c": [1.5, None]}, "d e": "x"}


@pytest.mark.parametrize(
    ("record_format", "options", "value"),
    [
        ("json", NONE, msgspec.json.encode(OBJECT)),
        ("json_schema", NONE, FRAME + msgspec.json.encode(OBJECT)),
        ("msgpack", NONE, msgspec.msgpack.encode(OBJECT)),
    ],
)
def test_all_members_are_there(record_format: str, options: FormatOptions, value: bytes) -> None:
    assert compile_decode_whole(record_format, options)(value, {}) == OBJECT


def test_cells_have_the_names_of_their_columns_and_empty_ones_are_absent() -> None:
    assert compile_decode_whole("csv", COLUMNS)(b'1,"x,y",', {}) == {"a": "1", "b.c": "x,y"}
    assert compile_decode_whole("tsv", COLUMNS)(b"\tx\t3", {}) == {"b.c": "x", "d": "3"}


def test_avro_has_the_fields_of_its_schema() -> None:
    whole = compile_decode_whole("avro", AVRO_FILE)(avro(), {})
    assert isinstance(whole, dict)
    assert whole["itemId"] == "item"
    assert whole["properties"] == {"day": "2026-01-02", "other": "buy", "counts": {"a": 1}}
    registered = compile_decode_whole("avro", AVRO_REGISTRY)
    assert registered(FRAME + avro(), {}) == whole
    assert registered(avro(), {SCHEMA_ID_HEADER: FRAME}) == whole


def test_protobuf_has_the_fields_of_its_message() -> None:
    whole = compile_decode_whole("protobuf", PROTO_FILE)(protobuf(), {})
    assert isinstance(whole, dict)
    assert whole["itemId"] == "item"
    assert compile_decode_whole("protobuf", PROTO_REGISTRY)(FRAME + b"\x00" + protobuf(), {}) == whole


@pytest.mark.parametrize("record_format", ["avro", "protobuf"])
def test_a_schema_that_is_not_known_is_asked_for(record_format: str) -> None:
    assert compile_decode_whole(record_format, NONE)(FRAME + b"\x00x", {}) == NeedsSchema(7)


@pytest.mark.parametrize(("record_format", "null"), [("json", b"null"), ("msgpack", b"\xc0")])
def test_null_is_none(record_format: str, null: bytes) -> None:
    assert compile_decode_whole(record_format, NONE)(null, {}) is None


OPTIONS = {"avro": AVRO_FILE, "protobuf": PROTO_FILE, "csv": COLUMNS, "tsv": COLUMNS}


@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=40))
def test_whatever_the_bytes_there_is_an_answer_or_a_reason(record_format: str, value: bytes) -> None:
    try:
        found = compile_decode_whole(record_format, OPTIONS.get(record_format, NONE))(value, {})
    except (FormatError, RecursionError):
        return
    assert found is None or isinstance(found, dict)
