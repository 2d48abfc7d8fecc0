"""Marked values and secrets through every path: they come out at the API and in the dead letters only.

"Found" is found in any writing (``marks.py``), whole or in pieces; "out" is all that a process of the worker
prints, serves, leaves in files or is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import KafkaError

from tests.security.echo_endpoint import ANSWERS
from tests.security.environment import Environment
from tests.security.marked_records import KINDS, good, unmappable
from tests.security.marks import Marks
from tests.support.samples import only_ci
from tests.support.waiting import until
from worker.local.kafka import Api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.security.marked_records import MarkedRecord
    from tests.security.watched import Watched

SOON_SECONDS = 60
# What /ready says while an answer of this kind is all that comes.
SAYS = {
    "fail": "no call accepted",
    "misconfigured": "InvalidSignatureException",
    "redirect": "Http301",
}
BY_PROXY = {"endpoint_url": "http://put-events.invalid", "plain_http": True}


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    with Environment(Marks(), tmp_path) as environment:
        yield environment


def assert_nothing_came_out(worker: Watched, searched: set[str], where: str = "") -> None:
    """Search all of it; the paths count."""
    assert worker.found() == {}
    searched |= {f"{where}{path}" for path in worker.out}


@pytest.mark.parametrize(
    ("log", "is_proxied"),
    [
        ({"level": "debug", "format": "json", "sample_every": 1}, False),
        pytest.param({"level": "info", "format": "console"}, True, marks=only_ci),
    ],
)
def test_what_records_hold_comes_out_at_the_api_and_in_the_dead_letters_only(
    environment: Environment, searched: set[str], log: dict[str, Any], *, is_proxied: bool
) -> None:
    """Every reason why a record can't be mapped, every kind of answer, and an end with things unfinished."""
    marks, echo = environment.marks, environment.echo
    proxy = echo.url.replace("http://", f"http://{marks.text('proxy user')}:{marks.text('proxy password')}@")
    environ = {"HTTP_PROXY": proxy, "NO_PROXY": ""} if is_proxied else {}
    more: dict[str, Any] = {"personalize": BY_PROXY} if is_proxied else {}
    worker = environment.start(environ=environ, log=log, **more)
    records = unmappable(marks)
    echo.poison = marks.text("poison")
    records["refused"] = good(marks, "refused alone", itemId=echo.poison)
    environment.put(records.values())
    for mode in ANSWERS:
        answer(environment, worker, mode)
    echo.mode = "fail"
    environment.put([good(marks, "unfinished")])
    until(lambda: len(echo.heard["fail"]) > 1, SOON_SECONDS, what="a call")
    assert worker.end() == 0

    letters = environment.dead_letters()
    assert letters.keys() == records.keys() == {*KINDS, "refused"}
    assert_all_arrived(environment, records, letters)
    assert_nothing_came_out(worker, searched)
    searched |= {f"record that is {kind}" for kind in letters} | {f"answer: {mode}" for mode in ANSWERS}
    sampled = {"record.sampled", "call.sampled"}
    assert {each for each in sampled if each in worker.said()} == (
        sampled if "sample_every" in log else set()
    )
    searched |= {"ended with things unfinished", f"log: {log['format']}, {log['level']}"}
    searched |= {"through a proxy with a login"} if is_proxied else {"librdkafka's debug: all"}


def answer(environment: Environment, worker: Watched, mode: str) -> None:
    """Have it get this kind of answer, look at all that it shows, and let it recover."""
    environment.echo.mode = mode
    environment.put([good(environment.marks, mode)])
    until(lambda: environment.echo.heard[mode], SOON_SECONDS, what=f"a call while {mode}")
    if mode in SAYS:
        worker.wait_until_page("/ready", SAYS[mode])
    worker.look(f"answer: {mode}")
    environment.echo.mode = "accept"
    worker.wait_until_page("/metrics", "personalize_worker_unsettled_records 0.0")
    worker.wait_until_page("/ready", '"ready":true')


def assert_all_arrived(
    environment: Environment, records: dict[str, MarkedRecord], letters: dict[str, bytes]
) -> None:
    """What is found nowhere at all might never have been there."""
    heard = environment.marks.found_in(b"".join(b"".join(each) for each in environment.echo.heard.values()))
    for mode in ANSWERS:
        given = {each.name for each in environment.marks.all if each.name.startswith(f"{mode}: ")}
        assert {name for name in given if "key" not in name and "header" not in name} <= heard
    for kind, record in records.items():
        assert environment.marks.found_in(record.all()) <= environment.marks.found_in(letters[kind]), kind


def test_a_dead_letter_topic_that_can_not_be_written_tells_nothing_of_the_record(
    environment: Environment, searched: set[str]
) -> None:
    environment.put(unmappable(environment.marks).values())
    environment.kafka.fail_next(Api.PRODUCE, *[KafkaError.TOPIC_AUTHORIZATION_FAILED] * 1000)
    worker = environment.start()
    worker.wait_until_page("/ready", "dead-letter topic")
    worker.look("dead letters unwritable")
    environment.kafka.stop_failing(Api.PRODUCE)
    worker.wait_until_page("/ready", '"ready":true')
    assert worker.end() == 0
    assert_nothing_came_out(worker, searched)


def test_brokers_that_go_away_tell_no_secret(environment: Environment, searched: set[str]) -> None:
    environment.kafka.stop_brokers()
    worker = environment.start()
    worker.wait_until_page("/ready", "kafka: ")
    worker.look("brokers away")
    assert worker.end() == 0
    assert_nothing_came_out(worker, searched)
