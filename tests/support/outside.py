"""Records as anybody may produce them, and what the real client makes of them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, TopicPartition
from hypothesis import strategies as st
from msgspec import Struct

from tests.support.raw_producer import RawProducer
from worker.core.model import dead_letter_headers as names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from confluent_kafka import Message

    from worker.local.kafka import EmbeddedKafka

READ_SECONDS: Final = 10.0
# An idle fetch is not to hold up the next one.
FETCH_WAIT_MS: Final = 5
EVENT: Final = {"eventType": "view", "sentAt": 1_700_000_000, "sessionId": "s", "itemId": "i"}

RawHeaders = tuple[tuple[bytes, bytes | None], ...]


class Raw(Struct, frozen=True):
    """One record, before any client had a look at it."""

    value: bytes | None
    key: bytes | None
    headers: RawHeaders
    timestamp_ms: int | None


_OWN_NAMES: Final = st.sampled_from(
    [
        each.encode()
        for each in (
            *(names.ORIGINAL_TOPIC, names.ORIGINAL_PARTITION, names.ORIGINAL_OFFSET),
            *(names.ORIGINAL_TIMESTAMP, names.FAILED_AT, names.ERROR_CLASS, names.REASON),
            *(names.TRIES, names.REPLAYS, names.WORKER_VERSION, names.HEADERS),
        )
    ]
)
NAMES: Final = st.one_of(
    st.sampled_from([b"", b"trace", b"trace", b"caf\xe9", b"a\x00b", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]),
    st.text(max_size=6).map(str.encode),
    st.binary(max_size=6),
    _OWN_NAMES,
)
"""Header names: any bytes, those that are not UTF-8 included, and the worker's own."""
NUMBERS: Final = st.one_of(
    st.integers().map(lambda number: b"%d" % number),
    st.sampled_from(
        [b"-1", b"-0", b"9" * 19, b"9" * 4000, b"1_0", b"NaN", "\u0661\u0662".encode(), b" 1", b"+1"]
    ),
)
TIMES: Final = st.one_of(
    st.datetimes(timezones=st.timezones() | st.none()).map(lambda time: time.isoformat().encode()),
    st.sampled_from(
        [
            *(b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-14:00", b"10000-01-01", b"-0001-01-01"),
            *(b"2026-01-01T00:00:00+23:59:59.999999", b"1e400", b"", b"NaN", b"2026-W01-1"),
        ]
    ),
)
VALUES: Final = st.one_of(
    st.none(), st.binary(max_size=40), st.text(max_size=20).map(str.encode), NUMBERS, TIMES
)
"""What header values may hold."""
HEADERS: Final[st.SearchStrategy[RawHeaders]] = st.lists(st.tuples(NAMES, VALUES), max_size=12).map(tuple)
_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_DOCUMENTS: Final = st.one_of(
    st.just(EVENT), _JSON, st.dictionaries(st.sampled_from([*EVENT, "userId", "properties"]), _JSON)
).map(lambda document: json.dumps(document).encode())
RAW: Final = st.builds(
    Raw,
    value=st.none() | st.binary(max_size=60) | _DOCUMENTS,
    key=st.none() | st.binary(max_size=20),
    headers=HEADERS,
    timestamp_ms=st.none() | st.integers(-(2**63), 2**63 - 1).filter(bool),
)
"""A record of anything; librdkafka takes a timestamp of 0 for none given."""


class Outside:
    """A topic that others produce to, read with the real client."""

    def __init__(self, kafka: EmbeddedKafka, topic: str, producer: RawProducer) -> None:
        self._topic = topic
        self._producer = producer
        servers = {"bootstrap.servers": kafka.bootstrap_servers}
        self._consumer = Consumer(
            {**servers, "group.id": "outside", "log_level": 0, "fetch.wait.max.ms": FETCH_WAIT_MS}
        )
        self._consumer.assign([TopicPartition(topic, 0, 0)])

    def through(self, records: Sequence[Raw]) -> list[Message]:
        """What the client has of these records, which nobody else produces beside."""
        for each in records:
            self._producer.produce(
                self._topic, each.value, each.headers, key=each.key, timestamp_ms=each.timestamp_ms
            )
        self._producer.flush()
        return self.next(len(records))

    def next(self, count: int) -> list[Message]:
        """The next so many records."""
        found = self._consumer.consume(count, READ_SECONDS) if count else []
        assert len(found) == count
        assert not any(each.error() for each in found)
        return found

    def close(self) -> None:
        self._consumer.close()


@contextmanager
def outside(kafka: EmbeddedKafka, topic: str) -> Iterator[Outside]:
    with RawProducer(kafka.bootstrap_servers) as producer:
        opened = Outside(kafka, topic, producer)
        try:
            yield opened
        finally:
            opened.close()


def is_text(headers: RawHeaders) -> bool:
    """Whether the client can read them at all: all names are UTF-8, as far as the client sees them."""
    try:
        for name, _ in headers:
            name.partition(b"\0")[0].decode()
    except UnicodeDecodeError:
        return False
    return True
