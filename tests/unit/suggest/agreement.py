"""How often a suggestion agrees with the people who wrote the presets: ``make suggest-table``.

The samples of a preset (``tests/presets/samples``) are all that a suggestion gets to see. Its mapping is then
run over them, and each field of each event compared with what stands beside the sample. Properties are right
if they hold all values that the preset picks.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from tests.support.builders import record
from worker.config.presets import preset_names, read_preset
from worker.core.mapping import compile_mapping
from worker.core.mapping.event_ids import derived_event_id
from worker.core.model.records import FanOut, Interaction
from worker.core.operations.put_events import PUT_EVENTS
from worker.formats.json.whole import decode_whole
from worker.formats.protocol import FormatError
from worker.suggest import suggest
from worker.suggest.presets import Recognisable, best_fits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.core.model.records import Record

SAMPLES: Final = Path(__file__).parents[2] / "presets" / "samples"
_EXPECTED: Final = ".expected.json"
_DERIVED: Final = "(derived)"
_PRESETS: Final = [
    Recognisable(name, preset.title, preset.match)
    for name in preset_names()
    if (preset := read_preset(name)).record.get("format", "json") == "json"
]


class Agreement(Struct, frozen=True):
    """Of one preset: how many values of events there are by field, and how many of them are right."""

    preset: str
    records: int
    values: dict[str, int]
    right: dict[str, int]
    named: tuple[str, ...]
    """The presets that are named for these records."""


class _Sample(Struct, frozen=True):
    record: Record
    document: dict[str, Any]
    events: list[dict[str, Any]]
    """What must become of it."""


def agreements() -> list[Agreement]:
    """One for each preset whose samples are JSON."""
    found = []
    for folder in sorted(SAMPLES.iterdir()):
        samples = list(_samples(folder))
        if any(each.events for each in samples):
            found.append(_agreement(folder.name, samples))
    return found


def _agreement(preset: str, samples: Sequence[_Sample]) -> Agreement:
    sample = [(each.record, each.document) for each in samples]
    suggestion = suggest(sample, compile_mapping)  # type: ignore[arg-type]  # JSON needs no schema
    map_record: Any = compile_mapping(suggestion.plan.mapping())
    values, right = Counter[str](), Counter[str]()
    for each in samples:
        got = list(_events(map_record(each.record)))
        for index, expected in enumerate(each.events):
            values.update(list(expected))
            found = got[index] if index < len(got) else {}
            right.update(field for field in expected if _agrees(field, expected[field], found.get(field)))
    fits = best_fits(_PRESETS, [each.record for each in samples], compile_mapping)  # type: ignore[arg-type]  # as above
    return Agreement(preset, len(samples), dict(values), dict(right), tuple(fit.name for fit in fits))


def _agrees(field: str, expected: object, got: object) -> bool:
    if field != "properties":
        return expected == got
    return _leaves(expected) <= _leaves(got)


def _leaves(value: object) -> set[str]:
    match value:
        case dict():
            return set().union(*map(_leaves, value.values()))
        case list():
            return set().union(*map(_leaves, value))
        case _:
            return {str(value)}


def _samples(folder: Path) -> Iterator[_Sample]:
    for path in sorted(folder.glob(f"*{_EXPECTED}")):
        says = json.loads(path.read_bytes())
        (value,) = (each for each in folder.glob(f"{path.name.removesuffix(_EXPECTED)}.*") if each != path)
        context = says.get("record", {})
        key, headers = context.get("key"), context.get("headers", {})
        made = record(
            value=value.read_bytes().removesuffix(b"\n"),
            key=None if key is None else key.encode(),
            headers=tuple((name, text.encode()) for name, text in headers.items()),
        )
        try:
            document = decode_whole(made.value or b"null")
        except FormatError:
            continue
        if document is not None:
            events = [_fields(each) for each in says["outcomes"] if "event" in each]
            yield _Sample(made, document, events)


def _events(mapped: object) -> Iterator[dict[str, Any]]:
    for outcome in mapped.outcomes if isinstance(mapped, FanOut) else (mapped,):
        if isinstance(outcome, Interaction):
            event = msgspec.json.decode(outcome.event)
            if "properties" in event:
                event["properties"] = msgspec.json.decode(event["properties"])
            derived = derived_event_id(outcome.record)
            event["eventId"] = event["eventId"].replace(derived, _DERIVED, 1)
            user = {} if outcome.user_id is None else {"userId": outcome.user_id}
            yield _fields({"sessionId": outcome.session_id, **user, "event": event})


def _fields(outcome: dict[str, Any]) -> dict[str, Any]:
    """The fields of an event by their names in a mapping."""
    flat = {
        **outcome["event"],
        **{name: outcome[name] for name in ("sessionId", "userId") if name in outcome},
    }
    names = {field.api_name.partition(".")[0]: field.name for field in PUT_EVENTS.fields}
    return {names[name]: value for name, value in flat.items()}


def table(found: Sequence[Agreement]) -> str:
    """The agreements as lines, with a sum, and the fields of which a value is wrong."""
    lines = [f"{'preset':<24}{'records':>8}  {'right':>8}  {'named':<22}  wrong"]
    for each in found:
        wrong = [field for field in each.values if each.right.get(field, 0) < each.values[field]]
        figures = (
            f"{each.preset:<24}{each.records:>8}  {_share([each]):>8}  {', '.join(each.named) or '-':<22}"
        )
        lines.append(f"{figures}  {', '.join(wrong)}".rstrip())
    lines.append(f"{'all':<24}{sum(each.records for each in found):>8}  {_share(found):>8}")
    return "\n".join(lines)


def _share(found: Sequence[Agreement]) -> str:
    right, values = (
        sum(sum(counts.values()) for counts in each)
        for each in ([each.right for each in found], [each.values for each in found])
    )
    return f"{right}/{values}"


if __name__ == "__main__":
    print(table(agreements()))  # noqa: T201  what it is started for
