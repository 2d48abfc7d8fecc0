"""The rules between keys, and the rules that others know better: librdkafka's and the mapping's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.config.addresses import wrong_address
from worker.config.kafka_login import absent_files, kafka_login_mistakes
from worker.config.log_levels import log_level_mistakes
from worker.config.names import did_you_mean, nearest
from worker.config.record_format import format_mistakes
from worker.config.record_source import record_source_mistakes
from worker.config.schema_registry import schema_registry_mistakes
from worker.core.topics import is_pattern, matches_topic
from worker.sources.kafka.client_settings import refusals, refused_by_librdkafka
from worker.sources.kafka.iam_login import AWS_MSK_IAM, CLIENT_SETTINGS
from worker.sources.kafka.properties import ALL as CLIENT_KEYS
from worker.sources.kafka.setting_values import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.settings import ClientValue

# How long a revoke waits for its commit (worker.sources.kafka.source).
_COMMIT_SECONDS: Final = 5.0
# librdkafka's aliases for the same position.
_STARTS: Final = {"smallest": "earliest", "beginning": "earliest", "largest": "latest", "end": "latest"}


_URLS: Final = (
    ("personalize", "endpoint_url"),
    ("kinesis", "endpoint_url"),
    ("kinesis", "dynamodb_endpoint_url"),
)


def broken_rules(values: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the broken rules by key; a value that is missing or invalid in itself breaks none."""
    yield from _waits(**values["retry"])
    yield from _ages(**values["limits"], linger_seconds=values["batching"].get("linger_seconds", 1.0))
    topics = values["kafka"].get("topics", [])
    unusable = dict(_patterns(topics))
    yield from unusable.items()
    if not unusable:
        yield from _own_dead_letters(topics, values["dead_letters"].get("topic"))
    yield from record_source_mistakes(values)
    yield from _addresses(values)
    yield from _start(**values["kafka"])
    yield from _patience(**values["kafka"])
    yield from kafka_login_mistakes(values["kafka"])
    yield from _client(values["kafka"])
    yield from format_mistakes(values["record"])
    yield from schema_registry_mistakes(values["schema_registry"], values["record"])
    yield from _mapping(**values["record"])
    yield from log_level_mistakes(**values["log"])


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
        yield "limits.max_age_seconds", "is not above batching.linger_seconds: whatever lingers is too old"


def _patterns(topics: list[str]) -> Iterator[tuple[str, str]]:
    """Check that a pattern means the same to librdkafka, to a broker and to the worker."""
    if not any(map(is_pattern, topics)):
        return
    from worker.core.topics.parsing import PatternError, parse  # noqa: PLC0415  most workers name their topics

    for index, topic in enumerate(topics):
        if is_pattern(topic):
            try:
                parse(topic)
            except PatternError as error:
                yield (
                    f"kafka.topics[{index}]",
                    f"must be a pattern that librdkafka and brokers read alike; it {error}",
                )


def _own_dead_letters(topics: list[str], dead_letters: str | None) -> Iterator[tuple[str, str]]:
    """Reject a worker that reads its own dead letters, because it would go round in circles."""
    for index, topic in enumerate(topics):
        if dead_letters is not None and matches_topic(topic, dead_letters):
            yield (
                f"kafka.topics[{index}]",
                "matches dead_letters.topic: the worker would read its own dead letters",
            )


def _addresses(values: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Check what a regular expression can't check in an address: the range of a port, and IPv6 syntax."""
    for server in values["kafka"].get("bootstrap_servers", "").split(","):
        if server and (wrong := wrong_address(f"kafka://{server.strip()}")):
            yield "kafka.bootstrap_servers", wrong
    for section, key in _URLS:
        if wrong := wrong_address(values.get(section, {}).get(key) or ""):
            yield f"{section}.{key}", wrong
    host = values.get("admin", {}).get("host") or ""
    if ":" in host and wrong_address(f"http://[{host}]"):
        yield "admin.host", "is not a valid address: an IPv6 address is written such as ::1"


def _start(start: str | None = None, **rest: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  the section's others
    """Check that the two names of one setting do not contradict each other."""
    said = rest.get("client", {}).get("auto.offset.reset")
    if start is not None and said is not None and _STARTS.get(str(said).lower(), said) != start:
        yield "kafka.start", "contradicts auto.offset.reset of kafka.client; keep one"


def _patience(revoke_seconds: float = 10.0, **rest: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  as above
    """Check that revoking takes no longer than the group waits, because otherwise the member is expelled."""
    waits_ms = number(rest.get("client", {}).get("max.poll.interval.ms"))
    if waits_ms is not None and waits_ms < (revoke_seconds + _COMMIT_SECONDS) * 1000:
        why = f"kafka.revoke_seconds and the {_COMMIT_SECONDS:g} seconds of a last commit"
        yield "kafka.client.max.poll.interval.ms", f"is less than {why}"


def _client(kafka: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    client: Mapping[str, ClientValue] = kafka.get("client", {})
    if kafka.get("authentication") == AWS_MSK_IAM:
        client = {name: value for name, value in client.items() if name not in CLIENT_SETTINGS}
    refused = dict(refusals(client))
    for name, reason in refused.items():
        yield f"kafka.client.{name}", reason
    refused |= absent_files(client)
    rest = {name: value for name, value in client.items() if name not in refused}
    if refused.keys() & {"sasl.mechanism", "sasl.mechanisms"}:
        # Without its mechanism, the protocol would be reported too.
        rest.pop("security.protocol", None)
    for said, reason in refused_by_librdkafka(rest) if rest else ():
        if said is None:
            yield "kafka.client", reason
        elif reason.startswith("No such"):
            yield f"kafka.client.{said}", "unknown to librdkafka" + did_you_mean(nearest(said, CLIENT_KEYS))
        else:
            yield f"kafka.client.{said}", reason


def _mapping(
    mapping: Mapping[str, object] | None = None,
    placeholder_ids: Iterable[str] = (),
    builtin_placeholder_ids: bool = True,  # noqa: FBT001, FBT002  by name, as the settings are
    **_: object,
) -> Iterator[tuple[str, str]]:
    # Imported late, because a help text does not need the mapping's compiler.
    from worker.core.mapping import MappingError, compile_mapping  # noqa: PLC0415  see above

    try:
        compile_mapping(mapping or {}, placeholder_ids, builtin_placeholder_ids=builtin_placeholder_ids)
    except MappingError as error:
        for mistake in error.mistakes:
            yield f"record.mapping.{mistake.key}", mistake.reason
