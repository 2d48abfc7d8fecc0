"""What is wrong with a format's keys, or with its file, is said at start by key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.builders import record
from tests.unit.formats.written import AVRO, PROTO_SET, avro, protobuf
from worker.config import ConfigError, read_settings
from worker.core.model.records import Interaction
from worker.runtime.wiring import record_mapping

if TYPE_CHECKING:
    from pathlib import Path

    from worker.settings import Settings

BASE = {
    "WORKER_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "WORKER_KAFKA__TOPICS": "t",
    "WORKER_PERSONALIZE__TRACKING_ID": "00000000-0000-0000-0000-000000000000",
    "WORKER_DEAD_LETTERS__TOPIC": "letters",
}


def read(**keys: str) -> Settings:
    return read_settings(None, BASE | {f"WORKER_RECORD__{key.upper()}": value for key, value in keys.items()})


def mistakes(**keys: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        read(**keys)
    return {mistake.key: mistake.reason for mistake in caught.value.mistakes}


@pytest.mark.parametrize(
    ("keys", "key", "says"),
    [
        ({"format": "avroo"}, "record.format", "did you mean avro?"),
        ({"format": "csv"}, "record.columns", "are missing"),
        ({"format": "csv", "columns": "a,b,a"}, "record.columns[2]", "named twice"),
        ({"columns": "a"}, "record.columns", "are for record.format csv or tsv"),
        ({"format": "tsv", "columns": "a", "delimiter": ";"}, "record.delimiter", "not for tsv"),
        ({"format": "csv", "columns": "a", "delimiter": "ab"}, "record.delimiter", "one character"),
        ({"format": "tsv", "columns": "a", "quote": "'"}, "record.quote", "not for tsv"),
        ({"format": "csv", "columns": "a", "quote": "''"}, "record.quote", "one character"),
        ({"format": "csv", "columns": "a", "quote": "|", "delimiter": "|"}, "record.quote", "delimiter"),
        ({"encoding": "iso-8859-1"}, "record.encoding", "csv or tsv; json is"),
        ({"format": "csv", "columns": "a", "encoding": "latin1"}, "record.encoding", "iso-8859-1"),
        ({"schema_file": "x.avsc"}, "record.schema_file", "json needs no schema"),
        ({"format": "avro", "schema_file": "no/such.avsc"}, "record.schema_file", "No such file"),
        ({"format": "avro", "schema_file": "no/such.avsc"}, "record.schema_file", "from this folder on: /"),
        ({"format": "avro", "schema_file": "."}, "record.schema_file", "Is a directory"),
        ({"format": "protobuf", "schema_file": "x.desc"}, "record.message", "is missing"),
        ({"format": "avro", "message": "shop.Event"}, "record.message", "of protobuf"),
        ({"format": "protobuf", "message": "not a name"}, "record.message", "the full name of a message"),
    ],
    ids=str,
)
def test_a_mistake_is_said_by_its_key(keys: dict[str, str], key: str, says: str) -> None:
    assert says in mistakes(**keys)[key]


def test_a_file_that_is_no_schema_is_said(tmp_path: Path) -> None:
    file = tmp_path / "x.avsc"
    file.write_text("not json")
    assert "it is not JSON" in mistakes(format="avro", schema_file=str(file))["record.schema_file"]
    found = mistakes(format="protobuf", schema_file=str(file), message="shop.Event")
    assert "protoc --include_imports" in found["record.schema_file"]


def test_a_message_that_the_file_has_not_is_said_with_those_it_has(tmp_path: Path) -> None:
    file = tmp_path / "x.desc"
    file.write_bytes(PROTO_SET)
    found = mistakes(format="protobuf", schema_file=str(file), message="shop.Evnt")
    assert "it has: shop.Event, shop.Other" in found["record.message"]


def test_records_are_mapped_by_the_file(tmp_path: Path) -> None:
    avsc, descriptors = tmp_path / "x.avsc", tmp_path / "x.desc"
    avsc.write_text(json.dumps(AVRO))
    descriptors.write_bytes(PROTO_SET)
    of_avro = record_mapping(read(format="avro", schema_file=str(avsc)))
    of_protobuf = record_mapping(read(format="protobuf", schema_file=str(descriptors), message="shop.Event"))
    assert isinstance(of_avro(record(value=avro())), Interaction)
    assert isinstance(of_protobuf(record(value=protobuf())), Interaction)


def test_a_library_that_is_missing_is_said_with_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "worker.formats.protobuf.reader", None)
    file = tmp_path / "x.desc"
    file.write_bytes(PROTO_SET)
    said = mistakes(format="protobuf", schema_file=str(file), message="shop.Event")["record.format"]
    assert (
        said == "protobuf needs protobuf, which is not installed: pip install 'personalize-worker[schemas]'"
    )
