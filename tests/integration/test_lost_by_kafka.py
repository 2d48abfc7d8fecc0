"""Kafka itself loses records, on real brokers: none that still stands is lost with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.commits import ahead_of_the_truth, read_commits
from tests.support.crash_test_records import make_records
from tests.support.evidence import gather
from tests.support.feed import Feed
from tests.support.losses import UNCLEAN, Losses, UncleanElection, delete_to_the_end
from tests.support.processes import DoorsProcess
from tests.support.samples import named_at_a_desk_and_in_ci, sample
from tests.support.site import CLIENT, Names, Site
from tests.support.waiting import until
from worker.local.traffic import POISON_ITEM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from tests.support.java_kafka import JavaKafka
    from tests.support.processes import WorkerProcess

pytestmark = [pytest.mark.kafka, pytest.mark.long]

PROTOCOLS: dict[str, dict[str, Any]] = {
    "cooperative": CLIENT,
    "consumer": {"group.protocol": "consumer"},
    # Not the default of the worker, and in the consumer's contract in any case.
    **sample({}, {"eager": CLIENT | {"partition.assignment.strategy": "range"}}),
}
BROKERS = {1, 2, 3}
SOON_SECONDS = 60.0
ALL, STANDS, CUT = 2_000, 1_000, 1_400
TAKEN = 300
protocols = pytest.mark.parametrize("client", named_at_a_desk_and_in_ci(PROTOCOLS))


class Losing:
    """A topic of one partition whose log can be cut, and what was put on it."""

    def __init__(self, kafka: JavaKafka, names: Names, folder: Path) -> None:
        self.kafka, self.names, self.folder = kafka, names, folder
        self.doors = DoorsProcess(folder / "doors.log", 2, {"poison": POISON_ITEM}, seed=1)
        self.site = Site(kafka, names, folder, self.doors)
        self.losses = Losses()
        self.feed = Feed(kafka, names.topic, make_records(1, ALL))

    def open_topic(self) -> None:
        """At two brokers; the third leads the group, which is to notice nothing of an election."""
        leader, follower = BROKERS - {self.kafka.coordinator(self.names.group)}
        self.kafka.create_topic(self.names.topic, 1, UNCLEAN, kept_by=(leader, follower))
        self.election = UncleanElection(self.kafka, self.names.topic, [0], leader, follower)
        self.election.wait_until_both_keep()

    def start_worker(
        self,
        client: dict[str, Any],
        name: str = "worker",
        program: tuple[str, ...] = ("worker",),
        **limits: int,
    ) -> WorkerProcess:
        return self.site.start_worker(
            name,
            program=program,
            kafka={"client": client},
            personalize={"endpoint_url": self.doors.doors[0], "requests_per_second": 2000},
            limits=limits,
        )

    def put_to(self, records: int) -> None:
        self.feed.put_until(records / ALL)

    def cut(self) -> None:
        """What was put since the follower was left behind is gone, or all but the first of it."""
        with self.feed.standing_still():
            self.losses.cuts.extend(self.election.elect())
            self.election.end()

    def assert_kept(self) -> None:
        """Nothing that stands is lost, and no commit ever passed it."""
        evidence = gather(self.site, self.doors, self.feed, self.losses)
        broken = evidence.figures(kills=0, seconds=1).broken_promises()
        assert broken == [], broken
        commits = read_commits(self.kafka, self.names.group, self.names.topic)
        assert commits
        assert ahead_of_the_truth(commits, evidence) == []


@pytest.fixture
def losing(brokers: JavaKafka, names: Names, tmp_path: Path) -> Iterator[Losing]:
    losing = Losing(brokers, names, tmp_path)
    with losing.site:
        yield losing
        for node in BROKERS:
            brokers.thaw(node)


def received(worker: WorkerProcess) -> float:
    return worker.metric("personalize_worker_records_received_total")


@protocols
def test_what_is_held_while_the_log_is_cut_is_delivered(losing: Losing, client: dict[str, Any]) -> None:
    """1,000 records that stand, and 400 that Kafka lost: the API was away all the time."""
    losing.open_topic()
    losing.doors.set_faults(fail=1.0)
    worker = losing.start_worker(client)
    losing.put_to(STANDS)
    losing.election.leave_behind()
    losing.put_to(CUT)
    until(lambda: received(worker) == CUT, SOON_SECONDS, what="all being held")
    losing.cut()
    (cut,) = losing.losses.cuts
    losing.put_to(ALL)
    until(lambda: received(worker) >= ALL, SOON_SECONDS, what="what was put since being held")
    # What is read again may be counted before it is told why.
    told = until(lambda: worker.events("kafka.log_cut"), SOON_SECONDS, what="the cut being told")[0]
    assert told["read_to_offset"] == CUT
    # Where the fetch comes before the question where the cut is, librdkafka goes back to the earliest record.
    assert told["goes_on_at_offset"] in {cut.offset, 0}
    losing.doors.set_faults(fail=0.0)
    losing.site.wait_until_committed()
    losing.assert_kept()


@protocols
def test_what_was_fetched_ahead_from_below_a_cut_is_delivered(losing: Losing, client: dict[str, Any]) -> None:
    """librdkafka had all, had handed over 300, and threw away the rest: 700 of those stand."""
    losing.open_topic()
    valve = losing.folder / "valve"
    program = ("tests.support.valve", str(valve), str(TAKEN))
    losing.put_to(STANDS)
    worker = losing.start_worker(client, program=program)
    until(lambda: received(worker) == TAKEN, SOON_SECONDS, what="the first being received")
    losing.election.leave_behind()
    losing.put_to(CUT)
    losing.cut()
    losing.put_to(ALL)
    valve.touch()
    losing.site.wait_until_committed()
    losing.assert_kept()


def test_retention_that_overtakes_a_paused_worker_takes_nothing_that_it_holds(losing: Losing) -> None:
    """What it holds is delivered; what was deleted before it was read is lost by Kafka, no more is."""
    losing.open_topic()
    losing.doors.set_faults(fail=1.0)
    worker = losing.start_worker(CLIENT, max_unsettled_records=TAKEN)
    losing.put_to(STANDS)
    until(lambda: worker.events("intake.paused"), SOON_SECONDS, what="a pause")
    held = received(worker)
    losing.losses.deletions.extend(delete_to_the_end(losing.kafka, losing.names.topic, [0]))
    losing.put_to(ALL)
    losing.doors.set_faults(fail=0.0)
    losing.site.wait_until_committed()
    losing.assert_kept()
    assert received(worker) == held + ALL - STANDS
