"""Dead letters come back, on a real Kafka: a mapping was wrong, is fixed, and its letters are replayed."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest
from confluent_kafka import Producer

from tests.support.kafka_topics import QUIET
from tests.support.samples import only_ci
from tests.support.site import PARTITIONS
from tests.support.waiting import until
from worker.core.mapping.event_ids import derived_event_id
from worker.core.model.partition import Partition
from worker.core.model.records import Record
from worker.core.offsets.assignment import Assignment
from worker.local.audit import Produced, audit
from worker.local.traffic import TopicRecord

if TYPE_CHECKING:
    from tests.support.processes import Process
    from tests.support.site import Site

pytestmark = pytest.mark.kafka

WRONG: Final = {"mapping": {"session_id": "visit"}}
SESSIONS: Final = 40
DELIVER_SECONDS: Final = 60.0


def produce_and_dead_letter(site: Site, count: int) -> list[Produced]:
    """Records without ids of their own, all made dead letters by a wrong mapping; the ids that they have."""
    site.open_topic()
    site.put(event(number) for number in range(count))
    dead_letter(site)
    produced = []
    for each in site.kafka.read(site.names.topic):
        partition, offset = each.partition() or 0, each.offset() or 0
        timestamp_ms = each.timestamp()[1]
        record = Record(
            Assignment(Partition(site.names.topic, partition), 1), offset, timestamp_ms, None, b"", ()
        )
        session_id = json.loads(each.value() or b"")["sessionId"]
        produced.append(Produced(session_id, offset, derived_event_id(record)))
    return produced


def event(number: int) -> TopicRecord:
    session_id = f"session-{number % SESSIONS}"
    fields = {"eventType": "view", "itemId": f"item-{number}", "sentAt": int(time.time())}
    return TopicRecord(session_id.encode(), json.dumps(fields | {"sessionId": session_id}).encode())


def dead_letter(site: Site) -> None:
    worker = site.start_worker("wrong", record=WRONG, dead_letters={"hold_after_unmappable": None})
    site.wait_until_committed()
    worker.told_to_end()
    assert worker.exit_code(DELIVER_SECONDS) == 0


def run(site: Site, *words: str, **sections: dict[str, Any]) -> tuple[int, str]:
    """Exit code and output of a ``dead-letters`` command."""
    name = f"{words[0]}-{len(site.commands)}"
    command = site.start_command("dead-letters", *words, name=name, **sections)
    return command.exit_code(DELIVER_SECONDS), command.log.read_text()


def group(site: Site) -> str:
    return f"{site.names.group}.dead-letters.replay.all"


def assert_all_came_back(site: Site, produced: list[Produced]) -> None:
    """Each under the id that it had, in the order of its session."""
    found = audit(produced, site.endpoint.accepted())
    assert (found.lost, found.out_of_order, found.unknown) == ((), (), ())
    assert site.endpoint.summary().max_concurrent_in_session == 1


def test_after_the_mapping_is_fixed_all_come_back_with_the_ids_they_had(site: Site) -> None:
    produced = produce_and_dead_letter(site, 300)
    code, listed = run(site, "list", "--json")
    assert code == 0
    counts = json.loads(listed.splitlines()[-1])
    assert counts["letters"] == 300
    assert [(each["class"], each["letters"]) for each in counts["reasons"]] == [("missing", 300)]
    assert counts["topics"] == {site.names.topic: 300}

    code, rehearsed = run(site, "replay", "--dry-run", record=WRONG)
    assert code == 0
    assert re.search(r"^would fail again +300$", rehearsed, re.MULTILINE)
    assert site.kafka.committed(group(site), site.names.dead_letters) == {}

    code, told = run(site, "replay", "--calls-per-second", "1000")
    assert code == 0, told
    assert_all_came_back(site, produced)
    assert not audit(produced, site.endpoint.accepted()).repeated
    ends = site.kafka.end_offsets(site.names.dead_letters)
    assert site.kafka.committed(group(site), site.names.dead_letters) == ends

    accepted = site.endpoint.summary().accepted_events
    code, told = run(site, "replay")
    assert (code, site.endpoint.summary().accepted_events) == (0, accepted), (
        "a second start has nothing to do"
    )


def test_killed_in_the_middle_it_goes_on_where_it_stopped(site: Site) -> None:
    produced = produce_and_dead_letter(site, 400)
    words = ("dead-letters", "replay", "--calls-per-second", "40", "--wave", "50")
    for turn in range(3):
        replay = site.start_command(*words, name=f"killed-{turn}", kafka={"commit_seconds": 0.2})
        before = site.endpoint.summary().accepted_events
        kill_after(replay, site, before + 70)
        assert_nothing_skipped(site)
    code, told = run(site, "replay", "--wave", "50", "--calls-per-second", "1000")
    assert code == 0, told
    assert_all_came_back(site, produced)
    assert site.kafka.committed(group(site), site.names.dead_letters) == site.kafka.end_offsets(
        site.names.dead_letters
    )


def kill_after(replay: Process, site: Site, events: int) -> None:
    until(lambda: site.endpoint.summary().accepted_events >= events, DELIVER_SECONDS)
    replay.kill()


def assert_nothing_skipped(site: Site) -> None:
    """What is committed lies before the first letter that was not accepted."""
    accepted = site.endpoint.accepted_ids()
    committed = site.kafka.committed(group(site), site.names.dead_letters)
    for each in site.kafka.read(site.names.dead_letters):
        if (each.offset() or 0) < committed.get(each.partition() or 0, 0):
            headers = tuple((name, value) for name, value in each.headers() or ())
            record = Record(Assignment(Partition("", 0), 1), 0, None, None, b"", headers)  # type: ignore[arg-type]  # bytes
            assert derived_event_id(record) in accepted


@only_ci
def test_told_to_end_it_stops_in_good_order(site: Site) -> None:
    produced = produce_and_dead_letter(site, 300)
    slow = ("dead-letters", "replay", "--calls-per-second", "10")
    replay = site.start_command(*slow, name="stopped", shutdown={"drain_seconds": 1})
    until(lambda: site.endpoint.summary().accepted_events >= 20, DELIVER_SECONDS)
    replay.told_to_end()
    assert replay.exit_code(DELIVER_SECONDS) == 1
    assert "continues where this one stopped" in replay.log.read_text()
    assert_nothing_skipped(site)
    code, told = run(site, "replay", "--calls-per-second", "1000")
    assert code == 0, told
    assert_all_came_back(site, produced)


@only_ci
def test_what_dies_again_is_a_letter_again_and_keeps_its_first_place(site: Site) -> None:
    produce_and_dead_letter(site, 20)
    first = site.dead_letters().keys()
    code, told = run(site, "replay", "--calls-per-second", "1000", record=WRONG)
    assert code == 1, told
    assert site.dead_letters().keys() == first
    code, exported = run(site, "export")
    letters = [json.loads(line) for line in exported.splitlines() if line.startswith("{")]
    assert code == 0
    assert Counter(each["replays"] for each in letters) == {0: 20, 1: 20}


def test_markers_of_transactions_and_records_of_others_do_not_stop_a_reader(site: Site) -> None:
    """A partition's last offset may hold no record at all."""
    produce_and_dead_letter(site, 20)
    others = Producer(
        {"bootstrap.servers": site.kafka.bootstrap_servers, "transactional.id": site.names.topic, **QUIET}
    )
    others.init_transactions(30)
    others.begin_transaction()
    for partition in range(PARTITIONS):
        others.produce(site.names.dead_letters, b"no letter", partition=partition)
    others.commit_transaction(30)
    code, told = run(site, "replay")
    assert code == 0, told
    assert re.search(rf"not written by the worker +{PARTITIONS}$", told, re.MULTILINE)
    ends = site.kafka.end_offsets(site.names.dead_letters)
    assert site.kafka.committed(group(site), site.names.dead_letters) == ends


def test_a_topic_that_is_not_there_is_said(site: Site) -> None:
    code, told = run(site, "list", dead_letters={"topic": "no-such-topic"})
    assert code == 1
    assert "dead-letter topic no-such-topic: is not there" in told


@only_ci
def test_nothing_of_the_payload_is_logged_or_shown_unasked(site: Site) -> None:
    site.open_topic()
    site.put([TopicRecord(b"marked-key", b'{"marked-value": 1}')])
    dead_letter(site)
    for words in (("list",), ("show",), ("replay", "--dry-run"), ("replay",)):
        _, told = run(site, *words)
        assert "marked" not in told
    _, told = run(site, "show", "--payload")
    assert "marked-key" in told
    assert "marked-value" in told
