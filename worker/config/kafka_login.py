"""The rules of ``kafka.authentication``: what it needs, and what of ``kafka.client`` would contradict it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.sources.kafka.iam_login import AWS_MSK_IAM, CLIENT_SETTINGS, region_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OURS: Final = f"is decided by kafka.authentication: {AWS_MSK_IAM}: remove it"


def kafka_login_mistakes(kafka: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong, by key; ``kafka`` holds the valid values that were given."""
    region = kafka.get("region")
    if kafka.get("authentication") != AWS_MSK_IAM:
        if region is not None:
            yield "kafka.region", f"does nothing without kafka.authentication: {AWS_MSK_IAM}"
        return
    for name, value in kafka.get("client", {}).items():
        if str(value).lower() == str(CLIENT_SETTINGS.get(name, "")).lower():
            continue
        if name == "security.protocol" or name.startswith("sasl.") or "oauthbearer" in name:
            yield f"kafka.client.{name}", _OURS
    servers = kafka.get("bootstrap_servers", "")
    if servers and region is None and region_of(servers) is None:
        yield (
            "kafka.region",
            "is missing: the brokers' names tell no AWS region, as those of Amazon MSK do; set the cluster's",
        )
