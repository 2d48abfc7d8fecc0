"""Whatever the bytes, a format gives a document, or says why not; it never raises, and never hangs."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.support.builders import record
from tests.unit.formats.test_delimited import COLUMNS, CSV, TSV
from tests.unit.formats.written import (
    FRAME,
    PROTO_SCHEMA,
    PROTO_SET,
    avro,
    avro_schema,
    messagepack,
    protobuf,
    schemas,
)
from worker.core.mapping import KINDS, compile_mapping
from worker.core.model.records import Undecodable
from worker.formats import FORMATS, FormatOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.model.records import Mapped, Record
    from worker.formats.protocol import NeedsSchema

SAMPLES = {
    "avro": FRAME + avro(),
    "protobuf": FRAME + b"\x00" + protobuf(properties={"a": [1, {"b": None}]}, impression=["x"]),
    "json_schema": FRAME + b'{"eventType": "view", "sentAt": 1767323045, "sessionId": "s"}',
    "msgpack": messagepack(),
    "csv": CSV,
    "tsv": TSV,
}
# Numbers that are lengths and counts to these formats.
_HUGE = (
    b"\xff\xff\xff\xff\x0f",
    b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x00",
    b"\x80" * 12,
    b"\xdf\xff\xff\xff\xff",
)
COUNT = 100_000 if os.environ.get("WORKER_TEST_LONG") else 1_500


def compiled(name: str) -> Callable[[Record], Mapped | NeedsSchema]:
    """A mapping that reads the format with all its fields."""
    schema = PROTO_SCHEMA if name == "protobuf" else avro_schema()
    return compile_mapping({}, record_format=FORMATS[name](FormatOptions(schemas(schema), columns=COLUMNS)))


def mutated(value: bytes, chance: random.Random) -> bytes:
    """The value with something wrong in it."""
    changed = bytearray(value)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(changed) + 1)
        end = min(len(changed), start + chance.choice((0, 0, 1, 2, 8)))
        put = chance.choice((b"", chance.randbytes(chance.randint(1, 6)), *_HUGE))
        changed[start:end] = put
    return bytes(changed)


def play(name: str, count: int, seed: int) -> int:
    """Map so many mutated values; return how many were refused."""
    map_record, chance, refused = compiled(name), random.Random(seed), 0  # noqa: S311  mutations, not secrets
    for _ in range(count):
        outcome = map_record(record(value=mutated(SAMPLES[name], chance)))
        if isinstance(outcome, Undecodable):
            refused += 1
            assert outcome.reason.kind in KINDS
    return refused


@pytest.mark.long
@pytest.mark.parametrize("name", SAMPLES)
def test_no_mutation_makes_a_format_raise(name: str) -> None:
    assert play(name, COUNT, seed=1) > COUNT // 10


def test_a_file_of_a_schema_changes_nothing_about_that() -> None:
    plain = compile_mapping(
        {},
        record_format=FORMATS["protobuf"](FormatOptions(schemas(), schema=PROTO_SET, message="shop.Event")),
    )
    chance = random.Random(2)  # noqa: S311  as above
    for _ in range(COUNT):
        plain(record(value=mutated(protobuf(), chance)))
