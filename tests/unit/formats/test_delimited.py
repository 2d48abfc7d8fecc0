"""CSV and TSV: the cells of a line by the names of their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.builders import record
from tests.unit.formats.test_avro import event_of, reason_of
from worker.core.mapping import compile_mapping
from worker.core.model.records import Interaction
from worker.formats.delimited import csv_format, tsv_format

if TYPE_CHECKING:
    from worker.formats.delimited import Encoding

COLUMNS = ("eventType", "sentAt", "sessionId", "userId", "itemId", "properties")
CSV = b'view,2026-01-02 03:04:05,s,,"item, with ""quotes""","{""a"":1}"'
TSV = b'view\t2026-01-02 03:04:05.678\ts\t\t"item"\t{"a":1}'


def test_a_line_of_csv_comes_out_by_its_columns() -> None:
    outcome = compile_mapping({}, record_format=csv_format(COLUMNS))(record(value=CSV))
    assert event_of(outcome) == {
        "eventType": "view",
        "sentAt": 1767323045,
        "itemId": 'item, with "quotes"',
        "properties": '{"a":1}',
    }
    assert isinstance(outcome, Interaction)
    assert (outcome.session_id, outcome.user_id) == ("s", None)


def test_quotes_mean_nothing_in_tsv() -> None:
    event = event_of(compile_mapping({}, record_format=tsv_format(COLUMNS))(record(value=TSV)))
    assert event["itemId"] == '"item"'


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_the_end_of_a_line_and_a_byte_order_mark_are_no_part_of_it(start: bytes, end: bytes) -> None:
    map_record = compile_mapping({}, record_format=tsv_format(COLUMNS))
    assert event_of(map_record(record(value=start + TSV + end)))["eventType"] == "view"


def test_another_delimiter_is_possible() -> None:
    map_record = compile_mapping({"item_id": "itemId"}, record_format=csv_format(COLUMNS, ";"))
    assert event_of(map_record(record(value=b"view;1767323045;s;;a,b;")))["itemId"] == "a,b"


@pytest.mark.parametrize(
    ("quote", "written", "item"),
    [("'", b"'a,\"b'", 'a,"b'), (None, b'"a', '"a'), (None, b'a"b"\'c', 'a"b"\'c')],
)
def test_another_quote_is_possible_and_none(quote: str | None, written: bytes, item: str) -> None:
    map_record = compile_mapping({}, record_format=csv_format(COLUMNS, quote=quote))
    value = b"view,1767323045,s,," + written + b","
    assert event_of(map_record(record(value=value)))["itemId"] == item


@pytest.mark.parametrize(
    ("encoding", "codec"),
    [
        ("utf-8", "utf-8"),
        ("utf-8", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16", "utf-16-le"),
        ("iso-8859-1", "latin-1"),
        ("windows-1252", "windows-1252"),
    ],
)
@pytest.mark.parametrize("make", [csv_format, tsv_format])
def test_text_is_read_in_its_encoding(make: Any, encoding: Encoding, codec: str) -> None:
    delimiter = "," if make is csv_format else "\t"
    value = delimiter.join(["view", "1767323045", "s", "", "Größe é", ""]) + "\r\n"
    map_record = compile_mapping({}, record_format=make(COLUMNS, encoding=encoding))
    assert event_of(map_record(record(value=value.encode(codec))))["itemId"] == "Größe é"


@pytest.mark.parametrize(
    ("encoding", "value", "says"),
    [
        ("utf-8", "Größe".encode("latin-1"), "not UTF-8: perhaps of another record.encoding"),
        ("utf-8", "a,b".encode("utf-16"), "not UTF-8: UTF-16"),
        ("utf-16", b"a,b", "not UTF-16: perhaps of another record.encoding"),
        ("windows-1252", b"view \x81", "not WINDOWS-1252: perhaps of another record.encoding"),
    ],
)
def test_text_of_another_encoding_is_told(encoding: Encoding, value: bytes, says: str) -> None:
    map_record = compile_mapping({}, record_format=csv_format(COLUMNS, encoding=encoding))
    kind, text = reason_of(map_record(record(value=value)))
    assert (kind, says in text) == ("malformed", True), text


def test_a_cell_may_be_as_long_as_a_record() -> None:
    long = '{""a"":""' + "x" * 300_000 + '""}'
    map_record = compile_mapping({"properties": None}, record_format=csv_format(COLUMNS))
    outcome = map_record(record(value=f'view,1767323045,s,,item,"{long}"'.encode()))
    assert event_of(outcome)["itemId"] == "item"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (b"", "an empty line"),
        (b"\n", "an empty line"),
        (b"a,b", "2 cells, but record.columns names 6"),
        (CSV + b",x", "7 cells"),
        (CSV + b"\n" + CSV, "not one line of CSV"),
        (b'"never ends', "not one line of CSV"),
        (b"\xff\xfe\x00", "not UTF-8: UTF-16"),
    ],
)
def test_what_is_no_such_line_is_told(value: bytes, says: str) -> None:
    kind, text = reason_of(compile_mapping({}, record_format=csv_format(COLUMNS))(record(value=value)))
    assert kind == "malformed"
    assert says in text
