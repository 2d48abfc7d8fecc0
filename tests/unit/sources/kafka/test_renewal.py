"""A source whose login changes: another consumer takes over where the last one has committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import KafkaError
from structlog.testing import capture_logs

from tests.unit.sources.kafka.test_source import PARTITIONS, TOPIC, committed, member, produce
from worker.core.model.boundary import Through
from worker.core.model.partition import Partition
from worker.local.kafka import EmbeddedKafka
from worker.sources.kafka import source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.sources.kafka.test_source import Member

pytestmark = pytest.mark.slow

ZERO = Partition(TOPIC, 0)


@pytest.fixture
def kafka() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka({TOPIC: PARTITIONS}) as running:
        yield running


def settings(one: Member, **changed: object) -> dict[str, object]:
    """Those of the source, with something else."""
    return {**one.source._settings, **changed}  # noqa: SLF001  there is no other who knows them


async def test_another_consumer_goes_on_where_the_last_has_committed(kafka: EmbeddedKafka) -> None:
    """Its predecessor gives its partitions back as at a shutdown: what is settled is committed."""
    produce(kafka, b"0", b"1", b"2")
    async with member(kafka) as one:
        await one.until(lambda: len(one.records) == 3)
        before = one.source._consumer  # noqa: SLF001  no edge shows it
        one.assignments.to_commit = {ZERO: Through(1)}
        one.source.renew(settings(one), anew=True)
        one.records.clear()
        await one.until(lambda: one.records)
        assert one.source._consumer is not before  # noqa: SLF001  as above
        assert committed(kafka)[0] == 2
        # What was not settled comes once more, under the new assignment.
        assert [each.value for each in one.records] == [b"2"]
        assert one.assignments.told == ["assigned", "revoked", "assigned"]
        produce(kafka, b"3")
        await one.until(lambda: len(one.records) == 2)
        assert [each.offset for each in one.records] == [2, 3]


async def test_a_pause_holds_for_the_successor_too(kafka: EmbeddedKafka) -> None:
    async with member(kafka) as one:
        await one.until(one.assigned)
        await one.source.pause()
        one.source.renew(settings(one), anew=True)
        told = one.assignments.told
        await one.until(lambda: told.count("assigned") == 2)
        produce(kafka, b"0")
        for _ in range(10):
            assert not await one.source.receive(10)
        await one.source.resume()
        await one.until(lambda: one.records)


async def test_a_login_that_librdkafka_can_t_use_leaves_all_as_it_is(kafka: EmbeddedKafka) -> None:
    """A file may be half written."""
    async with member(kafka) as one:
        await one.until(one.assigned)
        broken = {"security.protocol": "ssl", "ssl.ca.location": "/nowhere/ca.crt"}
        with capture_logs() as logs:
            one.source.renew(settings(one, **broken), anew=True)
            produce(kafka, b"0")
            await one.until(lambda: one.records)
        (said,) = [each for each in logs if each["event"] == "kafka.renewal_failed"]
        assert "ssl.ca.location" in said["reason"]
        assert one.assignments.told == ["assigned"]


async def test_another_consumer_joins_where_the_group_still_has_a_member_of_ours(
    kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash, with a ``group.instance.id``: for librdkafka this is the end of the consumer."""
    monkeypatch.setattr(source, "_REJOIN_SECONDS", 0.3)
    taken = KafkaError(KafkaError.UNRELEASED_INSTANCE_ID).str()
    fatal = KafkaError(KafkaError._FATAL, f"Fatal error: {taken}", fatal=True)  # noqa: SLF001  librdkafka's name
    async with member(kafka) as one:
        await one.until(one.assigned)
        before = one.source._consumer  # noqa: SLF001  no edge shows it
        produce(kafka, b"0")
        one.source._known.trouble.note(fatal)  # noqa: SLF001  it comes as a callback or in place of a record
        # Nothing is asked of the consumer that can't go on.
        assert not await one.source.receive(10)
        assert one.source._consumer is before  # noqa: SLF001  as above
        await one.until(lambda: one.records)
        assert one.source._consumer is not before  # noqa: SLF001  as above
        assert one.assignments.told[-1] == "assigned"


async def test_a_password_alone_takes_no_other_consumer(kafka: EmbeddedKafka) -> None:
    async with member(kafka) as one:
        await one.until(one.assigned)
        before = one.source._consumer  # noqa: SLF001  as above
        login = {"sasl.username": "worker", "sasl.password": "topsecret"}
        with capture_logs() as logs:
            one.source.renew(settings(one, **login), anew=False)
            produce(kafka, b"0")
            await one.until(lambda: one.records)
        assert one.source._consumer is before  # noqa: SLF001  as above
        assert one.assignments.told == ["assigned"]
        assert "kafka.login_renewed" in [each["event"] for each in logs]
        assert "topsecret" not in str(logs)


async def test_a_password_that_comes_after_a_certificate_does_not_undo_it(kafka: EmbeddedKafka) -> None:
    """Both may change before the next reception."""
    async with member(kafka) as one:
        await one.until(one.assigned)
        before = one.source._consumer  # noqa: SLF001  as above
        one.source.renew(settings(one), anew=True)
        one.source.renew(settings(one), anew=False)
        await one.until(lambda: one.assignments.told.count("assigned") == 2)
        assert one.source._consumer is not before  # noqa: SLF001  as above
