"""Tells whether Kafka answers, and if not, why not, in words that say what to fix.

librdkafka raises nothing for a refused login or a wrong certificate. Only ``error_cb`` receives them, and
only while the client is polled. A call in the meantime fails with "timed out" or "transport failure".
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Final, cast

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from worker.sources.kafka.client_settings import SILENT_LOG, client_settings
from worker.sources.kafka.error_words import login_advice
from worker.sources.kafka.iam_login import why_no_login
from worker.sources.kafka.security import without_secrets

if TYPE_CHECKING:
    from confluent_kafka.admin import ClusterMetadata  # type: ignore[attr-defined]  # documented, not in __all__

    from worker.settings import KafkaSettings

_LOGIN_REFUSED: Final = KafkaError._AUTHENTICATION  # noqa: SLF001  the library's public codes look like this
_ADVICE: Final = {
    KafkaError._SSL: "see security.protocol and ssl.ca.location of kafka.client",  # noqa: SLF001  as above
    KafkaError._RESOLVE: "is the name right in kafka.bootstrap_servers?",  # noqa: SLF001  as above
}
_TELLING: Final = {_LOGIN_REFUSED, *_ADVICE}
_REACH: Final = (
    "are kafka.bootstrap_servers and security.protocol of kafka.client right, and is the network in between "
    "open?"
)
# One of librdkafka's summaries: the errors before it say more.
_SUMMARY: Final = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001  as above


class Cluster:
    """An admin client, and the errors that it reported.

    Args:
        kafka: how to connect. Nothing is sent before ``ask``.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._heard: list[KafkaError] = []

    @cached_property
    def admin(self) -> AdminClient:
        """The client, made when it is needed: one that logs in by a token waits for it."""
        ours = {"error_cb": self._heard.append, "logger": SILENT_LOG}
        settings = client_settings(self._kafka, for_="admin") | ours
        return AdminClient(cast("dict[str, str | int | float | bool]", settings))

    def ask(self, patience_seconds: float) -> ClusterMetadata | str:
        """Return brokers and topics, or why they can't be had.

        Blocks, but does not wait after a refused login.
        """
        if why := why_no_login(self._kafka):
            return why
        ends = time.monotonic() + patience_seconds
        last = "no answer"
        while (left := ends - time.monotonic()) > 0:
            try:
                return self.admin.list_topics(timeout=min(left, 1.0))
            except KafkaException as error:
                last = error.args[0].str()
            self.admin.poll(0)
            if any(error.code() == _LOGIN_REFUSED for error in self._heard):
                break
        return self._why(last)

    def _why(self, last: str) -> str:
        causes = [error for error in self._heard if error.code() != _SUMMARY]
        # A refused login is followed by the broken connection that the refusal causes.
        cause = max(causes, key=lambda error: error.code() in _TELLING, default=None)
        if cause is None:
            return f"{last}: {_REACH}"
        advice = _ADVICE.get(cause.code(), _REACH)
        if cause.code() == _LOGIN_REFUSED:
            advice = login_advice(self._kafka.authentication)
        return f"{without_secrets(cause.str())}: {advice}"


def unreachable_reason(kafka: KafkaSettings, patience_seconds: float) -> str | None:
    """Return why Kafka does not answer; None when it does. Blocks."""
    answer = Cluster(kafka).ask(patience_seconds)
    return f"{kafka.bootstrap_servers}: {answer}" if isinstance(answer, str) else None
