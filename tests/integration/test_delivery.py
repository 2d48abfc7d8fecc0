"""The worker as a process, on a real Kafka: all is delivered, in order, and committed, whatever happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.site import CLIENT, PARTITIONS

if TYPE_CHECKING:
    from tests.support.site import Site

pytestmark = pytest.mark.kafka

FAULTS = {"throttle": 0.005, "fail": 0.04, "reset": 0.02, "lose": 0.02, "answer_seconds": 0.02}


@pytest.mark.parametrize("client", [CLIENT, {"group.protocol": "consumer"}], ids=["classic", "kip-848"])
def test_everything_is_delivered(site: Site, client: dict[str, Any]) -> None:
    """With both group protocols, through an endpoint that throttles, fails and loses answers."""
    site.open_topic()
    traffic = site.produce(4000)
    site.endpoint.set_faults(**FAULTS)
    site.start_worker(kafka={"client": client})
    site.wait_until_committed()
    site.assert_kept()
    assert set(site.dead_letters().values()) == traffic.unfit
    assert site.endpoint.summary().max_concurrent_in_session == 1


def test_a_killed_worker_is_resumed(site: Site) -> None:
    """What it had not committed is delivered again, under the same event ids."""
    site.open_topic()
    site.endpoint.set_faults(**FAULTS)
    site.produce(6000)
    victim = site.start_worker("victim")
    site.wait_until_accepted(1500)
    victim.kill()
    assert site.committed() != site.kafka.end_offsets(site.names.topic)
    site.start_worker("successor")
    site.wait_until_committed()
    site.assert_kept()


def test_members_come_and_go_under_load(site: Site) -> None:
    """A second worker joins, the first leaves: the partitions move, and nothing is lost or overtaken."""
    site.open_topic()
    site.endpoint.set_faults(**FAULTS)
    site.produce(4000, seed=1)
    first = site.start_worker("first")
    site.wait_until_accepted(1000)
    second = site.start_worker("second")
    site.produce(4000, seed=2)
    second.wait_until_ready()
    site.produce(4000, seed=3)
    first.told_to_end()
    assert first.exit_code(25) == 0
    site.wait_until_committed()
    site.assert_kept()


def test_sigterm_delivers_and_commits_what_was_received(site: Site) -> None:
    """Exit code 0, and who comes next repeats nothing."""
    site.open_topic()
    site.endpoint.set_faults(answer_seconds=0.2)
    site.produce(4000)
    first = site.start_worker("first", limits={"max_unsettled_records": 500})
    site.wait_until_accepted(500)
    first.told_to_end()
    assert first.exit_code(25) == 0
    committed = site.committed()
    assert {each: committed.get(each, 0) for each in range(PARTITIONS)} == site.first_unsettled()
    site.endpoint.set_faults(answer_seconds=0)
    site.start_worker("second")
    site.wait_until_committed()
    assert site.audit().repeated == ()
    site.assert_kept()
