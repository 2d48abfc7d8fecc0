"""The rules between keys, and those that others know better: librdkafka's and the mapping's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.config.names import meant, nearest
from worker.core.topics import PatternError, is_pattern, parse, takes_in
from worker.sources.kafka_properties import ALL as CLIENT_KEYS
from worker.sources.kafka_settings import refusals, refused_by_librdkafka

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.settings import ClientValue


def broken_rules(values: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Which rules the values break, by key; a value that is missing or wrong in itself breaks none."""
    yield from _waits(**values["retry"])
    yield from _ages(**values["limits"], linger_seconds=values["batching"].get("linger_seconds", 1.0))
    topics = values["kafka"].get("topics", [])
    unusable = dict(_patterns(topics))
    yield from unusable.items()
    if not unusable:
        yield from _own_dead_letters(topics, values["dead_letters"].get("topic"))
    yield from _client(values["kafka"].get("client", {}))
    yield from _mapping(**values["record"])


def _waits(first_wait_seconds: float = 0.2, max_wait_seconds: float = 20.0) -> Iterator[tuple[str, str]]:
    if first_wait_seconds > max_wait_seconds:
        yield "retry.first_wait_seconds", "is longer than retry.max_wait_seconds"


def _ages(
    max_age_seconds: float | None = None,
    when_too_old: str = "dead_letter",
    linger_seconds: float = 1.0,
    **_: object,
) -> Iterator[tuple[str, str]]:
    if max_age_seconds is None and when_too_old != "dead_letter":
        yield "limits.max_age_seconds", f"is not set, so limits.when_too_old: {when_too_old} does nothing"
    if max_age_seconds is not None and max_age_seconds <= linger_seconds:
        yield "limits.max_age_seconds", "is not above batching.linger_seconds: all that lingers is too old"


def _patterns(topics: list[str]) -> Iterator[tuple[str, str]]:
    """A pattern has to mean the same to librdkafka, to a broker and to the worker."""
    for index, topic in enumerate(topics):
        if is_pattern(topic):
            try:
                parse(topic)
            except PatternError as error:
                yield f"kafka.topics[{index}]", f"must be a pattern that everybody reads alike; it {error}"


def _own_dead_letters(topics: list[str], dead_letters: str | None) -> Iterator[tuple[str, str]]:
    """A worker that reads its own dead letters would go round in circles."""
    for index, topic in enumerate(topics):
        if dead_letters is not None and takes_in(topic, dead_letters):
            yield (
                f"kafka.topics[{index}]",
                "takes in dead_letters.topic: the worker would read its own dead letters",
            )


def _client(client: Mapping[str, ClientValue]) -> Iterator[tuple[str, str]]:
    refused = dict(refusals(client))
    for name, reason in refused.items():
        yield f"kafka.client.{name}", reason
    rest = {name: value for name, value in client.items() if name not in refused}
    for said, reason in refused_by_librdkafka(rest) if rest else ():
        if said is None:
            yield "kafka.client", reason
        elif reason.startswith("No such"):
            yield f"kafka.client.{said}", "unknown to librdkafka" + meant(nearest(said, CLIENT_KEYS))
        else:
            yield f"kafka.client.{said}", reason


def _mapping(
    mapping: Mapping[str, object] | None = None,
    placeholder_ids: Iterable[str] = (),
    builtin_placeholder_ids: bool = True,  # noqa: FBT001, FBT002  by name, as the settings are
    **_: object,
) -> Iterator[tuple[str, str]]:
    # The mapping's compiler is not needed to show a help text.
    from worker.core.mapping import MappingError, compile_mapping  # noqa: PLC0415  see above

    try:
        compile_mapping(mapping or {}, placeholder_ids, builtin_placeholder_ids=builtin_placeholder_ids)
    except MappingError as error:
        for mistake in error.mistakes:
            yield f"record.mapping.{mistake.key}", mistake.reason
