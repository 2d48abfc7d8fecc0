"""What an operator gets wrong: it is said with what to do, nothing is lost by it, and the log stays clean."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.java_kafka import free_port
from tests.support.samples import only_ci
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.processes import WorkerProcess
    from tests.support.site import Site

pytestmark = pytest.mark.kafka

SOON_SECONDS = 30
# Once told to end: the drain, and five seconds for the last commit.
DRAIN_SECONDS = 1
END_SECONDS = DRAIN_SECONDS + 10
SECRET = "nobody-may-see-this"  # noqa: S105  made up; it is what the log is searched for


def wait_until_unready(worker: WorkerProcess, *because: str) -> None:
    """Return once the worker's page says that it is not ready, in all these words."""

    def unready() -> bool:
        ready, said = worker.ready()
        return not ready and all(word in said for word in because)

    until(unready, SOON_SECONDS, what=f"unready for {because}")


def assert_quiet(worker: WorkerProcess, site: Site) -> None:
    """Nothing but JSON lines, not many of them, and nobody's data or secret among them."""
    lines = worker.log.read_text().splitlines()
    assert len(lines) == len(worker.lines()) < 25
    words = {SECRET, *(each.session_id for each in site.produced), *(each.event_id for each in site.produced)}
    assert not [word for word in words if any(word in line for line in lines)]


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("kafka", "topcs", ["views"], "did you mean kafka.topics?"),
        ("batching", "linger_seconds", "soon", "must be a number from 0 to 300"),
        ("personalize", "region", "mars", "must be a region's name"),
        ("personalize", "region", "xx-west-1", "'xx-west-1' is not an AWS region"),
        ("dead_letters", "topic", "not.there", "--create --topic not.there --partitions 4"),
    ],
)
def test_a_wrong_setting_ends_with_2_and_says_what_to_do(
    site: Site, section: str, key: str, value: object, said: str
) -> None:
    site.open_topic()
    wrong: dict[str, Any] = {section: {key: value}}
    if value == "xx-west-1":
        wrong["personalize"]["endpoint_url"] = None
    worker = site.start_worker(**wrong)
    assert worker.exit_code(SOON_SECONDS) == 2
    assert said in worker.log.read_text()


def test_missing_credentials_are_a_hold_until_there_are_some(site: Site) -> None:
    """In the file where the worker looks for them, while it runs."""
    site.open_topic()
    site.produce(300)
    (site.folder / "credentials").unlink()
    worker = site.start_worker()
    wait_until_unready(worker, "held", "NoCredentials", "role")
    assert site.endpoint.summary().calls == 0
    site.set_secret("local")
    site.wait_until_committed()
    site.assert_kept()
    assert_quiet(worker, site)


def test_sigterm_while_held_ends_at_once_and_commits_nothing_undelivered(site: Site) -> None:
    site.open_topic()
    site.produce(300)
    site.set_secret(SECRET)
    worker = site.start_worker()
    wait_until_unready(worker, "held", "InvalidSignatureException", "secret key")
    worker.told_to_end()
    assert worker.exit_code(END_SECONDS) == 0
    assert_quiet(worker, site)
    site.set_secret("local")
    site.start_worker("successor")
    site.wait_until_committed()
    site.assert_kept()


@only_ci
def test_what_is_wrong_now_is_what_the_worker_says(site: Site) -> None:
    """The secret is put right, and the role turns out to lack the permission."""
    site.open_topic()
    site.produce(100)
    site.set_secret(SECRET)
    worker = site.start_worker()
    wait_until_unready(worker, "InvalidSignatureException")
    site.endpoint.set_faults(refuse="AccessDeniedException")
    site.set_secret("local")
    wait_until_unready(worker, "AccessDeniedException", "PutEvents")


def test_a_wrong_unit_of_time_costs_a_hundred_records_and_the_right_one_delivers_the_rest(site: Site) -> None:
    site.open_topic()
    site.produce(2000)
    wrong = {"mapping": {"sent_at": {"path": "sentAt", "unit": "milliseconds"}}}
    worker = site.start_worker(record=wrong)
    wait_until_unready(worker, "unmappable", site.names.topic, "out_of_range", "record.mapping")
    until(lambda: len(site.dead_letters()) >= 100, SOON_SECONDS, what="the dead letters")
    worker.told_to_end()
    assert worker.exit_code(END_SECONDS) == 0
    assert len(site.dead_letters()) == 100
    assert_quiet(worker, site)
    site.start_worker("successor")
    site.wait_until_committed()
    site.assert_kept()


@only_ci
def test_an_api_that_is_away_is_said(site: Site) -> None:
    """A mistyped region, a blocked way out, an outage: each looks like this from within."""
    site.open_topic()
    site.produce(100)
    closed = f"http://127.0.0.1:{free_port()}"
    worker = site.start_worker(personalize={"endpoint_url": closed})
    wait_until_unready(worker, "ConnectionFailed")


@only_ci
def test_sigterm_while_the_api_is_away_ends_within_the_drain(site: Site) -> None:
    site.open_topic()
    site.produce(300)
    site.endpoint.set_faults(fail=1)
    worker = site.start_worker(shutdown={"drain_seconds": DRAIN_SECONDS})
    until(lambda: site.endpoint.summary().calls > 0, SOON_SECONDS, what="a call")
    worker.told_to_end()
    assert worker.exit_code(END_SECONDS) == 0
    # Its broken records and its tombstones may be settled; what was to be delivered is not.
    assert sum(site.committed().values()) < 300
    site.endpoint.set_faults(fail=0)
    site.start_worker("successor")
    site.wait_until_committed()
    site.assert_kept()


def test_sigterm_while_the_keys_are_still_on_their_way_ends_at_once(site: Site) -> None:
    """It does not wait for whoever gives them, and never joins the group."""
    site.open_topic()
    (site.folder / "credentials").write_text("[default]\ncredential_process = sleep 40\n")
    worker = site.start_worker()
    until(lambda: worker.events("admin.listening"), SOON_SECONDS, what="the start")
    worker.told_to_end()
    assert worker.exit_code(END_SECONDS) == 0
    assert not worker.events("group.rebalanced")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(site: Site, number: signal.Signals) -> None:
    """Nothing is lost by it: what was not committed is the next worker's."""
    site.open_topic()
    site.produce(300)
    site.endpoint.set_faults(fail=1)
    worker = site.start_worker()
    until(lambda: site.endpoint.summary().calls > 0, SOON_SECONDS, what="a call")
    worker.process.send_signal(number)
    until(lambda: worker.events("drain.began"), SOON_SECONDS, what="the drain")
    worker.process.send_signal(number)
    assert worker.exit_code(2) == 128 + number


def test_a_broker_that_is_away_at_the_start_is_named(site: Site) -> None:
    closed = f"127.0.0.1:{free_port()}"
    worker = site.start_worker(kafka={"bootstrap_servers": closed})
    wait_until_unready(worker, closed, "Connection refused")


def test_a_worker_that_waits_for_a_broker_ends_when_told_to(site: Site) -> None:
    worker = site.start_worker(kafka={"bootstrap_servers": f"127.0.0.1:{free_port()}"})
    wait_until_unready(worker, "kafka: ")
    worker.told_to_end()
    assert worker.exit_code(END_SECONDS + 5) == 0
    assert_quiet(worker, site)
