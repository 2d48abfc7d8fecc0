"""Workers under load, one at a Kafka and one at a stand-in for Kinesis, scraped by a real Prometheus."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from tests.alerts.rules import rules_text, tool
from tests.support.kinesis_site import KinesisSite
from tests.support.kinesis_standin import StandIn
from tests.support.processes import START_SECONDS, EndpointProcess, WorkerProcess, ask
from tests.support.prometheus import Prometheus
from tests.support.waiting import until
from worker.local.demo import worker_settings
from worker.local.kafka import EmbeddedKafka
from worker.local.topics import TopicFeed
from worker.local.traffic import POISON_ITEM, TopicRecord, make_traffic
from worker.local.venue import DEAD_LETTERS, NAME, kafka_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECORDS_PER_SECOND = 200
SECONDS = 120
SCRAPES_SECONDS = 60.0
# Some of what can happen to a call, so that there is something to be seen of it.
FAULTS = {"throttle": 0.05, "fail": 0.05, "poison": POISON_ITEM, "answer_seconds": 0.02}
UNFIT = TopicRecord(b"unfit", b"{")
KEYS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Watched(Struct, frozen=True):
    """What the tests look at."""

    prometheus: Prometheus
    endpoint: EndpointProcess
    """Of the worker at Kafka."""
    labels: dict[str, dict[str, set[str]]]
    """By the name of a metric's samples: its labels, and the values of each."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Both workers have been scraped twice, under load, and all rules evaluated."""
    program, folder = tool("prometheus"), tmp_path_factory.mktemp("watched")
    with ExitStack() as stack:
        endpoint = EndpointProcess(folder / "endpoint.log")
        stack.callback(endpoint.kill)
        workers = {
            "kafka": stack.enter_context(_at_kafka(folder, endpoint)),
            "kinesis": stack.enter_context(_at_kinesis(folder)),
        }
        addresses = {name: _address(worker) for name, worker in workers.items()}
        targets = {
            address: {"namespace": "streams", "worker": pod, "pod": pod} for pod, address in addresses.items()
        }
        prometheus = stack.enter_context(Prometheus(program, folder / "prometheus", targets, rules_text()))
        until(lambda: _is_seen(prometheus), SCRAPES_SECONDS, what="two scrapes of both, under load")
        labels: dict[str, dict[str, set[str]]] = {}
        for address in addresses.values():
            _note(ask(f"http://{address}/metrics").decode(), labels)
        yield Watched(prometheus, endpoint, labels)


def _is_seen(prometheus: Prometheus) -> bool:
    """Whether both were scraped at two moments with something accepted, and rules evaluated since."""
    accepted = "min_over_time(personalize_worker_events_accepted_total[2s]) > 0"
    scraped = f"count_over_time(personalize_worker_events_accepted_total[1m]) >= 2 and {accepted}"
    # The lag is known only once the log's end was asked for.
    letters = "sum(increase(personalize_worker_records_dead_lettered_total[1m])) > 0"
    known = ("personalize_worker_lag_records", "personalize_worker_committed_offset")
    offsets = " and on () ".join(f"count({name})" for name in known)
    rules = prometheus.rules()
    return (
        len(prometheus.query(scraped)) == 2
        and bool(prometheus.query(f"{letters} and on () {offsets}"))
        and all(rule["health"] != "unknown" for rule in rules)
        and bool(prometheus.query("personalize_worker:committed_offset:max"))
    )


@contextmanager
def _at_kafka(folder: Path, endpoint: EndpointProcess) -> Iterator[WorkerProcess]:
    with ExitStack() as stack:
        kafka = stack.enter_context(EmbeddedKafka({NAME: 4, DEAD_LETTERS: 1}))
        endpoint.set_faults(**FAULTS)
        settings = worker_settings(kafka_settings(kafka.bootstrap_servers), endpoint.url)
        worker = WorkerProcess(settings, folder / "kafka.log", KEYS)
        stack.callback(worker.kill)
        stack.enter_context(_fed(kafka.bootstrap_servers))
        yield worker


@contextmanager
def _fed(bootstrap_servers: str) -> Iterator[None]:
    """Records come in at an even rate for as long as the block, some of them unfit."""
    records = make_traffic(1, RECORDS_PER_SECOND * SECONDS, int(time.time())).records
    stop = threading.Event()

    def feed() -> None:
        feed = TopicFeed(bootstrap_servers, NAME)
        step = RECORDS_PER_SECOND // 10
        for begin in range(0, len(records), step):
            feed.put((UNFIT, *records[begin : begin + step]))
            if stop.wait(0.1):
                return

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def _at_kinesis(folder: Path) -> Iterator[WorkerProcess]:
    (folder / "kinesis").mkdir()
    with ExitStack() as stack:
        standin = StandIn(folder / "standin.log")
        stack.callback(standin.kill)
        site = stack.enter_context(KinesisSite(folder / "kinesis", standin.url, standin.url, shards=2))
        worker = site.start_worker("kinesis")
        site.feed(RECORDS_PER_SECOND)
        yield worker


def _address(worker: WorkerProcess) -> str:
    said = until(lambda: worker.events("admin.listening"), START_SECONDS, what="the admin server listening")
    return f"127.0.0.1:{said[0]['port']}"


def _note(page: str, labels: dict[str, dict[str, set[str]]]) -> None:
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            known = labels.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                known.setdefault(label, set()).add(value)
