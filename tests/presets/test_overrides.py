"""Every field and directive of every preset can be replaced, and a mistake in doing so has its own key."""

from __future__ import annotations

import json

import pytest

from tests.presets.cases import mapping_of, outcomes_of, samples_of, settings_of
from worker.config import ConfigError
from worker.config.presets import preset_names, read_preset
from worker.core.model.records import Interaction
from worker.core.operations.put_events import PUT_EVENTS

every_preset = pytest.mark.parametrize("preset", preset_names())

CONSTANTS: dict[str, object] = {
    "event_type": "mine",
    "sent_at": 1_500_000_000,
    "session_id": "my-session",
    "user_id": "my-user",
    "item_id": "my-item",
    "event_value": 7.5,
    "properties": {"mine": 1},
    "impression": ["my-item"],
    "recommendation_id": "my-recommendation",
    "event_attribution_source": "my-source",
}
OPTIONAL = [each.name for each in PUT_EVENTS.fields if not each.required]


def events_of(preset: str, **fields: object) -> list[Interaction]:
    """The events that come of all samples of a preset."""
    map_record = mapping_of(preset, **fields)
    outcomes = (each for sample in samples_of(preset) for each in outcomes_of(map_record(sample.record())))
    return [each for each in outcomes if isinstance(each, Interaction)]


def value_in(interaction: Interaction, field: str) -> object:
    event = json.loads(interaction.event)
    match field:
        case "session_id" | "user_id":
            return getattr(interaction, field)
        case "event_attribution_source":
            return event["metricAttribution"]["eventAttributionSource"]
        case "properties":
            return json.loads(event["properties"])
        case _:
            (api_name,) = (each.api_name for each in PUT_EVENTS.fields if each.name == field)
            return event.get(api_name)


@every_preset
@pytest.mark.parametrize("field", CONSTANTS)
def test_a_field_is_replaced_and_the_others_stay(preset: str, field: str) -> None:
    before, after = events_of(preset), events_of(preset, **{field: {"value": CONSTANTS[field]}})
    assert after
    assert {repr(value_in(each, field)) for each in after} == {repr(CONSTANTS[field])}
    if len(before) == len(after):
        others = [name for name in ("session_id", "event_type", "sent_at") if name != field]
        for one, other in zip(before, after, strict=True):
            assert [value_in(one, name) for name in others] == [value_in(other, name) for name in others]


@every_preset
@pytest.mark.parametrize("field", [each for each in OPTIONAL if each != "event_id"])
def test_an_optional_field_is_turned_off(preset: str, field: str) -> None:
    for each in events_of(preset, **{field: None}):
        assert f'"{field}"' not in each.event.decode()
        assert field != "user_id" or each.user_id is None


@every_preset
def test_an_event_id_is_replaced(preset: str) -> None:
    for each in events_of(preset, event_id="$offset"):
        assert json.loads(each.event)["eventId"].partition("-")[0] == "0"


@every_preset
@pytest.mark.parametrize("directive", ["unwrap", "keep", "drop"])
def test_a_directive_is_turned_off(preset: str, directive: str) -> None:
    assert directive not in settings_of(preset, **{directive: None}).record.mapping


@every_preset
def test_a_fan_out_is_turned_off_with_the_fields_that_read_it(preset: str) -> None:
    """One that is forgotten is a mistake under its own key."""
    if "each" not in read_preset(preset).mapping:
        return
    with pytest.raises(ConfigError) as caught:
        settings_of(preset, each=None)
    off: dict[str, object] = {}
    for mistake in caught.value.mistakes:
        field = mistake.key.split(".")[2]
        off[field] = {"value": CONSTANTS[field]} if field in CONSTANTS else None
    settings_of(preset, each=None, **off)


@every_preset
def test_a_directive_is_replaced(preset: str) -> None:
    rule = {"name": "mine", "path": "$partition", "equals": 0}
    assert events_of(preset, drop=[rule]) == []
    assert events_of(preset, keep=[rule | {"equals": 1}]) == []


@every_preset
def test_mistakes_are_named_by_their_key(preset: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of(preset, itemid="a", sent_at={"path": "a", "unit": "fortnights"}, session_id=None)
    keys = {each.key for each in caught.value.mistakes}
    assert {"record.mapping.itemid", "record.mapping.sent_at.unit", "record.mapping.session_id"} <= keys
    assert all(each.where == "WORKER_RECORD__MAPPING" for each in caught.value.mistakes)


@every_preset
def test_a_preset_says_every_field(preset: str) -> None:
    """Nothing is left to the defaults, which are paths of another shape."""
    given = read_preset(preset).mapping
    assert {each.name for each in PUT_EVENTS.fields} <= given.keys()
