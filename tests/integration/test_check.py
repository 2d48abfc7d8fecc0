"""``check --sample`` on a real Kafka: it looks, and nobody notices."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer

from tests.integration.conftest import speaks_kip_848
from tests.support.kafka_topics import QUIET
from tests.support.site import CLIENT

if TYPE_CHECKING:
    from tests.support.site import Site

pytestmark = pytest.mark.kafka

GOOD = b'{"eventType":"view","sentAt":1700000000,"sessionId":"s","userId":"u","itemId":"i"}'


def sample(site: Site, records: int, **sections: dict[str, Any]) -> str:
    """What it says of the topic."""
    command = site.start_command("check", "--sample", str(records), name=f"check-{records}", **sections)
    assert command.process.wait(60) == 0
    summary, *_ = re.findall(rf"sample of {site.names.topic}: (\d.*)", command.log.read_text())
    return str(summary)


@pytest.mark.parametrize("client", [CLIENT, {"group.protocol": "consumer"}], ids=["classic", "kip-848"])
def test_a_sample_joins_no_group_commits_nothing_and_makes_no_call(
    site: Site, client: dict[str, object]
) -> None:
    site.open_topic()
    site.produce(200)
    assert "of the 50 newest records map" in sample(site, 50, kafka={"client": client})
    groups = site.kafka.admin.list_consumer_groups().result(20).valid
    assert site.names.group not in {each.group_id for each in groups}
    assert site.committed() == {}
    assert site.endpoint.summary().calls == 0


def test_the_offsets_of_a_group_that_is_there_stay_where_they_are(site: Site) -> None:
    site.open_topic()
    site.produce(200)
    worker = site.start_worker()
    site.wait_until_committed()
    worker.told_to_end()
    assert worker.process.wait(30) == 0
    before = site.committed()
    site.produce(100, seed=2)
    assert "of the 50 newest records map" in sample(site, 50)
    assert site.committed() == before


def test_transactions_that_were_aborted_or_are_under_way_are_not_waited_for(site: Site) -> None:
    """Their records come to nobody, and what ends them takes an offset too."""
    site.open_topic(partitions=1)
    settings = {"bootstrap.servers": site.kafka.bootstrap_servers, "transactional.id": site.names.topic}
    producer = Producer({**settings, **QUIET})
    producer.init_transactions(20)
    for ends in (producer.commit_transaction, producer.abort_transaction, None):
        producer.begin_transaction()
        for _ in range(10):
            producer.produce(site.names.topic, GOOD)
        producer.flush(20)
        if ends is not None:
            ends(20)
    began = time.monotonic()
    # The ten that were aborted are among the newest 22 offsets, as are the marks of two ends.
    assert sample(site, 22).startswith("10 of the 10 newest records map (10 with user_id, 10 with item_id)")
    assert time.monotonic() - began < 10
    producer.abort_transaction(20)


def test_a_compacted_dead_letter_topic_fails_until_it_is_not(site: Site) -> None:
    site.open_topic()
    said = {}
    for policy, code in (("compact", 1), ("delete", 0)):
        site.kafka.set_topic_config(site.names.dead_letters, "cleanup.policy", policy)
        command = site.start_command("check", name=f"check-{policy}")
        assert command.process.wait(60) == code
        (said[policy],) = re.findall(r"(\w+ +kafka dead letters .*)", command.log.read_text())
    assert said["compact"].startswith("FAIL")
    assert "--add-config cleanup.policy=delete" in said["compact"]
    assert said["delete"] == (
        f"ok    kafka dead letters {site.names.dead_letters}: 4 partitions, cleanup.policy=delete"
    )


def test_a_group_protocol_that_the_brokers_do_not_speak_fails(site: Site) -> None:
    """Where they don't, librdkafka waits for ever and says nothing."""
    site.open_topic()
    command = site.start_command("check", name="check", kafka={"client": {"group.protocol": "consumer"}})
    code = command.process.wait(60)
    (line,) = (each for each in command.log.read_text().splitlines() if "kafka group.protocol" in each)
    if speaks_kip_848():
        assert (code, line) == (0, "ok    kafka group.protocol: the brokers speak it")
    else:
        assert code == 1
        assert line.startswith("FAIL  kafka group.protocol: ")
        assert "needs brokers of Apache Kafka 4.0 or newer; leave it out" in line
