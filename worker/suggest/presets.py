"""Recognises the presets: which of them fits a sample, by the ``match`` of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.model.records import Interaction
from worker.core.operations.put_events import PUT_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from worker.core.model.records import Record
    from worker.suggest.verification import Compile

# Trackers write other calls into the same topic: of pages, of sign-ups. How many fit is said.
_FEWEST: Final = 0.5
# An event of constants, which no record can spoil.
_ANY_EVENT: Final[Mapping[str, object]] = {
    **{field.name: None for field in PUT_EVENTS.fields if not field.required},
    "event_type": {"value": "any"},
    "sent_at": {"value": 1_700_000_000},
    "session_id": {"value": "any"},
}


class Recognisable(Struct, frozen=True):
    """A preset, and how its records are recognised."""

    name: str
    title: str
    match: Mapping[str, object]
    """Paths at which something stands; a value, if it is always the same, else None."""


class Fit(Struct, frozen=True):
    """A preset, and how many records of the sample it fits."""

    name: str
    title: str
    records: int


def best_fits(
    presets: Iterable[Recognisable], records: Sequence[Record], compile_: Compile
) -> tuple[Fit, ...]:
    """Return the presets that fit the most records, the pickiest first; none if that is not half."""
    counts = [(_count(preset, records, compile_), preset) for preset in presets]
    most = max((count for count, _ in counts), default=0)
    if not most or most < len(records) * _FEWEST:
        return ()
    best = sorted((preset for count, preset in counts if count == most), key=lambda each: -len(each.match))
    return tuple(Fit(preset.name, preset.title, most) for preset in best)


def _count(preset: Recognisable, records: Sequence[Record], compile_: Compile) -> int:
    """Count the records that have all of it, which the mapping's own filters look for."""
    keep = [
        {
            "name": f"match-{number}",
            "path": path,
            **({"exists": True} if value is None else {"equals": value}),
        }
        for number, (path, value) in enumerate(preset.match.items())
    ]
    if not keep:
        return 0
    map_record = compile_({**_ANY_EVENT, "keep": keep})
    return sum(isinstance(map_record(record), Interaction) for record in records)
