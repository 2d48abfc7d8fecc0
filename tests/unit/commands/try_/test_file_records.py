"""What a line of a file may be."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.commands.try_.file_records import records_of
from worker.commands.try_.sampled import CannotRead

if TYPE_CHECKING:
    from worker.core.model.records import Record

NOW_MS = 1_767_225_600_000


def records(*lines: bytes, record_format: str = "json") -> list[Record]:
    return [each.record for each in records_of(BytesIO(b"\n".join(lines)), "f", record_format, NOW_MS)]


def test_a_line_of_json_is_the_value_as_it_is() -> None:
    file = BytesIO(b'{"a": 1}\r\n\n{"$record": 1, "b": 2}\nnull\n{broken')
    found = list(records_of(file, "f", "json", NOW_MS))
    assert [each.at for each in found] == ["f:1", "f:3", "f:4", "f:5"]
    assert [each.record.value for each in found] == [
        b'{"a": 1}',
        b'{"$record": 1, "b": 2}',
        b"null",
        b"{broken",
    ]
    assert {each.record.timestamp_ms for each in found} == {NOW_MS}


def test_a_line_of_columns_is_the_value_as_it_is() -> None:
    assert records(b"a\tb \n", record_format="tsv")[0].value == b"a\tb "


@given(st.binary(max_size=50).filter(bool))
def test_a_line_of_another_format_is_base64(value: bytes) -> None:
    (record,) = records(b64encode(value) + b"\n", record_format="avro")
    assert record.value == value


def test_an_object_with_record_is_a_record_with_all_that_it_has() -> None:
    line = b'{"$record": {"value": {"a": 1.0}, "key": "k", "headers": {"h": "x", "n": null}, "timestamp": 7}}'
    for record_format in ("json", "avro"):
        (record,) = records(line, record_format=record_format)
        assert (record.value, record.key, record.timestamp_ms) == (b'{"a": 1.0}', b"k", 7)
        assert record.headers == (("h", b"x"), ("n", None))
    (record,) = records(b'{"$record": {"value_base64": "AAE=", "key_base64": "/w=="}}', record_format="avro")
    assert (record.value, record.key) == (b"\x00\x01", b"\xff")
    assert records(b'{"$record": {}}')[0].value is None


@pytest.mark.parametrize(
    "line",
    [
        b'{"$record": {"valu": 1}}',
        b'{"$record": {"headers": {"s3cret": 1}}}',
        b'{"$record": 1}',
        b'{"$record": {"value": 1, "value_base64": "AA=="}}',
        b'{"$record": {"value_base64": "s3cret!"}}',
        b"s3cret!",
    ],
)
def test_what_is_no_record_is_said_with_its_line_and_is_not_quoted(line: bytes) -> None:
    with pytest.raises(CannotRead, match=r"^f:2: .*: docs/try.md says what a line may be$") as refused:
        records(b"AA==", line, record_format="avro")
    assert "s3cret" not in str(refused.value)
