"""Whatever bytes a record has, the real client, the reader and the mapping take them: nothing ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import assignment
from tests.support.outside import RAW, Outside, Raw, is_text, outside
from tests.support.samples import sample
from worker.core.mapping import compile_mapping
from worker.core.model.dead_letter_headers import UNREADABLE_HEADERS
from worker.core.model.records import Interaction, Record, Skipped, Undecodable
from worker.local.kafka import EmbeddedKafka
from worker.sources.kafka.messages import RecordReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.slow

TOPIC = "interactions"
# So often a call is made before the interpreter specialises it.
OFTEN = 100
GOOD = b'{"eventType":"view","sentAt":1700000000,"sessionId":"s"}'


@pytest.fixture(scope="module")
def topic() -> Iterator[Outside]:
    with EmbeddedKafka({TOPIC: 1}) as kafka, outside(kafka, TOPIC) as opened:
        yield opened


def read(topic: Outside, records: Sequence[Raw]) -> list[Record]:
    reader, under = RecordReader(), assignment()
    return [reader.record(each, under, 0.0) for each in topic.through(records)]


def raw(*names: bytes, timestamp_ms: int | None = None) -> Raw:
    return Raw(GOOD, b"k", tuple((name, b"v") for name in names), timestamp_ms)


@pytest.mark.parametrize("names", [(b"caf\xe9",), (b"ok", b"\xff", b"\xed\xa0\x80"), (b"\xff",) * 5000])
def test_a_record_whose_header_names_are_no_text_is_delivered_without_its_headers(
    topic: Outside, names: tuple[bytes, ...]
) -> None:
    """Also when the interpreter has long specialised the calls that read it, which is when it is deadly."""
    records = read(topic, [raw(b"fine")] * OFTEN + [raw(*names), raw(b"fine")] * 10)
    assert len(records) == OFTEN + 20
    others = [each.headers for each in records if each.headers != (("fine", b"v"),)]
    assert others == [UNREADABLE_HEADERS] * 10
    map_record = compile_mapping({})
    assert all(isinstance(map_record(each), Interaction) for each in records)


def test_a_header_that_cannot_be_read_is_absent_for_the_mapping(topic: Outside) -> None:
    map_record = compile_mapping({"user_id": "$headers.user"})
    plain, unreadable = read(topic, [raw(b"user"), raw(b"user", b"\xff")])
    assert [getattr(map_record(each), "user_id", "") for each in (plain, unreadable)] == ["v", None]


def test_headers_are_kept_as_the_topic_holds_them(topic: Outside) -> None:
    """Empty names, repeated ones, null and empty values, thousands of them."""
    headers = ((b"", b"1"), (b"twice", b"1"), (b"twice", None), (b"e", b""), *((b"many", b"x"),) * 5000)
    (record,) = read(topic, [Raw(GOOD, None, headers, None)])
    assert record.headers == tuple((name.decode(), value) for name, value in headers)


@pytest.mark.parametrize("timestamp_ms", [-1, -2, -62_135_596_800_000, -(2**63)])
def test_a_negative_timestamp_is_none(topic: Outside, timestamp_ms: int) -> None:
    """Kafka's own word for no timestamp is -1, and before 1970 there was no Kafka."""
    without_time = b'{"eventType":"view","sessionId":"s"}'
    (record,) = read(topic, [Raw(without_time, None, (), timestamp_ms)])
    assert record.timestamp_ms is None
    mapped = compile_mapping({})(record)
    assert isinstance(mapped, Undecodable)
    assert mapped.reason.kind == "missing"


def test_the_event_id_of_a_record_without_a_timestamp_has_none_in_it(topic: Outside) -> None:
    (record,) = read(topic, [raw(timestamp_ms=-1)])
    mapped = compile_mapping({})(record)
    assert isinstance(mapped, Interaction)
    assert f'-{record.offset}-"' in mapped.event.decode()


@settings(max_examples=sample(20, 150))
@given(records=st.lists(RAW, min_size=10, max_size=20))
def test_every_record_is_read_byte_for_byte_and_mapped(topic: Outside, records: list[Raw]) -> None:
    """Of 150 times 10 to 20 records nothing is raised, and only headers that are no text are missing."""
    map_record = compile_mapping({"user_id": ["userId", "$key", "$headers.trace"]})
    for record, sent in zip(read(topic, records), records, strict=True):
        assert (record.value, record.key) == (sent.value, sent.key)
        assert (record.headers == UNREADABLE_HEADERS) != is_text(sent.headers) or not sent.headers
        if is_text(sent.headers):
            assert [value for _, value in record.headers] == [value for _, value in sent.headers]
        assert record.timestamp_ms is None or record.timestamp_ms >= 0
        assert isinstance(map_record(record), Interaction | Undecodable | Skipped)
