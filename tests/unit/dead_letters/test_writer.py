"""Letters to librdkafka's own broker; a real Kafka has its say in tests/integration."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from tests.support.builders import assignment, record
from worker.core.model import dead_letter_headers as names
from worker.core.model.records import Reason
from worker.dead_letters.letter import OWN_NAMES
from worker.dead_letters.unwritable import why_unwritable
from worker.dead_letters.writer import KafkaDeadLetters
from worker.local.kafka import Api, EmbeddedKafka
from worker.ports import DeadLettersUnwritable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from confluent_kafka import Message

pytestmark = pytest.mark.slow

TOPIC: Final = "dead"
REASON: Final = Reason("undecodable", "the value is no JSON")
QUIET: Final = {"log_level": 0}
QUICK: Final = {
    "message.timeout.ms": 2500,
    "topic.metadata.propagation.max.ms": 200,
    "reconnect.backoff.max.ms": 100,
}


@pytest.fixture
def kafka() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka({TOPIC: 1}) as kafka:
        yield kafka


@asynccontextmanager
async def writing(
    kafka: EmbeddedKafka, *, close_seconds: float = 5, **settings: object
) -> AsyncIterator[KafkaDeadLetters]:
    servers = {"bootstrap.servers": kafka.bootstrap_servers}
    letters = KafkaDeadLetters({**QUIET, **servers, **settings}, TOPIC, version="1.2.3")
    try:
        yield letters
    finally:
        await letters.close(close_seconds)


def read(kafka: EmbeddedKafka, count: int) -> list[Message]:
    """The first ``count`` records of the topic."""
    consumer = Consumer({**QUIET, "bootstrap.servers": kafka.bootstrap_servers, "group.id": "reader"})
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    found = consumer.consume(count, timeout=10)
    consumer.close()
    return found


async def test_a_written_letter_is_there_byte_for_byte(kafka: EmbeddedKafka) -> None:
    """Null stays null and empty stays empty, in key, value and headers; names may be repeated."""
    own = (("trace", b"\xff\x00"), ("trace", None), ("", b""))
    dead = [
        record(0, key=None, value=None, headers=own),
        record(1, key=b"", value=b"", headers=()),
        record(2, key=b"k\x00", value=b'{"broken', headers=own),
    ]
    async with writing(kafka) as letters:
        for each in dead:
            await letters.write(each, REASON, tries=0)
    for written, each in zip(read(kafka, 3), dead, strict=True):
        assert (written.key(), written.value()) == (each.key, each.value)
        headers = written.headers() or []
        assert [header for header in headers if header[0] not in OWN_NAMES] == list(each.headers)
        assert dict(headers)[names.ORIGINAL_OFFSET] == b"%d" % each.offset


async def test_many_letters_go_at_once(kafka: EmbeddedKafka) -> None:
    """Each writer hears of its own letter, in whatever batches they went."""
    async with writing(kafka) as letters:
        await asyncio.gather(*(letters.write(record(offset), REASON, 0) for offset in range(1000)))
    offsets = [int(dict(each.headers() or [])[names.ORIGINAL_OFFSET] or b"") for each in read(kafka, 1000)]
    assert offsets == list(range(1000))


async def test_a_letter_is_written_only_when_the_broker_says_so(kafka: EmbeddedKafka) -> None:
    """While the broker is silent the writer waits; the loop does not."""
    async with writing(kafka, **QUICK) as letters:
        await letters.write(record(0), REASON, 0)
        kafka.set_round_trip_ms(300)
        unacknowledged = asyncio.create_task(letters.write(record(1), REASON, 0))
        done, _ = await asyncio.wait([unacknowledged], timeout=0.15)
        assert not done
        await unacknowledged


async def test_a_broker_that_stays_away_makes_it_unwritable_in_time(kafka: EmbeddedKafka) -> None:
    async with writing(kafka, **QUICK) as letters:
        kafka.stop_brokers()
        with pytest.raises(
            DeadLettersUnwritable, match=r"dead: no acknowledgement in time \(_MSG_TIMED_OUT\)"
        ):
            await letters.write(record(), REASON, 0)
        kafka.start_brokers()
        await letters.write(record(), REASON, 0)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "may not write to it"),
        (KafkaError.CLUSTER_AUTHORIZATION_FAILED, "may not write idempotently"),
        (KafkaError.POLICY_VIOLATION, "POLICY_VIOLATION"),
    ],
)
async def test_a_refusal_says_what_to_fix(kafka: EmbeddedKafka, code: int, said: str) -> None:
    kafka.fail_next(Api.PRODUCE, code)
    async with writing(kafka, **QUICK) as letters:
        with pytest.raises(DeadLettersUnwritable, match=said):
            await letters.write(record(), REASON, 0)


async def test_too_large_names_the_record_and_its_size_but_nothing_in_it(kafka: EmbeddedKafka) -> None:
    """It can be found and the limit be raised: a hold, never a drop."""
    kafka.fail_next(Api.PRODUCE, KafkaError.MSG_SIZE_TOO_LARGE)
    async with writing(kafka, **QUICK) as letters:
        with pytest.raises(DeadLettersUnwritable) as refused:
            await letters.write(record(7, value=b"secret" * 10, under=assignment("views", 2)), REASON, 0)
    said = str(refused.value)
    assert "views[2]@7" in said
    assert "max.message.bytes" in said
    assert "secret" not in said


async def test_a_producer_that_gave_itself_up_is_replaced(kafka: EmbeddedKafka) -> None:
    """An idempotent producer never recovers from a broken sequence by itself."""
    async with writing(kafka) as letters:
        await letters.write(record(0), REASON, 0)
        kafka.fail_next(Api.PRODUCE, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
        several = [letters.write(record(offset), REASON, 0) for offset in (1, 2, 3)]
        outcomes = await asyncio.gather(*several, return_exceptions=True)
        assert {type(each) for each in outcomes} == {DeadLettersUnwritable}
        await letters.write(record(4), REASON, 0)


class Brittle(Producer):
    """The real one; as often as ``fails`` says, making it fails, as it does while a CA file is replaced."""

    fails = 0

    def __init__(self, settings: dict[str, object]) -> None:
        if Brittle.fails:
            Brittle.fails -= 1
            raise KafkaException(KafkaError(KafkaError._INVALID_ARG, "ssl.ca.location failed"))  # noqa: SLF001  as librdkafka calls it
        super().__init__(settings)


async def test_letters_go_on_after_a_producer_could_not_be_replaced(
    kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each writer hears that it is not written, which is a hold; the first that comes after is written."""
    monkeypatch.setattr("worker.dead_letters.writer.Producer", Brittle)
    async with writing(kafka) as letters:
        await letters.write(record(0), REASON, 0)
        kafka.fail_next(Api.PRODUCE, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
        Brittle.fails = 2
        for _ in range(3):
            with pytest.raises(DeadLettersUnwritable):
                await asyncio.wait_for(letters.write(record(1), REASON, 0), 5)
        await asyncio.wait_for(letters.write(record(1), REASON, 0), 5)
    assert len(read(kafka, 2)) == 2


class Deaf(Producer):
    """The real one; fetching reports raises as often as ``fails`` says, and what it fetched is gone."""

    fails = 0

    def poll(self, seconds: float) -> int:
        answered = super().poll(seconds)
        if answered and Deaf.fails:
            Deaf.fails -= 1
            raise RuntimeError("a callback failed")
        return answered


async def test_a_poll_that_raises_whatever_ends_no_polling(
    kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.dead_letters.writer.Producer", Deaf)
    async with writing(kafka) as letters:
        Deaf.fails = 1
        both = [letters.write(record(offset), REASON, 0) for offset in (0, 1)]
        await asyncio.wait_for(asyncio.gather(*both, return_exceptions=True), 5)
        assert Deaf.fails == 0
        await asyncio.wait_for(letters.write(record(2), REASON, 0), 5)


class Picky(Producer):
    """The real one, which takes letters only without their record's headers, or not at all."""

    refuses: Exception | None = None
    takes_ours = True

    def produce(self, *args: Any, headers: Any, **more: Any) -> None:
        theirs = [name for name, _ in headers if name not in OWN_NAMES]
        if Picky.refuses is not None and (theirs or not Picky.takes_ours):
            raise Picky.refuses
        super().produce(*args, headers=headers, **more)


REFUSALS: Final = [
    TypeError("expected header value to be None, not X"),
    ValueError("embedded null character"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
]


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_headers_that_cannot_be_written_cost_the_letter_nothing_else(
    kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    monkeypatch.setattr("worker.dead_letters.writer.Producer", Picky)
    monkeypatch.setattr(Picky, "refuses", refusal)
    async with writing(kafka) as letters:
        await letters.write(record(5, value=b"v", headers=(("odd", b"x"),)), REASON, 0)
    (written,) = read(kafka, 1)
    headers = dict(written.headers() or [])
    assert written.value() == b"v"
    assert "odd" not in headers
    assert (headers[names.HEADERS], headers[names.ORIGINAL_OFFSET]) == (b"unwritable", b"5")


@pytest.mark.parametrize("refusal", [*REFUSALS, RuntimeError("secret"), MemoryError()])
async def test_whatever_the_client_says_to_a_letter_it_is_a_hold_and_no_end(
    kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    monkeypatch.setattr("worker.dead_letters.writer.Producer", Picky)
    monkeypatch.setattr(Picky, "refuses", refusal)
    monkeypatch.setattr(Picky, "takes_ours", False)
    async with writing(kafka) as letters:
        with pytest.raises(DeadLettersUnwritable, match=type(refusal).__name__) as refused:
            await letters.write(record(), REASON, 0)
        assert "secret" not in str(refused.value)
        monkeypatch.setattr(Picky, "refuses", None)
        await letters.write(record(), REASON, 0)


async def test_a_letter_larger_than_the_clients_queue_says_so(kafka: EmbeddedKafka) -> None:
    """It would be waited for in vain."""
    async with writing(kafka, **{"queue.buffering.max.kbytes": 1}) as letters:
        with pytest.raises(DeadLettersUnwritable, match=r"queue\.buffering\.max\.kbytes"):
            await asyncio.wait_for(letters.write(record(value=b"x" * 5000), REASON, 0), 5)


async def test_a_compacted_topic_is_said_to_be_one(kafka: EmbeddedKafka) -> None:
    kafka.fail_next(Api.PRODUCE, KafkaError.INVALID_RECORD)
    async with writing(kafka, **QUICK) as letters:
        with pytest.raises(DeadLettersUnwritable, match=r"make its cleanup\.policy delete"):
            await letters.write(record(), REASON, 0)


async def test_a_full_queue_is_waited_for(kafka: EmbeddedKafka) -> None:
    async with writing(kafka, **{"queue.buffering.max.messages": 10}) as letters:
        await asyncio.gather(*(letters.write(record(offset), REASON, 0) for offset in range(100)))
    assert len(read(kafka, 100)) == 100


async def test_close_waits_for_what_is_under_way(kafka: EmbeddedKafka) -> None:
    async with writing(kafka) as letters:
        under_way = asyncio.create_task(letters.write(record(), REASON, 0))
        await asyncio.sleep(0)  # so that it has begun
    await asyncio.wait_for(under_way, 1)


async def test_close_ends_in_time_and_tells_the_writers(kafka: EmbeddedKafka) -> None:
    """With the broker away for good, nobody is left waiting."""
    kafka.stop_brokers()
    async with writing(kafka, close_seconds=0.1) as letters:
        under_way = asyncio.create_task(letters.write(record(), REASON, 0))
        await asyncio.sleep(0)  # so that it has begun
    with pytest.raises(DeadLettersUnwritable):
        await asyncio.wait_for(under_way, 1)


async def test_a_writer_may_be_cancelled(kafka: EmbeddedKafka) -> None:
    """Its letter may be written all the same, and the others' are."""
    async with writing(kafka) as letters:
        cancelled = asyncio.create_task(letters.write(record(0), REASON, 0))
        other = asyncio.create_task(letters.write(record(1), REASON, 0))
        await asyncio.sleep(0)  # so that they have begun
        cancelled.cancel()
        await other


class Garbled:
    """An error whose words are not UTF-8: it cites a broker."""

    def code(self) -> int:
        return int(KafkaError.UNKNOWN)

    def name(self) -> str:
        return "UNKNOWN"

    def str(self) -> str:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


def test_what_a_broker_says_may_be_no_text() -> None:
    error: Any = Garbled()
    assert why_unwritable(error, TOPIC, record(), []) == (
        "dead-letter topic dead: what Kafka said is not UTF-8 (UNKNOWN)"
    )
