"""Nothing in a preset is there that no sample needs: each field, rule and directive is missed when gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.presets.cases import mapping_of, outcomes_of, samples_of, shown
from worker.config import ConfigError
from worker.config.presets import preset_names, read_preset
from worker.core.operations.put_events import PUT_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUIRED: dict[str, dict[str, object]] = {
    each.name: {"value": 1_500_000_000 if each.name == "sent_at" else "other"}
    for each in PUT_EVENTS.fields
    if each.required
}


def without_one(preset: str) -> Iterator[tuple[str, dict[str, object]]]:
    """What to override to be without one thing, and its name."""
    for key, spec in read_preset(preset).mapping.items():
        if key in ("keep", "drop"):
            assert isinstance(spec, list)
            for rule in spec:
                yield f"{key} {rule['name']}", {key: [each for each in spec if each is not rule] or None}
        elif spec is not None:
            yield key, {key: REQUIRED.get(key)}
        if isinstance(spec, dict) and isinstance(members := spec.get("object"), dict) and len(members) > 1:
            for name in members:
                rest = {each: members[each] for each in members if each != name}
                yield f"{key} {name}", {key: spec | {"object": rest}}


@pytest.mark.parametrize("preset", preset_names())
def test_each_part_of_a_preset_is_missed_by_a_sample(preset: str) -> None:
    for what, override in without_one(preset):
        try:
            map_record = mapping_of(preset, **override)
        except ConfigError:
            # Fields that read elements need the fan-out.
            assert what == "each"
            continue
        assert any(
            [shown(each) for each in outcomes_of(map_record(sample.record()))] != sample.outcomes
            for sample in samples_of(preset)
        ), what
