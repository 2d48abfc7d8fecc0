"""Records that hold several events, and a mapping for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tests.support.twins import map_plainly
from worker.core.model.records import Element, FanOut, Interaction, Undecodable, each_of

if TYPE_CHECKING:
    from worker.core.model.records import Mapped, MappedOne, Record


def element(record: Record, index: int, of: int) -> Element:
    """One of the elements of a record."""
    return Element(
        record.assignment,
        record.offset,
        record.timestamp_ms,
        record.key,
        record.value,
        record.headers,
        record.received_at,
        index=index,
        of=of,
    )


def map_each(record: Record) -> Mapped:
    """What ``map_plainly`` makes of each part of the value between ``+``; a bad part says which it is."""
    parts = (record.value or b"").split(b"+")
    if len(parts) == 1:
        return map_plainly(record)
    outcomes: list[MappedOne] = []
    for index, part in enumerate(parts):
        (one,) = each_of(map_plainly(replace(record, value=part)))
        if isinstance(one, Undecodable):
            one = Undecodable(one.record, replace(one.reason, text=f"element {index}: {one.reason.text}"))
        outcomes.append(replace(one, record=element(record, index, len(parts))))
    bad = next((each for each in outcomes if isinstance(each, Undecodable)), None)
    if bad is not None and not any(isinstance(each, Interaction) for each in outcomes):
        return Undecodable(record, bad.reason)
    return FanOut(record, tuple(outcomes))
