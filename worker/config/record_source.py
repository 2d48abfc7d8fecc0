"""What each kind of source needs of the configuration, and what it does not use."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import fields

from worker.settings import KafkaSettings, KinesisSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "kafka": frozenset({"kafka.bootstrap_servers", "kafka.topics", "dead_letters.topic"}),
    "kinesis": frozenset({"kinesis.streams"}),
}
# Where the dead letters go to a topic, a worker of Kinesis needs to know a Kafka too.
_OF_LETTERS: Final = frozenset({"bootstrap_servers", "authentication", "region", "client"})

CONDITIONS: Final[Mapping[str, object]] = {
    "if": {"properties": {"source": {"const": "kinesis"}}, "required": ["source"]},
    "then": {"properties": {"kinesis": {"required": ["streams"]}}, "required": ["kinesis", "dead_letters"]},
    "else": {
        "properties": {
            "kafka": {"required": ["bootstrap_servers", "topics"]},
            "dead_letters": {"required": ["topic"]},
        },
        "required": ["kafka", "dead_letters"],
    },
}
"""The same for the JSON schema, whose types know nothing of one another."""


def needed_by(source: str) -> frozenset[str]:
    """Return the keys that have to be given for this kind of source."""
    return _NEEDED.get(source, frozenset())


def record_source_mistakes(values: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield what is missing or does nothing, by key."""
    if values[""].get("source", "kafka") == "kinesis":
        yield from _of_kinesis(values)
    else:
        yield from _of_kafka(values)


def _of_kafka(values: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for key in _changed(values["kinesis"], KinesisSettings):
        yield f"kinesis.{key}", "is set, but source is kafka: set source: kinesis, or remove it"
    if values["dead_letters"].get("stream"):
        yield "dead_letters.stream", "is for source: kinesis; name a topic in dead_letters.topic"


def _of_kinesis(values: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    kinesis, letters, kafka = values["kinesis"], values["dead_letters"], values["kafka"]
    if kinesis.get("streams") == []:
        yield "kinesis.streams", "is empty, must be a list of streams, by name or by ARN"
    topic, stream = letters.get("topic"), letters.get("stream")
    if not topic and not stream:
        yield "dead_letters.stream", "is missing, must be the stream for records that can't be delivered"
    if topic and stream:
        yield "dead_letters.topic", "is set beside dead_letters.stream; keep one"
    if topic and not stream and not kafka.get("bootstrap_servers"):
        yield "kafka.bootstrap_servers", "is missing: dead_letters.topic is a topic in Kafka"
    if letters.get("create_topic") and stream:
        yield "dead_letters.create_topic", "does nothing: dead_letters.stream is a Kinesis stream"
    for key in _changed(kafka, KafkaSettings):
        if key not in _OF_LETTERS or not topic:
            yield f"kafka.{key}", "is set, but source is kinesis: remove it"
    yield from _streams(kinesis.get("streams", ()), stream)
    yield from _start(**kinesis)


def _streams(streams: list[str], letters: str | None) -> Iterator[tuple[str, str]]:
    names = [_name(each) for each in streams]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield f"kinesis.streams[{index}]", "has the name of another one; a worker can't tell them apart"
        if letters and name == _name(letters):
            yield (
                f"kinesis.streams[{index}]",
                "is dead_letters.stream: the worker would read its own dead letters",
            )


def _start(
    start: str = "trim_horizon", start_at: str | None = None, **_: object
) -> Iterator[tuple[str, str]]:
    if start == "at_timestamp" and start_at is None:
        yield "kinesis.start_at", "is missing: kinesis.start is at_timestamp"
    if start != "at_timestamp" and start_at is not None:
        yield "kinesis.start_at", f"does nothing: kinesis.start is {start}, not at_timestamp"
    if start_at is not None:
        try:
            datetime.fromisoformat(start_at)
        except ValueError:
            yield "kinesis.start_at", "is no such time"


def _name(stream: str) -> str:
    return stream.rpartition("/")[2]


def _changed(values: Mapping[str, Any], section: type[KafkaSettings | KinesisSettings]) -> Iterator[str]:
    """Yield the keys that are not as by default; a file may name all there are."""
    for field in fields(section):
        default = field.default_factory() if callable(field.default_factory) else field.default
        value = values.get(field.name, default)
        if (tuple(value) if isinstance(value, list) else value) != default:
            yield field.name
