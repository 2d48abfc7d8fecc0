"""Whatever bytes a record has, its dead letter is written, and read, by the real client."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders import assignment
from tests.support.outside import RAW, Outside, Raw, is_text, outside
from tests.support.samples import sample
from worker.core.mapping.event_ids import derived_event_id
from worker.core.model import dead_letter_headers as names
from worker.core.model.records import Reason, Record
from worker.dead_letters.letter import OWN_NAMES
from worker.dead_letters.reading import open_letter
from worker.dead_letters.writer import KafkaDeadLetters
from worker.local.kafka import EmbeddedKafka
from worker.replay.showing import as_json, as_text
from worker.sources.kafka.messages import RecordReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confluent_kafka import Message

pytestmark = pytest.mark.slow

SOURCE, DEAD = "interactions", "dead"
SAID = Reason("refused", "Odd: \ud83d \x00 \u0436")


@pytest.fixture(scope="module")
def kafka() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka({SOURCE: 1, DEAD: 1}) as running:
        yield running


@pytest.fixture(scope="module")
def source(kafka: EmbeddedKafka) -> Iterator[Outside]:
    with outside(kafka, SOURCE) as opened:
        yield opened


@pytest.fixture(scope="module")
def dead(kafka: EmbeddedKafka) -> Iterator[Outside]:
    with outside(kafka, DEAD) as opened:
        yield opened


def read(messages: list[Message], topic: str) -> list[Record]:
    reader, under = RecordReader(), assignment(topic)
    return [reader.record(each, under, 0.0) for each in messages]


async def write_dead_letters(kafka: EmbeddedKafka, records: list[Record]) -> None:
    servers = {"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0, "linger.ms": 0}
    letters = KafkaDeadLetters(servers, DEAD, version="1")
    try:
        # They stand in the order in which they were begun.
        await asyncio.gather(*(letters.write(each, SAID, 0) for each in records))
    finally:
        await letters.close()


@settings(max_examples=sample(12, 60))
@given(sent=st.lists(RAW, min_size=5, max_size=15))
def test_every_record_can_die_and_be_read_back(
    kafka: EmbeddedKafka, source: Outside, dead: Outside, sent: list[Raw]
) -> None:
    """Of 60 times 5 to 15 records: key and value byte for byte, headers where they are text, its place."""
    records = read(source.through(sent), SOURCE)
    asyncio.run(write_dead_letters(kafka, records))
    for letter, record, raw in zip(read(dead.next(len(sent)), DEAD), records, sent, strict=True):
        assert (letter.key, letter.value) == (raw.key, raw.value)
        assert derived_event_id(letter) == derived_event_id(record)
        theirs = [each for each in letter.headers if each[0] not in OWN_NAMES]
        if is_text(raw.headers):
            assert theirs == [each for each in record.headers if each[0] not in OWN_NAMES]
        else:
            assert not theirs
            assert dict(letter.headers)[names.HEADERS] == b"unreadable"
        opened = open_letter(letter)
        assert opened is not None
        assert json.loads(as_json(opened))["reason"]["class"] == "refused"
        assert as_text(opened, payload=True)
