"""What Java's own libraries have written comes out as it went in (``java/write.py`` has them write it)."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

from tests.support.builders import record
from tests.unit.formats.written import FRAME, SCHEMA_ID
from worker.core.mapping import compile_mapping
from worker.core.model.records import Interaction
from worker.formats.avro.reader import plain_avro, registry_avro
from worker.formats.protobuf.reader import registry_protobuf
from worker.formats.protocol import Document, DocumentType
from worker.formats.schemas import Schema, Schemas

if TYPE_CHECKING:
    from worker.formats.protocol import Format, NeedsSchema

WRITTEN: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "java" / "records.json").read_text())
SESSION = "89791762-2336-4186-9674-299b90a802e2"
SECONDS = 1767323045
ITEMS = [
    {"id": "outer é", "alike": [{"id": "inner", "alike": None}]},
    {"id": "inner", "alike": None},
]
AVRO = {
    "eventType": "buy",
    "sentAt": SECONDS * 1000 + 678,
    "micros": SECONDS * 1_000_000 + 678_901,
    "nanos": SECONDS * 1_000_000_000 + 678_901_234,
    "localMillis": SECONDS * 1000 + 678,
    "localMicros": SECONDS * 1_000_000 + 678_901,
    "day": "2026-01-02",
    "timeMillis": 11_045_678,
    "timeMicros": 11_045_678_901,
    "sessionId": SESSION,
    "fixedUuid": SESSION,
    "price": "-12.30",
    "fixedPrice": "1234.500",
    "userId": 9007199254740993,
    "nobody": None,
    "javaText": "text",
    "float": 0.1,
    "double": 0.1,
    "flag": True,
    "bytes": b"\0\xff",
    "items": ITEMS,
    "tags": {"one": 1},
}
PROTOBUF = {
    "eventType": "buy",
    "sentAt": "2026-01-02T03:04:05.678Z",
    "sessionId": SESSION,
    "userId": 9007199254740993,
    "signed": -7,
    "large": 9007199254740993,
    "float": 0.1,
    "flag": True,
    "numbers": [1, -2, 300],
    "items": [{"id": "outer é", "alike": [{"id": "inner"}]}, {"id": "inner"}],
    "bytes": b"\0\xff",
}


def written(name: str) -> bytes:
    return b64decode(WRITTEN[name])


def avro(*, framed: bool) -> tuple[Format[NeedsSchema], bytes]:
    schema, value = written("avro_schema").decode(), written("avro_value")
    if not framed:
        return plain_avro(schema), value
    schemas = Schemas()
    schemas.put(SCHEMA_ID, Schema("AVRO", schema))
    return registry_avro(schemas), FRAME + value


def protobuf() -> tuple[Format[NeedsSchema], bytes]:
    schemas = Schemas()
    schemas.put(SCHEMA_ID, Schema("PROTOBUF", WRITTEN["protobuf_file"]))
    # Behind the frame stands which message it is: of one number, the second of the file.
    return registry_protobuf(schemas), FRAME + b"\x02\x02" + written("protobuf_value")


def read(record_format: Format[NeedsSchema], value: bytes, names: list[str]) -> dict[str, Any]:
    members = [(name, Any, None) for name in names]
    made: Any = msgspec.defstruct("D", members, bases=(Document,), gc=False)
    decoder = record_format(DocumentType(made, {name: name for name in names}, frozenset(names)))
    try:
        found: Any = decoder.decode(value)
    except decoder.refusals:
        found = decoder.decode_unusual(value)
    return {name: getattr(found, name) for name in names}


@pytest.mark.parametrize("framed", [False, True])
def test_avro(framed: bool) -> None:  # noqa: FBT001  a parameter
    assert read(*avro(framed=framed), list(AVRO)) == AVRO


@pytest.mark.parametrize("name", AVRO)
def test_avro_of_which_only_one_member_is_wanted(name: str) -> None:
    assert read(*avro(framed=True), [name]) == {name: AVRO[name]}


def test_protobuf() -> None:
    assert read(*protobuf(), list(PROTOBUF)) == PROTOBUF


@pytest.mark.parametrize(("record_format", "value"), [avro(framed=True), protobuf()])
def test_both_become_the_same_event(record_format: Format[NeedsSchema], value: bytes) -> None:
    outcome = compile_mapping({"item_id": "items[0].id"}, record_format=record_format)(record(value=value))
    assert isinstance(outcome, Interaction), outcome
    assert (outcome.session_id, outcome.user_id) == (SESSION, "9007199254740993")
    event = json.loads(outcome.event)
    assert (event["eventType"], event["sentAt"], event["itemId"]) == ("buy", SECONDS, "outer é")
