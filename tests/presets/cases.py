"""The presets' samples: a record's value as its specification has it, and beside it what must become of it.

``samples/PRESET/WHAT.json`` (or ``.tsv``) is the value, byte for byte but for the newline at its end.
``WHAT.expected.json`` says what it shows, the record's key and headers, and the outcomes in their order: an
event as it is sent, with its session and user, ``dead_letter`` with the reason's kind, or ``skipped`` with
the rule. ``(derived)`` stands for an event id that is made of the record's position.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from msgspec import Struct, field

from tests.support.builders import record
from worker.config import read_settings
from worker.core.mapping.event_ids import derived_event_id
from worker.core.model.records import FanOut, Interaction, Record, Skipped, Undecodable
from worker.runtime.wiring import record_mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.settings import Settings

SAMPLES: Final = Path(__file__).parent / "samples"
DERIVED: Final = "(derived)"
_EXPECTED: Final = ".expected.json"

Outcome: TypeAlias = dict[str, Any]


class Context(Struct, frozen=True):
    """What a record has besides its value."""

    key: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Sample(Struct, frozen=True):
    """One record, and what must become of it."""

    preset: str
    name: str
    file: str
    says: str
    value: bytes
    context: Context
    outcomes: list[Outcome]
    on_page: bool
    """Whether the page of presets shows all of it; the others stand in its table."""

    def __str__(self) -> str:
        return f"{self.preset}/{self.name}"

    def record(self) -> Record:
        headers = tuple((name, value.encode()) for name, value in self.context.headers.items())
        key = self.context.key
        return record(value=self.value, key=None if key is None else key.encode(), headers=headers)


class _Expected(Struct, frozen=True, forbid_unknown_fields=True):
    says: str
    outcomes: list[Outcome]
    record: Context = Context()
    on_page: bool = False


@cache
def samples() -> tuple[Sample, ...]:
    """All samples, by preset and name."""
    found = sorted(SAMPLES.glob(f"*/*{_EXPECTED}"))
    return tuple(_read(each) for each in found)


def samples_of(preset: str) -> list[Sample]:
    return [each for each in samples() if each.preset == preset]


def _read(path: Path) -> Sample:
    name = path.name.removesuffix(_EXPECTED)
    expected = msgspec.json.decode(path.read_bytes(), type=_Expected)
    (value,) = (each for each in path.parent.glob(f"{name}.*") if each != path)
    raw = value.read_bytes().removesuffix(b"\n")
    return Sample(
        path.parent.name,
        name,
        value.name,
        expected.says,
        raw,
        expected.record,
        expected.outcomes,
        expected.on_page,
    )


def settings_of(preset: str, **fields: object) -> Settings:
    """The settings that a configuration has which names the preset, and these fields besides it."""
    environ = {
        "WORKER_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9092",
        "WORKER_KAFKA__TOPICS": "interactions",
        "WORKER_PERSONALIZE__TRACKING_ID": "t",
        "WORKER_DEAD_LETTERS__TOPIC": "dead",
        "WORKER_RECORD__MAPPING": json.dumps({"preset": preset, **fields}),
    }
    return read_settings(None, environ)


def mapping_of(preset: str, **fields: object) -> Callable[[Record], Any]:
    return record_mapping(settings_of(preset, **fields)) if fields else _mapping_of(preset)


@cache
def _mapping_of(preset: str) -> Callable[[Record], Any]:
    return record_mapping(settings_of(preset))


def outcomes_of(mapped: object) -> Sequence[Interaction | Undecodable | Skipped]:
    if isinstance(mapped, FanOut):
        return mapped.outcomes
    assert isinstance(mapped, Interaction | Undecodable | Skipped), mapped
    return [mapped]


def shown(outcome: Interaction | Undecodable | Skipped) -> Outcome:
    """An outcome in the form of an expected one; properties as an object."""
    match outcome:
        case Interaction():
            event = json.loads(outcome.event)
            if "properties" in event:
                event["properties"] = json.loads(event["properties"])
            derived = derived_event_id(outcome.record)
            if event["eventId"].startswith(derived):
                event["eventId"] = event["eventId"].replace(derived, DERIVED, 1)
            user = {} if outcome.user_id is None else {"userId": outcome.user_id}
            return {"sessionId": outcome.session_id, **user, "event": event}
        case Undecodable():
            return {"dead_letter": outcome.reason.kind}
        case Skipped():
            return {"skipped": outcome.rule}


def call_of(interaction: Interaction) -> Mapping[str, object]:
    """A call of PutEvents with this one event."""
    user = {} if interaction.user_id is None else {"userId": interaction.user_id}
    event = json.loads(interaction.event)
    return {"trackingId": "t", "sessionId": interaction.session_id, **user, "eventList": [event]}
