"""Why records are not being delivered, a sentence a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from worker.core.advice import clock_is_off, is_too_far_off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.assembly import Worker
    from worker.core.snapshot import HoldStatus, PartitionGauges


class WatchedSource(Protocol):
    """What a source tells beside records."""

    def trouble(self) -> str | None:
        """What it complains of; None while all is well."""

    def partitions(self) -> tuple[PartitionGauges, ...]:
        """The partitions that are ours."""


class Watched(Struct, frozen=True):
    """The live parts of one worker."""

    worker: Worker
    source: WatchedSource
    clock_ahead_seconds: Callable[[], float | None]
    """How far our clock is ahead of the API's; None while that is not known."""


def reasons(waiting_for: str | None, watched: Watched | None, now: float) -> Iterator[str]:
    """What keeps the worker from being ready, ``waiting_for`` while it has no parts; nothing while it is."""
    if watched is None:
        yield waiting_for or "the worker is starting"
        return
    worker = watched.worker
    if worker.flow.draining:
        yield "draining"
    if (trouble := watched.source.trouble()) is not None:
        yield f"kafka: {trouble}"
    if not len(worker.books.ledger):
        yield "no partitions assigned"
    if (drought := worker.turnstile.drought.now(now)) is not None:
        yield drought
    for hold in worker.holds():
        held = f"held for {hold.held_seconds:.0f} s: {hold.kind}: {hold.reason}"
        yield f"{held}; {hold.advice}; {_probed(hold)}"
    ahead = watched.clock_ahead_seconds()
    if ahead is not None and is_too_far_off(ahead):
        yield f"{clock_is_off(ahead)}, which takes no signature that is five minutes off: set it right"


def _probed(hold: HoldStatus) -> str:
    when = "now" if hold.next_probe_seconds is None else f"in {hold.next_probe_seconds:.0f} s"
    return f"{hold.probe} to find out, next {when}"
