"""One broker that wants a login, and a worker that has one."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.conftest import skipping
from tests.support.secured.broker import SecuredKafka
from tests.support.secured.login_provider import SigningKey
from tests.support.site import CLIENT, Site
from tests.support.waiting import until
from worker.local.traffic import make_traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.processes import WorkerProcess
    from tests.support.site import Names

# Looked at every ten seconds, asked, and left and joined again.
RENEWED_SECONDS = 180.0


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    """What tokens of OIDC are signed with."""
    return SigningKey(tmp_path_factory.mktemp("signing"))


@pytest.fixture(scope="session")
def secured_kafka(signing_key: SigningKey) -> Iterator[SecuredKafka]:
    """A broker of this process alone."""
    with skipping():
        running = SecuredKafka(signing_key.jwks())
    yield running
    running.stop()


class SecuredSite(Site):
    """A site whose worker comes in by a listener that wants a login."""

    kafka: SecuredKafka
    listener = ""
    login: Mapping[str, Any] = {}
    files: Mapping[str, str] = {}
    """Variables that name files."""

    def log_in(self, listener: str, files: Mapping[str, str] | None = None, **kafka: Any) -> WorkerProcess:
        """Start the worker; what it is to be configured with goes over the site's own."""
        self.open_topic()
        self.files = files or {}
        # All that librdkafka has to say about it, so that the log is searched for secrets in earnest.
        client = kafka.pop("client", {})
        # What is left to the broker with the newer protocol.
        ours = {} if client.get("group.protocol") == "consumer" else CLIENT
        kafka["client"] = ours | {"debug": "security"} | client
        return self.start_worker(
            kafka={"bootstrap_servers": self.kafka.listener(listener), **kafka},
            log={"format": "json", "level": "debug"},
        )

    def _environment(self) -> dict[str, str]:
        return super()._environment() | dict(self.files)

    @contextmanager
    def load(self) -> Iterator[None]:
        """Produce all the while, some hundred records a second."""
        over = threading.Event()

        def produce() -> None:
            seed = 1
            while not over.wait(0.25):
                traffic = make_traffic(seed, 100, int(time.time()))
                self.produced += traffic.produced
                # While the broker restarts they wait in the producer, behind one another.
                with suppress(TimeoutError):
                    self.put(traffic.records)
                seed += 1

        producing = threading.Thread(target=produce)
        producing.start()
        try:
            yield
        finally:
            over.set()
            producing.join()
        until(lambda: self.put(()) or True, 120, forgiving=TimeoutError, what="all being produced")

    def wait_until_renewed(self, worker: WorkerProcess) -> None:
        """Return once consumer and dead letters log in by what was changed."""

        def renewed() -> bool:
            worker.complain_if_ended()
            return bool(worker.events("kafka.login_renewed"))

        until(renewed, RENEWED_SECONDS, what="the login being renewed")

    def flow_on(self, events: int = 300) -> None:
        """Return once so many more events are accepted."""
        self.wait_until_accepted(self.endpoint.summary().accepted_events + events, RENEWED_SECONDS)

    def assert_kept_by(self, worker: WorkerProcess) -> None:
        """All is delivered, in order, by the one process, and its log holds no secret."""
        self.wait_until_committed(120)
        worker.complain_if_ended()
        self.assert_kept()
        assert [each.pid for each in self._processes()] == [worker.process.pid]
        log = worker.log.read_text()
        assert not [secret for secret in SECRETS if secret in log]

    def _processes(self) -> list[Any]:
        return [each.process for each in self.workers]


# The last two are how tokens of MSK and of OIDC begin.
SECRETS = (
    *("first-password", "second-password", "first-secret", "second-secret"),
    *("BEGIN", "X-Amz-Signature", "aHR0cHM6Ly9rYWZrYS4", "eyJhbGciOi"),
)


@pytest.fixture
def site(secured_kafka: SecuredKafka, names: Names, tmp_path: Path) -> Iterator[SecuredSite]:
    """As elsewhere, at the broker that wants a login."""
    with SecuredSite(secured_kafka, names, tmp_path) as site:
        yield site
