"""A level for a module that does not log is refused, with the name that was meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from worker.config import ConfigError, read_settings

MINIMAL = Path(__file__).parents[3] / "config" / "minimal.yaml"


def read(levels: object) -> dict[str, str]:
    return dict(read_settings(MINIMAL, {"WORKER_LOG__LEVELS": json.dumps(levels)}).log.levels)


def test_modules_and_packages_have_levels() -> None:
    levels = {"worker.sources.kafka.group": "debug", "worker.sources": "warning"}
    assert read(levels) == levels
    assert read({}) == {}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("worker.source.kafka", "worker.sources.kafka"),
        ("worker.pipeline.retries", "worker.pipeline.retry"),
        ("kafka", "worker.sources.kafka"),
        ("worker.sources.kafka.", "worker.sources.kafka"),
    ],
)
def test_an_unknown_module_is_refused_with_the_nearest(name: str, meant: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read({name: "debug"})
    (mistake,) = refused.value.mistakes
    assert mistake.key == f"log.levels.{name}"
    assert mistake.reason == f"is no module that logs; did you mean {meant}?"


def test_an_unknown_level_is_refused_at_its_place() -> None:
    with pytest.raises(ConfigError) as refused:
        read({"worker.pipeline": "verbose", "worker.sources": 10})
    assert {each.key for each in refused.value.mistakes} == {
        "log.levels.worker.pipeline",
        "log.levels.worker.sources",
    }
