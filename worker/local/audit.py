"""Compares what was accepted with what was produced: lost, repeated, out of order, unknown. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from worker.local.call_log import AcceptedCall


class Produced(Struct, frozen=True, gc=False):
    """An event that should arrive."""

    session_id: str
    sequence: int
    """Its position within the session, ascending in the order of production."""
    event_id: str


class Audit(Struct, frozen=True):
    """The comparison of the accepted calls with what was produced, as event ids."""

    lost: tuple[str, ...]
    """Produced, not excused, never accepted."""
    repeated: tuple[str, ...]
    """Accepted more than once."""
    out_of_order: tuple[str, ...]
    """First accepted after an event that follows it in its session."""
    unknown: tuple[str | None, ...]
    """Accepted, but never produced, or in another session."""

    @property
    def kept(self) -> bool:
        """Whether nothing is lost, out of order or unknown; a repeat is harmless."""
        return not (self.lost or self.out_of_order or self.unknown)


def audit(
    produced: Iterable[Produced], accepted: Iterable[AcceptedCall], *, excused: Collection[str] = ()
) -> Audit:
    """Compare what was produced with what was accepted; ``excused`` ids (dead letters) need not arrive."""
    expected = {event.event_id: event for event in produced}
    times: Counter[str] = Counter()
    latest: dict[str, int] = {}
    out_of_order: list[str] = []
    unknown: list[str | None] = []
    for session_id, event_id in _events(accepted):
        event = expected.get(event_id) if event_id is not None else None
        if event is None or event.session_id != session_id:
            unknown.append(event_id)
            continue
        times[event.event_id] += 1
        if times[event.event_id] > 1:
            continue
        if event.sequence < latest.get(session_id, event.sequence):
            out_of_order.append(event.event_id)
        latest[session_id] = max(event.sequence, latest.get(session_id, event.sequence))
    return Audit(
        lost=tuple(each for each in expected if each not in times and each not in excused),
        repeated=tuple(each for each, count in times.items() if count > 1),
        out_of_order=tuple(out_of_order),
        unknown=tuple(unknown),
    )


def _events(accepted: Iterable[AcceptedCall]) -> Iterator[tuple[str, str | None]]:
    return ((call.session_id, event_id) for call in accepted for event_id in call.event_ids)
