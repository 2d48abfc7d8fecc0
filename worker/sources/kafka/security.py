"""Keeps the connection to Kafka private: TLS that verifies, and log messages that quote no secret.

The broker's identity is always verified. A private certificate is no reason to stop that: its authority is
configured with ``ssl.ca.location``.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from worker.core.loopback import is_loopback

if TYPE_CHECKING:
    from worker.settings import ClientValue, KafkaSettings

_VERIFICATION: Final = "enable.ssl.certificate.verification"
_HOST_CHECK: Final = "ssl.endpoint.identification.algorithm"
_TOKEN_ENDPOINT: Final = "sasl.oauthbearer.token.endpoint.url"  # noqa: S105  a setting's name
# As librdkafka reads a boolean.
_TRUE: Final = {"true", "t", "1"}

_ALWAYS: Final = "brokers are always verified"
_GIVE_CA: Final = f"{_ALWAYS}; for certificates of your own, set ssl.ca.location to their authority's file"

# When a login fails, librdkafka quotes this setting from the point on where it does not understand it.
_QUOTED: Final = re.compile(r"(sasl\.oauthbearer\.config).*", re.DOTALL)


def weakening(name: str, value: ClientValue) -> str | None:
    """Return why this entry of ``kafka.client`` would remove protection; None if it does not."""
    text = str(value).strip().lower()
    if name == _VERIFICATION and text not in _TRUE:
        return f"can't be switched off: {_GIVE_CA}"
    if name == _HOST_CHECK and text != "https":
        return f"can't be switched off: {_ALWAYS}, by name too; connect by a name that is in the certificate"
    if name == _TOKEN_ENDPOINT and {"@", "?"} & set(text):
        return "must be an address without user, password or query: librdkafka logs it"
    return None


def exposed(kafka: KafkaSettings) -> str | None:
    """Return what part of the login is sent unencrypted, and what to do about it; None if nothing is."""
    client = kafka.client
    servers = (each.strip().rpartition(":")[0].strip("[]") for each in kafka.bootstrap_servers.split(","))
    in_clear = str(client.get("security.protocol", "")).lower() == "sasl_plaintext"
    if in_clear and not all(map(is_loopback, servers)):
        return "login and records travel readable: set security.protocol of kafka.client to sasl_ssl"
    endpoint = urlsplit(str(client.get(_TOKEN_ENDPOINT, "")))
    if endpoint.scheme.lower() == "http" and not is_loopback(endpoint.hostname or ""):
        return f"the client's secret travels readable: set {_TOKEN_ENDPOINT} of kafka.client to https"
    return None


def without_secrets(said: str) -> str:
    """Return a message of librdkafka's, up to where it would quote a secret."""
    return _QUOTED.sub(r"\1 ...", said)


class SecretsLeftOut(logging.Filter):
    """Removes secrets from the messages of a logger that librdkafka uses."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line through, without secrets."""
        record.msg, record.args = without_secrets(record.getMessage()), ()
        return True
