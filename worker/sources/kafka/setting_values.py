"""Checks values of ``kafka.client`` that librdkafka accepts, but that would end or blind the worker later."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Final

from worker.sources.kafka.properties import WHOLE_NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.settings import ClientValue

HOSTNAME: Final = "{hostname}"
"""The placeholder in ``group.instance.id`` for the host's name, which in Kubernetes is the pod's."""

# librdkafka copies it unchanged into its statistics, between quotes, so they would not be JSON.
_BREAKS_JSON: Final = re.compile(r'["\\\x00-\x1f]')
# The broker's own rule, the same as for a topic's name.
_INSTANCE_ID: Final = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,249}\Z")
# A number as strtol reads it, with base 0 and whatever follows it, which is how librdkafka reads numbers.
_NUMBER: Final = re.compile(r"\s*([+-]?)(?:0[xX]([0-9A-Fa-f]+)|(0[0-7]*)|([1-9][0-9]{0,20}))")

_WHOLE: Final = re.compile(r"\s*[+-]?(0[xX][0-9A-Fa-f]+|0|[1-9][0-9]*)\s*\Z")
# What fits into a C int; from larger numbers librdkafka drops the high bits.
_LARGEST: Final = (1 << 31) - 1

_RANGES: Final = {
    "statistics.interval.ms": (1, 60_000, "lag and silent brokers are known from the statistics"),
    "topic.metadata.refresh.interval.ms": (10, 3_600_000, "a topic that appears later would not be found"),
}
_TRUE: Final = {"true", "t", "1"}


def unusable(client: Mapping[str, ClientValue]) -> Iterator[tuple[str, str]]:
    """Iterate over the settings with an unacceptable value, and the reasons."""
    if _BREAKS_JSON.search(str(client.get("client.id", ""))):
        yield "client.id", "must be without quotes, backslashes and control characters"
    for name, value in client.items():
        given = number(value) if name in WHOLE_NUMBERS else None
        if given is not None and (abs(given) > _LARGEST or not _WHOLE.match(str(value))):
            yield (
                name,
                f"must be a whole number, of {_LARGEST} at most, without a point, an e or an underscore",
            )
    for name, (least, most, why) in _RANGES.items():
        given = number(client.get(name))
        if given is not None and not least <= given <= most:
            yield name, f"must be from {least} to {most}: {why}"
    instance = client.get("group.instance.id")
    if instance is not None and not _INSTANCE_ID.match(instance_id(str(instance))):
        yield (
            "group.instance.id",
            f"must be 1 to 249 letters, digits and . _ -, with {HOSTNAME} for the pod's name",
        )
    yield from _no_source_of_tokens(client)


def instance_id(template: str) -> str:
    """Return this pod's own ``group.instance.id``."""
    return template.replace(HOSTNAME, socket.gethostname())


def number(value: ClientValue | None) -> int | None:
    """Return the number that librdkafka reads in this; None where it reads none."""
    match = _NUMBER.match("" if value is None else str(value))
    if match is None:
        return None
    sign, hexadecimal, octal, decimal = match.groups()
    size = int(hexadecimal, 16) if hexadecimal else int(octal, 8) if octal else int(decimal)
    return -size if sign == "-" else size


def _no_source_of_tokens(client: Mapping[str, ClientValue]) -> Iterator[tuple[str, str]]:
    """Report OAUTHBEARER without a source: librdkafka would silently wait for an application's token."""
    name = next((each for each in ("sasl.mechanism", "sasl.mechanisms") if each in client), None)
    if name is None or str(client[name]) != "OAUTHBEARER" or not _logs_in(client):
        return
    oidc = str(client.get("sasl.oauthbearer.method", "")).lower() == "oidc"
    unsecured = str(client.get("enable.sasl.oauthbearer.unsecure.jwt", "")).lower() in _TRUE
    if not oidc and not unsecured:
        yield (
            name,
            (
                "OAUTHBEARER needs a source of tokens: set sasl.oauthbearer.method: oidc with "
                "sasl.oauthbearer.token.endpoint.url, .client.id and .client.secret; for Amazon MSK, set "
                "kafka.authentication: aws_msk_iam instead"
            ),
        )


def _logs_in(client: Mapping[str, ClientValue]) -> bool:
    return str(client.get("security.protocol", "")).lower().startswith("sasl_")
