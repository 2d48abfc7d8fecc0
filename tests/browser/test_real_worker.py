"""The status page of a real worker, whose role loses its permission and gets it again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer

from tests.support.kafka_topics import QUIET
from tests.support.processes import EndpointProcess, WorkerProcess
from tests.support.samples import only_long
from tests.support.waiting import until
from worker.local.kafka import EmbeddedKafka

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.conftest import Open

pytestmark = pytest.mark.slow

TOPIC, DEAD_LETTERS = "shop.interactions", "dead"
SOON_SECONDS = 60


def records(count: int) -> list[bytes]:
    return [
        json.dumps(
            {
                "eventType": "view",
                "sentAt": 1_700_000_000,
                "sessionId": f"session-{number}",
                "userId": "user-4711",
                "itemId": "item-4711",
            }
        ).encode()
        for number in range(count)
    ]


def settings(kafka: EmbeddedKafka, endpoint: EndpointProcess) -> dict[str, object]:
    return {
        "kafka": {"bootstrap_servers": kafka.bootstrap_servers, "topics": [TOPIC]},
        "personalize": {"tracking_id": "t", "region": "eu-west-1", "endpoint_url": endpoint.url},
        "batching": {"linger_seconds": 0},
        "dead_letters": {"topic": DEAD_LETTERS},
        "admin": {"host": "127.0.0.1", "port": 0},
        "log": {"format": "json"},
    }


def shows(page: Page, where: str, what: Callable[[str], bool] | str) -> None:
    """Return once the page says so, by itself."""
    meant = what if callable(what) else lambda text: text == what
    until(lambda: meant(page.text_content(where) or ""), SOON_SECONDS, what=f"{where}: {what}")


@only_long
def test_a_hold_appears_and_goes_while_somebody_looks(opened: Open, tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    endpoint = EndpointProcess(tmp_path / "endpoint.log")
    with EmbeddedKafka({TOPIC: 3, DEAD_LETTERS: 1}) as kafka:
        worker = WorkerProcess(settings(kafka, endpoint), tmp_path / "worker.log", keys)
        try:
            worker.wait_until_ready(SOON_SECONDS)
            producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, **QUIET})
            (line,) = worker.events("admin.listening")
            with opened(f"http://127.0.0.1:{line['port']}/") as shown:
                page = shown.page
                shows(page, "h1", "Ready, nothing waits")
                endpoint.set_faults(refuse="AccessDeniedException")
                for value in [*records(20), b"no JSON"]:
                    producer.produce(TOPIC, value)
                producer.flush(10)
                shows(page, "h1", "Held")
                shows(page, "#state", lambda text: "Allow personalize:PutEvents on resource *" in text)
                shows(page, ".partitions tbody", lambda text: "the hold to end: misconfigured" in text)
                endpoint.set_faults(refuse=None)
                shows(page, "h1", "Ready, nothing waits")
                shows(page, ".dead-letters", lambda text: "not json1" in text)
                assert "4711" not in page.content()
        finally:
            worker.kill()
            endpoint.kill()
