"""Settings for the three librdkafka clients, all from the one ``kafka`` section.

They apply in this order: the defaults here, then ``kafka.client``, then what the worker's promises require.
The last can't be configured; ``refusals`` names those keys and says why.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from worker.core.topics import matches_topic as matches_topic  # noqa: PLC0414  it is looked for here too
from worker.settings import ClientValue, KafkaSettings
from worker.sources.kafka.iam_login import AWS_MSK_IAM, CLIENT_SETTINGS, iam_login
from worker.sources.kafka.properties import ALL, CONSUMER_ONLY, PRODUCER_ONLY
from worker.sources.kafka.security import SecretsLeftOut, weakening
from worker.sources.kafka.setting_values import instance_id, number, unusable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from confluent_kafka import KafkaError, KafkaException

Purpose: TypeAlias = Literal["consumer", "producer", "admin"]

# librdkafka logs through this; its messages are delivered when the client is polled.
CLIENT_LOG: Final = logging.getLogger("worker.librdkafka")
CLIENT_LOG.addFilter(SecretsLeftOut())
# For clients whose errors are reported in other words.
SILENT_LOG: Final = logging.getLogger("worker.librdkafka.silent")
SILENT_LOG.addHandler(logging.NullHandler())
SILENT_LOG.propagate = False

KIB: Final = 1024
FETCH_MAX_BYTES: Final = 1024 * KIB
# librdkafka's own limit for message.max.bytes.
MAX_MESSAGE_BYTES: Final = 1_000_000_000

CONSUMER_DEFAULTS: Final[dict[str, ClientValue]] = {
    # 16 MiB in all. A fetch begins while the queue, which all partitions share, is under its limit, so the
    # limit is exceeded by one fetch per broker: 12 plus 4 times 1 MiB.
    "queued.max.messages.kbytes": 12 * KIB,
    "fetch.max.bytes": FETCH_MAX_BYTES,
    # Each message costs librdkafka some 400 bytes besides its own, which the limit in bytes does not count.
    "queued.min.messages": 5_000,
    # The default of 1,000 would let so small a queue run dry before the next fetch.
    "fetch.queue.backoff.ms": 50,
    # A topic that is created later is read within seconds; the default is five minutes.
    "topic.metadata.refresh.interval.ms": 10_000,
}
PRODUCER_DEFAULTS: Final[dict[str, ClientValue]] = {"enable.idempotence": True}

Start: TypeAlias = Literal["earliest", "latest", "error"]
_RESET: Final = "auto.offset.reset"
# librdkafka's words for them.
_STARTS: Final[dict[str, Start]] = {
    "latest": "latest",
    "largest": "latest",
    "end": "latest",
    "error": "error",
}

# The offset tracker decides which offsets are committed.
CONSUMER_PROMISES: Final[dict[str, ClientValue]] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
}
# A dead letter counts as written when it is on every in-sync replica.
PRODUCER_PROMISES: Final[dict[str, ClientValue]] = {"acks": "all"}

_LEAST_SECRET_CHARACTERS: Final = 6
# librdkafka's names for settings that it can't use.
_REFUSALS: Final = {
    "_INVALID_ARG",
    "_CONFLICT",
    "_UNSUPPORTED_FEATURE",
    "_NOT_CONFIGURED",
    "_NOT_IMPLEMENTED",
}
_OFFSETS: Final = "the worker commits what is delivered, and nothing else"
_CALLBACK: Final = "callbacks are the worker's own"
REFUSED: Final[dict[str, str]] = {
    "bootstrap.servers": "set kafka.bootstrap_servers",
    "metadata.broker.list": "set kafka.bootstrap_servers",
    "group.id": "set kafka.group_id",
    "enable.auto.commit": _OFFSETS,
    "auto.commit.enable": _OFFSETS,
    "enable.auto.offset.store": _OFFSETS,
    "auto.commit.interval.ms": "set kafka.commit_seconds",
    "offset.store.method": _OFFSETS,
    "offset.store.path": _OFFSETS,
    "offset.store.sync.interval.ms": _OFFSETS,
    "enable.partition.eof": "the worker reads records only",
    "acks": "a dead letter must be on every in-sync replica",
    "request.required.acks": "a dead letter must be on every in-sync replica",
    "delivery.report.only.error": "the worker waits for the acknowledgement of every dead letter",
    "transactional.id": "the worker uses no transactions",
    "on_commit": _CALLBACK,
    "on_delivery": _CALLBACK,
    "logger": "the worker has its own log",
    "log.queue": "the worker has its own log",
    "opaque": _CALLBACK,
    "enabled_events": _CALLBACK,
    "default.topic.config": "write its settings beside the others",
    "topic.blacklist": "say in kafka.topics what is read: neither check nor the quota's share would know",
    "internal.termination.signal": "it is librdkafka's own",
}
# In a KIP-848 group the broker decides these; librdkafka will not start with one of them.
BROKER_DECIDES: Final[dict[str, str]] = {
    "partition.assignment.strategy": "set group.remote.assignor",
    "session.timeout.ms": "the broker decides it",
    "heartbeat.interval.ms": "the broker decides it",
    "group.protocol.type": "the broker decides it",
}


def client_settings(kafka: KafkaSettings, *, for_: Purpose) -> dict[str, object]:
    """Return the settings for a consumer, a producer or an admin client.

    The admin client gets no setting that belongs only to the consumer or the producer.
    """
    common: dict[str, object] = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "client.id": "personalize-worker",
        "logger": CLIENT_LOG,
        **_login(kafka),
    }
    theirs = {name: value for name, value in kafka.client.items() if _is_for(name, for_)}
    match for_:
        case "consumer":
            promises = CONSUMER_PROMISES | {"group.id": kafka.group_id}
            start = {"auto.offset.reset": kafka.start}
            return common | start | _consumer_defaults(theirs) | _named_by_host(theirs) | promises
        case "producer":
            return common | PRODUCER_DEFAULTS | theirs | PRODUCER_PROMISES
        case "admin":
            return common | theirs


def refusals(client: Mapping[str, ClientValue]) -> Iterator[tuple[str, str]]:
    """Iterate over the keys of ``kafka.client`` that would break a promise or a protection, with reasons."""
    kip_848 = str(client.get("group.protocol", "")).lower() == "consumer"
    for name, value in client.items():
        if name in REFUSED:
            yield name, f"can't be set here: {REFUSED[name]}"
        elif name.endswith("_cb"):
            yield name, f"can't be set here: {_CALLBACK}"
        elif kip_848 and name in BROKER_DECIDES:
            yield name, f"can't be set with group.protocol: consumer: {BROKER_DECIDES[name]}"
        elif reason := weakening(name, value):
            yield name, reason
    yield from unusable(client)


def refused_by_librdkafka(client: Mapping[str, ClientValue]) -> Iterator[tuple[str | None, str]]:
    """Iterate over librdkafka's own objections to ``kafka.client``: the key, if it names one, and the reason.

    It is asked by building clients that know no broker, so nothing is sent. It reports one mistake at a time.
    """
    left = dict(client)
    while said := _first_complaint(left):
        named = max((name for name in left if _names(said, name)), key=len, default=None)
        named = named or _blamed(left, said)
        yield named, _without_values(said, client)
        if named is None:
            return
        del left[named]


def start_of(settings: Mapping[str, object]) -> Start:
    """Return where a partition without a committed offset is begun, according to a consumer's settings."""
    return _STARTS.get(str(settings.get(_RESET, "")).lower(), "earliest")


def refusal_of(error: KafkaException) -> str | None:
    """Return what is wrong with the settings, from a client's error; None if it is about something else."""
    cause: KafkaError = error.args[0]
    if cause.name() not in _REFUSALS:
        return None
    # Not the error's own text, because that quotes values.
    names = ", ".join(sorted(name for name in ALL if _names(cause.str(), name)))
    return f"librdkafka does not take kafka.client: {names or 'all of it together'} ({cause.name()})"


def _blamed(client: Mapping[str, ClientValue], said: str) -> str | None:
    """Return the setting without which librdkafka would not report this, if its message names none."""
    for name in client:
        if _first_complaint({each: value for each, value in client.items() if each != name}) != said:
            return name
    return None


def _login(kafka: KafkaSettings) -> dict[str, object]:
    """Return what logs in by something else than ``kafka.client``."""
    if kafka.authentication != AWS_MSK_IAM:
        return {}
    return {**CLIENT_SETTINGS, "oauth_cb": iam_login(kafka)}


def _is_for(name: str, purpose: Purpose) -> bool:
    """Whether that client understands the setting; one that isn't in the tables goes to all of them."""
    return not (
        (name in CONSUMER_ONLY and purpose != "consumer") or (name in PRODUCER_ONLY and purpose != "producer")
    )


def _consumer_defaults(theirs: Mapping[str, ClientValue]) -> dict[str, ClientValue]:
    defaults = dict(CONSUMER_DEFAULTS)
    if str(theirs.get("group.protocol", "")).lower() != "consumer":
        defaults["partition.assignment.strategy"] = "cooperative-sticky"
    # librdkafka requires fetch.max.bytes to be at least as large as message.max.bytes.
    largest = min(number(theirs.get("message.max.bytes")) or 0, MAX_MESSAGE_BYTES)
    defaults["fetch.max.bytes"] = max(FETCH_MAX_BYTES, largest)
    return defaults


def _named_by_host(theirs: Mapping[str, ClientValue]) -> dict[str, ClientValue]:
    """Return the settings with this pod's name in the id of the group's static member."""
    name = "group.instance.id"
    return dict(theirs) | ({name: instance_id(str(theirs[name]))} if name in theirs else {})


def _first_complaint(client: Mapping[str, ClientValue]) -> str | None:
    # Importing this costs 50 ms, and it is not needed before.
    from confluent_kafka import Consumer, KafkaException, Producer  # noqa: PLC0415  see above

    kafka = KafkaSettings(bootstrap_servers="", topics=(), client=dict(client))
    try:
        consumer = Consumer(client_settings(kafka, for_="consumer") | {"logger": SILENT_LOG})
        # Some settings are accepted at first, but then a subscription is refused.
        consumer.subscribe(["any"])
        consumer.close()
        Producer(client_settings(kafka, for_="producer") | {"logger": SILENT_LOG})
    except KafkaException as error:
        return str(error.args[0].str()).strip()
    except Exception as error:  # noqa: BLE001  confluent-kafka looks at some by itself, and raises what it likes
        return f"{type(error).__name__}: {error}".strip()
    return None


def _names(said: str, name: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", said) is not None


def _without_values(said: str, client: Mapping[str, ClientValue]) -> str:
    """Remove the quoted values from librdkafka's message, because one may be a secret."""
    for value in client.values():
        said = said.replace(f'"{value}"', "...").replace(f"value {value} ", "it ")
        # For a list it quotes one entry. Shorter texts occur in any sentence.
        for part in re.split(r"[\s,]+", str(value)):
            said = said.replace(part, "...") if len(part) >= _LEAST_SECRET_CHARACTERS else said
    return said.removeprefix("Failed to create consumer: ").removeprefix("Failed to create producer: ")
