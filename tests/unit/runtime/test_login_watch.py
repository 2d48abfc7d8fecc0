"""A login is used once brokers take it, by all clients; until then the last one is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support.secured.certificates import Mounted
from worker.local.kafka import EmbeddedKafka
from worker.runtime.login_files import LoginFiles
from worker.runtime.login_watch import LoginWatch
from worker.settings import KafkaSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from structlog.typing import EventDict

pytestmark = pytest.mark.slow


class Client:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, bool]] = []

    def renew(self, settings: Mapping[str, object], *, anew: bool) -> None:
        self.told.append((settings["sasl.password"], anew))


@pytest.fixture
def kafka() -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka({"a": 1}) as running:
        yield running


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    return Mounted(tmp_path / "secret", {"password": "first", "ca.crt": "one"})


def watch(servers: str, mounted: Mounted, **client: str) -> tuple[LoginWatch, Client, Client]:
    """With both clients; the embedded Kafka asks nobody for a password."""
    own = {"sasl.username": "worker", "sasl.password": "first"}
    settings = KafkaSettings(bootstrap_servers=servers, topics=("a",), client={**own, **client})
    one = LoginWatch(LoginFiles(settings, {"sasl.password": Path(mounted["password"])}))
    source, letters = Client(), Client()
    one.add(source, "consumer")
    one.add(letters, "producer")
    return one, source, letters


def told(logs: list[EventDict], event: str) -> list[EventDict]:
    return [each for each in logs if each["event"] == event]


async def test_all_clients_log_in_by_what_the_brokers_take(kafka: EmbeddedKafka, mounted: Mounted) -> None:
    one, source, letters = watch(kafka.bootstrap_servers, mounted)
    await one.look()
    assert not source.told
    mounted.swap({"password": "topsecret"})
    with capture_logs() as logs:
        await one.look()
        await one.look()
    assert source.told == letters.told == [("topsecret", False)]
    (said,) = told(logs, "kafka.login_changed")
    assert said["changed"] == ["sasl.password"]
    assert "topsecret" not in str(logs)
    await one.close()


async def test_what_no_broker_takes_replaces_nothing(mounted: Mounted) -> None:
    """It is tried again, and told in words."""
    one, source, letters = watch("127.0.0.1:1", mounted)
    mounted.swap({"password": "topsecret"})
    with capture_logs() as logs:
        await one.look()
    assert not source.told + letters.told
    (said,) = told(logs, "kafka.login_not_taken")
    assert "127.0.0.1:1" in said["reason"]
    assert "topsecret" not in str(logs)
    await one.close()


async def test_a_certificate_that_is_no_certificate_is_not_used(
    kafka: EmbeddedKafka, mounted: Mounted
) -> None:
    files = {"security.protocol": "ssl", "ssl.ca.location": mounted["ca.crt"]}
    one, source, _ = watch(kafka.bootstrap_servers, mounted, **files)
    mounted.swap({"password": "first", "ca.crt": "half of a certi"})
    with capture_logs() as logs:
        await one.look()
    assert not source.told
    (said,) = told(logs, "kafka.login_not_taken")
    assert "ssl.ca.location" in said["reason"]
    await one.close()
