"""Which source is meant, what it needs, and what does nothing beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from worker.config import ConfigError, read_settings, schema

if TYPE_CHECKING:
    from pathlib import Path

    from worker.settings import Settings

KINESIS: dict[str, Any] = {
    "source": "kinesis",
    "kinesis": {"streams": ["interactions"]},
    "personalize": {"tracking_id": "t"},
    "dead_letters": {"stream": "letters"},
}
KAFKA: dict[str, Any] = {
    "kafka": {"bootstrap_servers": "127.0.0.1:9092", "topics": ["interactions"]},
    "personalize": {"tracking_id": "t"},
    "dead_letters": {"topic": "letters"},
}


def read(path: Path, tree: dict[str, Any], **environ: str) -> Settings:
    file = path / "config.yaml"
    file.write_text(yaml.safe_dump(tree))
    return read_settings(file, environ)


def mistakes(path: Path, tree: dict[str, Any], **environ: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as raised:
        read(path, tree, **environ)
    return {each.key: each.reason for each in raised.value.mistakes}


def test_kinesis_needs_nothing_of_kafka(tmp_path: Path) -> None:
    settings = read(tmp_path, KINESIS)
    assert (settings.source, settings.kinesis.streams) == ("kinesis", ("interactions",))
    assert settings.group == "personalize-worker"


def test_the_environment_names_the_source_too(tmp_path: Path) -> None:
    tree = {key: value for key, value in KINESIS.items() if key != "source"}
    assert read(tmp_path, tree, WORKER_SOURCE="kinesis").source == "kinesis"


def test_a_service_of_kubernetes_called_worker_source_sets_nothing(tmp_path: Path) -> None:
    environ = {"WORKER_SOURCE_SERVICE_HOST": "10.0.0.1", "WORKER_SOURCE_PORT": "tcp://10.0.0.1:80"}
    assert read(tmp_path, KAFKA, **environ).source == "kafka"


@pytest.mark.parametrize("word", ["Kinesis", "kinesys", "", 1, None, ["kinesis"]])
def test_a_source_that_is_none_is_refused(tmp_path: Path, word: object) -> None:
    assert "must be kafka or kinesis" in mistakes(tmp_path, KAFKA | {"source": word})["source"]


def test_a_misspelt_source_is_told_the_nearest(tmp_path: Path) -> None:
    assert mistakes(tmp_path, KAFKA | {"sourc": "kafka"})["sourc"].endswith("did you mean source?")


CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no stream": (KINESIS | {"kinesis": {}}, "kinesis.streams", "is missing"),
    "an empty list": (KINESIS | {"kinesis": {"streams": []}}, "kinesis.streams", "is empty"),
    "the same twice": (
        KINESIS
        | {"kinesis": {"streams": ["clicks", "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"]}},
        "kinesis.streams[1]",
        "has the name of another one",
    ),
    "a topic's pattern": (KINESIS | {"kinesis": {"streams": ["^shop"]}}, "kinesis.streams[0]", "must be"),
    "its own letters": (
        KINESIS | {"dead_letters": {"stream": "interactions"}},
        "kinesis.streams[0]",
        "would read its own dead letters",
    ),
    "no letters": (KINESIS | {"dead_letters": {}}, "dead_letters.stream", "is missing"),
    "two places": (
        KINESIS | {"dead_letters": {"stream": "a", "topic": "b"}},
        "dead_letters.topic",
        "keep one",
    ),
    "a topic without Kafka": (
        KINESIS | {"dead_letters": {"topic": "letters"}},
        "kafka.bootstrap_servers",
        "is missing: dead_letters.topic is a topic",
    ),
    "topics beside streams": (
        KINESIS | {"kafka": {"topics": ["interactions"]}},
        "kafka.topics",
        "is set, but source is kinesis",
    ),
    "streams beside topics": (
        KAFKA | {"kinesis": {"streams": ["interactions"]}},
        "kinesis.streams",
        "is set, but source is kafka",
    ),
    "a stream of letters with Kafka": (
        KAFKA | {"dead_letters": {"stream": "letters", "topic": "letters"}},
        "dead_letters.stream",
        "is for source: kinesis",
    ),
    "a start without its time": (
        KINESIS | {"kinesis": {"streams": ["a"], "start": "at_timestamp"}},
        "kinesis.start_at",
        "is missing",
    ),
    "a time without its start": (
        KINESIS | {"kinesis": {"streams": ["a"], "start_at": "2026-11-01T00:00:00Z"}},
        "kinesis.start_at",
        "does nothing",
    ),
    "no such day": (
        KINESIS
        | {"kinesis": {"streams": ["a"], "start": "at_timestamp", "start_at": "2026-02-30T00:00:00Z"}},
        "kinesis.start_at",
        "is no such time",
    ),
    "a time of nowhere": (
        KINESIS | {"kinesis": {"streams": ["a"], "start": "at_timestamp", "start_at": "2026-02-20T00:00:00"}},
        "kinesis.start_at",
        "must be a time with its zone",
    ),
    "a login in the address": (
        KINESIS | {"kinesis": {"streams": ["a"], "endpoint_url": "https://user:pw@host"}},
        "kinesis.endpoint_url",
        "must be an address",
    ),
    "a port that is none": (
        KINESIS | {"kinesis": {"streams": ["a"], "dynamodb_endpoint_url": "http://host:99999"}},
        "kinesis.dynamodb_endpoint_url",
        "port",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_missing_or_does_nothing_is_refused_by_its_key(tmp_path: Path, case: str) -> None:
    tree, key, reason = CASES[case]
    found = mistakes(tmp_path, tree)
    assert list(found) == [key]
    assert reason in found[key]


def test_letters_may_go_to_kafka_from_kinesis(tmp_path: Path) -> None:
    kafka = {"bootstrap_servers": "127.0.0.1:9092", "client": {"client.id": "x"}}
    settings = read(tmp_path, KINESIS | {"kafka": kafka, "dead_letters": {"topic": "letters"}})
    assert (settings.dead_letters.topic, settings.dead_letters.stream) == ("letters", None)


@pytest.mark.parametrize("tree", [KAFKA, KINESIS])
def test_an_editor_is_told_the_same(tree: dict[str, Any]) -> None:
    """The types know nothing of one another, so the schema has a condition."""
    validator = jsonschema.Draft202012Validator(json.loads(schema()))
    validator.validate(tree)
    for section in ("kafka", "kinesis"):
        if section in tree:
            assert list(validator.iter_errors(tree | {section: {}}))
    assert list(validator.iter_errors({key: value for key, value in tree.items() if key != "dead_letters"}))
