"""The rules of a login to Kafka: what ``kafka.authentication`` needs and what contradicts it; its files."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from worker.sources.kafka.iam_login import AWS_MSK_IAM, CLIENT_SETTINGS, region_of
from worker.sources.kafka.properties import FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.settings import ClientValue

# librdkafka's word for the system's authorities.
_SYSTEM: Final = "probe"
_OURS: Final = f"is decided by kafka.authentication: {AWS_MSK_IAM}: remove it"


def kafka_login_mistakes(kafka: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong, by key; ``kafka`` holds the valid values that were given."""
    yield from _authentication(kafka)
    for name, reason in absent_files(kafka.get("client", {})).items():
        yield f"kafka.client.{name}", reason


def absent_files(client: Mapping[str, ClientValue]) -> dict[str, str]:
    """Return the entries that name a file that can't be read, and why: librdkafka would quote OpenSSL."""
    found = {}
    for name in FILES:
        path = str(client.get(name, _SYSTEM))
        if path != _SYSTEM and (why := _unreadable(path)):
            found[name] = f"names a file that can't be read: {why}"
    return found


def _unreadable(path: str) -> str | None:
    try:
        Path(path).stat()
    except OSError as error:
        return error.strerror
    except ValueError:
        return "that is no file's name"
    # Not opened, for nobody may be writing to a pipe.
    return None if os.access(path, os.R_OK) else os.strerror(errno.EACCES)


def _authentication(kafka: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
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
