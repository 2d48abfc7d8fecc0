"""What is wrong outside costs nothing: the worker waits, says why, and goes on by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.waiting import until
from worker.local.traffic import POISON_ITEM

if TYPE_CHECKING:
    from tests.support.processes import WorkerProcess
    from tests.support.site import Site

pytestmark = pytest.mark.kafka

SOON_SECONDS = 30


def wait_until_unready(worker: WorkerProcess, because: str) -> None:
    """Return once the worker's page says that it is not ready, and why."""

    def unready() -> bool:
        ready, said = worker.ready()
        return not ready and because in said

    until(unready, SOON_SECONDS, what=f"unready for {because!r}")


def test_a_topic_that_comes_later_is_read(site: Site) -> None:
    """Until then the worker is unready and names it."""
    worker = site.start_worker()
    wait_until_unready(worker, site.names.topic)
    site.open_topic()
    site.produce(200)
    site.wait_until_committed()
    assert worker.ready()[0]
    site.assert_kept()


def test_a_wrong_secret_is_a_hold_until_it_is_fixed(site: Site) -> None:
    """In the credentials file, while the worker runs: no record is lost, none is a dead letter by it."""
    site.open_topic()
    traffic = site.produce(500)
    site.set_secret("wrong")
    worker = site.start_worker()
    wait_until_unready(worker, "held")
    assert site.endpoint.summary().accepted_calls == 0
    site.set_secret("local")
    site.wait_until_committed()
    assert set(site.dead_letters().values()) == traffic.unfit
    site.assert_kept()


def test_a_deleted_tracker_empties_no_topic(site: Site) -> None:
    """Every call is refused, as if for its content: held after 20 dead letters at most."""
    site.open_topic()
    traffic = site.produce(500)
    site.endpoint.set_faults(tracking_id="another", unknown_tracker="InvalidInputException")
    worker = site.start_worker()
    wait_until_unready(worker, "held")
    assert len(set(site.dead_letters().values()) - traffic.unfit) <= 20
    site.endpoint.set_faults(tracking_id=None)
    site.wait_until_committed()
    assert len(set(site.dead_letters().values()) - traffic.unfit) <= 20
    site.assert_kept()


def test_one_poison_event_costs_one_record(site: Site) -> None:
    """Its call is halved until it stands alone: one dead letter, the others are delivered."""
    site.open_topic()
    traffic = site.produce(500)
    site.endpoint.set_faults(poison=POISON_ITEM)
    site.start_worker()
    site.wait_until_committed()
    assert set(site.dead_letters().values()) == {traffic.poison_value, *traffic.unfit}
    site.assert_kept()
    assert traffic.poison_id not in site.endpoint.accepted_ids()


def test_a_dead_letter_topic_that_goes_away_is_a_hold(site: Site) -> None:
    """Never a drop: what could not be written is written once the topic is back."""
    site.open_topic()
    worker = site.start_worker()
    worker.wait_until_ready()
    site.kafka.delete_topic(site.names.dead_letters)
    traffic = site.produce(300)
    wait_until_unready(worker, "dead-letter topic")
    site.kafka.create_topic(site.names.dead_letters, 4)
    site.wait_until_committed()
    assert set(site.dead_letters().values()) == traffic.unfit
    site.assert_kept()
