"""What the configuration says under ``record`` is what the worker and a replay map by."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builders import record
from worker.config import ConfigError, read_settings
from worker.core.model.records import Interaction
from worker.runtime.wiring import record_mapping

MINIMAL = Path(__file__).parents[3] / "config" / "minimal.yaml"
VALUE = b'{"type":"view","sentAt":1764000000,"sessionId":"s-1","userId":"%s"}'


def user_of(word: bytes, **environ: str) -> str | None:
    mapping = {"WORKER_RECORD__MAPPING__EVENT_TYPE": "type", "WORKER_PERSONALIZE__REGION": "eu-west-1"}
    outcome = record_mapping(read_settings(MINIMAL, mapping | environ))(record(value=VALUE % word))
    assert isinstance(outcome, Interaction)
    return outcome.user_id


def test_placeholders_are_as_configured() -> None:
    assert user_of(b"None") is None
    assert user_of(b"guest") == "guest"
    assert user_of(b"guest", WORKER_RECORD__PLACEHOLDER_IDS="guest,0") is None
    assert user_of(b"None", WORKER_RECORD__BUILTIN_PLACEHOLDER_IDS="false") == "None"


def test_a_constant_that_a_placeholder_makes_nothing_is_a_mistake() -> None:
    environ = {
        "WORKER_RECORD__MAPPING__ITEM_ID": '{"value": "guest"}',
        "WORKER_RECORD__PLACEHOLDER_IDS": "guest",
    }
    with pytest.raises(ConfigError, match="stands for nothing"):
        read_settings(MINIMAL, environ)
