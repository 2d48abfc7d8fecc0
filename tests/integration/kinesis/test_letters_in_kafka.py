"""Dead letters of a stream in a topic of Kafka: there before their records are done, and brought back."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.exceptions import ClientError

from tests.integration.kinesis.test_letters import (
    SECONDS,
    WRONG,
    assert_all_came_back,
    dead_letter,
    exported,
    kill_after,
    listed,
    run,
)
from tests.support.kinesis_site import KinesisSite
from tests.support.kinesis_standin import StandIn
from tests.support.samples import only_long
from tests.support.waiting import until
from worker.local.kafka import EmbeddedKafka

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import WorkerProcess

pytestmark = pytest.mark.slow

PARTITIONS: Final = 3


class LettersInKafka(KinesisSite):
    """The stand-in for Kinesis and DynamoDB, and a Kafka in this process for the letters.

    Args:
        folder: for logs and configurations.
        url: where the stand-in is.
        kafka: where the letters go.
    """

    def __init__(self, folder: Path, url: str, kafka: EmbeddedKafka) -> None:
        self.kafka = kafka
        self.topic = f"letters-{uuid.uuid4().hex[:12]}"
        kafka.create_topic(self.topic, PARTITIONS)
        super().__init__(folder, url, url, shards=2)

    def settings(self, **sections: dict[str, Any]) -> dict[str, Any]:
        """Return a configuration whose letters go to the topic."""
        own: dict[str, dict[str, Any]] = {
            "kafka": {"bootstrap_servers": self.kafka.bootstrap_servers},
            "dead_letters": {"stream": None, "topic": self.topic},
        }
        merged = own | {name: {**own.get(name, {}), **section} for name, section in sections.items()}
        return super().settings(**merged)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[LettersInKafka]:
    """A site of this test alone."""
    stand_in = StandIn(tmp_path / "stand-in.log")
    try:
        with EmbeddedKafka({}) as kafka, LettersInKafka(tmp_path, stand_in.url, kafka) as site:
            yield site
    finally:
        stand_in.kill()


def is_checkpointed(site: LettersInKafka) -> bool:
    """Whether any record of the stream counts as done; without a table none does."""
    try:
        return any(row["checkpoint"] != "TRIM_HORIZON" for row in site.rows().values())
    except site.dynamodb.exceptions.ResourceNotFoundException:
        return False


def start_wrong(site: LettersInKafka) -> WorkerProcess:
    return site.start_worker("wrong", record=WRONG, dead_letters={"hold_after_unmappable": None})


def test_they_are_listed_and_come_back_once_the_mapping_is_right(site: LettersInKafka) -> None:
    dead_letter(site, 60)
    counts = listed(site)
    assert (counts["topic"], counts["letters"], counts["topics"]) == (site.topic, 60, {site.stream: 60})
    code, told = run(site, "replay", "--calls-per-second", "1000")
    assert code == 0, told
    assert_all_came_back(site)
    assert not site.audit().repeated


@only_long
def test_they_are_shown_chosen_exported_and_not_replayed_twice(site: LettersInKafka) -> None:
    dead_letter(site, 30)
    code, shown = run(site, "show", "--limit", "30")
    assert code == 0, shown
    places = re.findall(r"^letter +(\d:\d+)$", shown, re.MULTILINE)
    assert len(set(places)) == 30
    original = re.search(rf"^original +{site.stream}\[(\d)\]@(\d{{56}}), ", shown, re.MULTILINE)
    assert original is not None, "the record's place is its sequence number, all of it"
    lines = exported(site, "--letter", places[3], "--letter", places[4])
    letters = [f"{each['letter']['partition']}:{each['letter']['offset']}" for each in lines]
    assert sorted(letters) == sorted(places[3:5])
    assert json.loads(lines[0]["value"])["eventType"] == "view"
    number, sequence = original.groups()
    assert listed(site, "--partition", number, "--offsets", f"{sequence}..{sequence}")["letters"] == 1
    code, rehearsed = run(site, "replay", "--dry-run", record=WRONG)
    assert (code, bool(re.search(r"^would fail again +30$", rehearsed, re.MULTILINE))) == (0, True)
    code, told = run(site, "replay", "--calls-per-second", "1000", record=WRONG)
    assert (code, bool(re.search(r"^failed again +30$", told, re.MULTILINE))) == (1, True)
    assert listed(site)["letters"] == 60
    code, told = run(site, "replay", "--calls-per-second", "1000", "--from-start")
    assert code == 0, told
    assert_all_came_back(site)
    assert not site.audit().repeated, "of two letters of a record the later one counts"
    code, told = run(site, "replay")
    assert (code, site.endpoint.summary().accepted_events) == (0, 30)


@only_long
def test_a_replay_that_is_killed_goes_on_where_it_stopped(site: LettersInKafka) -> None:
    dead_letter(site, 300)
    replay = site.start_command("dead-letters", "replay", "--calls-per-second", "60", "--wave", "50")
    kill_after(replay, site, 100)
    code, told = run(site, "replay", "--wave", "50", "--calls-per-second", "1000")
    assert code == 0, told
    found = site.audit()
    assert (found.lost, found.unknown) == ((), ())
    assert len(found.repeated) <= 50


@only_long
def test_while_kafka_is_away_no_record_counts_as_done_and_afterwards_all_does_by_itself(
    site: LettersInKafka,
) -> None:
    worker = start_wrong(site)
    worker.wait_until_ready()
    site.kafka.stop_brokers()
    site.ledger.put(site.stream, 50)
    until(lambda: "dead_letters" in worker.ready()[1], SECONDS, what="the hold being told")
    assert not is_checkpointed(site)
    assert len(worker.events("lease.lost")) == 0, "leases are kept meanwhile"
    site.kafka.start_brokers()
    until(lambda: site.rows() and not site.unfinished(), SECONDS, forgiving=ClientError)
    worker.wait_until_ready()
    worker.told_to_end()
    assert worker.exit_code(SECONDS) == 0
    site.watch.stop()
    assert listed(site)["letters"] == 50
    code, told = run(site, "replay", "--calls-per-second", "1000")
    assert code == 0, told
    assert_all_came_back(site)


@only_long
def test_a_worker_that_is_killed_while_kafka_is_away_leaves_all_to_the_next(site: LettersInKafka) -> None:
    worker = start_wrong(site)
    worker.wait_until_ready()
    site.kafka.stop_brokers()
    site.ledger.put(site.stream, 50)
    until(lambda: "dead_letters" in worker.ready()[1], SECONDS, what="the hold being told")
    worker.kill()
    assert not is_checkpointed(site)
    site.kafka.start_brokers()
    dead_letter(site, 10)
    assert listed(site)["letters"] == 60
    code, told = run(site, "replay", "--calls-per-second", "1000")
    assert code == 0, told
    assert_all_came_back(site)


@only_long
def test_kafka_away_at_the_start_is_waited_for(site: LettersInKafka) -> None:
    site.kafka.stop_brokers()
    site.ledger.put(site.stream, 20)
    worker = start_wrong(site)
    until(lambda: not worker.ready()[0], SECONDS, forgiving=OSError, what="not being ready")
    assert not is_checkpointed(site)
    site.kafka.start_brokers()
    until(lambda: site.rows() and not site.unfinished(), SECONDS, forgiving=ClientError)
    worker.told_to_end()
    assert worker.exit_code(SECONDS) == 0
    site.watch.stop()
    assert listed(site)["letters"] == 20
