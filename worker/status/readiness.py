"""Why records are not being delivered: a word and a sentence for each reason, the first to fix first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

from worker.core.flow_control.advice import advise_keys, clock_is_off, is_too_far_off
from worker.core.model.snapshot import NO_PARTITIONS, NotReady

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.assembly import Worker
    from worker.core.model.snapshot import (
        HoldStatus,
        KeysStatus,
        PartitionGauges,
        ShownPosition,
        SourceStatus,
    )


_NO_SHARE: Final = {
    "kafka": "the partitions of the subscribed topics can't be counted, so nothing is sent: "
    "let the worker's user describe them, or see what Kafka complains of",
    "kinesis": "the shards of the streams are not counted yet, so nothing is sent: "
    "see what is said of Kinesis and the lease table",
}


class WatchedSource(Protocol):
    """What a source reports besides records."""

    def status(self) -> SourceStatus:
        """Return what is wrong with it, and the figures that belong to no single partition."""

    def partitions(self) -> tuple[PartitionGauges, ...]:
        """Return the partitions assigned to us."""

    def shown(self, position: int) -> ShownPosition:
        """Return a record's position as it is written for people and for other programs."""


class Watched(Struct, frozen=True):
    """The live parts of one worker."""

    worker: Worker
    source: WatchedSource
    clock_ahead_seconds: Callable[[], float | None]
    """How far our clock is ahead of the API's; None while unknown."""
    keys: Callable[[], KeysStatus | None] = lambda: None
    """The state of the keys that sign calls; None: unknown."""


def reasons(waiting_for: NotReady | None, watched: Watched | None, now: float) -> Iterator[NotReady]:
    """Yield the reasons for not being ready; ``waiting_for`` while there are no parts; nothing when ready."""
    if watched is None:
        if waiting_for is None:
            yield NotReady("starting", "the worker is starting")
        else:
            yield waiting_for
        return
    worker = watched.worker
    if worker.pipeline.draining:
        yield NotReady("draining", _draining(worker, now))
    # A hold explains why nothing is sent, whatever else may be wrong.
    yield from _calls(watched)
    yield from _source(watched, now)
    outage = worker.permits.outage
    if (says := outage.now(now)) is not None:
        yield NotReady("throttled" if outage.is_throttling(now) else "calls_failing", says)


def _calls(watched: Watched) -> Iterator[NotReady]:
    """Yield what keeps calls from being made or accepted: holds, keys, the clock."""
    holds = [each for each in watched.worker.holds() if each.unconfirmed_seconds is None]
    for hold in holds:
        yield NotReady("hold", f"{held_for(hold)}; {hold.advice}; {_probed(hold)}")
    # Without keys, the first call that is made causes a hold for that reason.
    if not any(each.kind == "misconfigured" for each in holds) and (says := _without_keys(watched)):
        yield NotReady("credentials", says)
    ahead = watched.clock_ahead_seconds()
    if ahead is not None and is_too_far_off(ahead):
        yield NotReady(
            "clock",
            f"{clock_is_off(ahead)}, which rejects signatures that are five minutes off: set it right",
        )


def _source(watched: Watched, now: float) -> Iterator[NotReady]:
    """Yield what keeps records from coming, or from getting a share of the quota."""
    worker, source = watched.worker, watched.source.status()
    system, troubles = source.system, source.troubles
    yield from (NotReady(system, f"{system}: {each}") for each in troubles if each.kind != NO_PARTITIONS)
    if (since := worker.rebalance.none_since) is not None:
        # The reason for having none is known only some seconds later.
        why = next((str(each) for each in troubles if each.kind == NO_PARTITIONS), None)
        yield NotReady("no_partitions", why or f"no partitions assigned for {now - since:.0f} s")
    elif not worker.permits.limiter.share:
        seconds = now - worker.rebalance.changed_at
        yield NotReady("no_share", f"no share of the quota for {seconds:.0f} s; {_NO_SHARE[system]}")


def why_keys_fail(keys: KeysStatus) -> str:
    """Describe since when there are no keys to be had, why, and what to do."""
    seconds = 0.0 if keys.failing_seconds is None else keys.failing_seconds
    advice = advise_keys(keys.code, from_environment=keys.from_environment)
    return f"for {seconds:.0f} s: {keys.code or 'they are being loaded'}; {advice}"


def _without_keys(watched: Watched) -> str | None:
    keys = watched.keys()
    if keys is None:
        return None
    if not keys.are_there:
        return f"no keys to sign calls with {why_keys_fail(keys)}"
    has_ended = keys.end_in_seconds is not None and keys.end_in_seconds <= 0
    if not has_ended or keys.failing_seconds is None:
        return None
    return f"the keys have ended, and others can't be had {why_keys_fail(keys)}"


def held_for(hold: HoldStatus) -> str:
    """Describe what is held, and for how long."""
    return f"held for {hold.held_seconds:.0f} s: {hold.kind}: {hold.reason}"


def _draining(worker: Worker, now: float) -> str:
    left = max(0.0, worker.pipeline.drains_until - now)
    return (
        f"draining, {left:.0f} s left: {worker.unsettled.count()} records unsettled; "
        "records not delivered by then go to the next owner"
    )


def _probed(hold: HoldStatus) -> str:
    if hold.probe_waits_until is not None:
        when = f"once {hold.probe_waits_until}"
    else:
        when = "next now" if hold.next_probe_seconds is None else f"next in {hold.next_probe_seconds:.0f} s"
    return f"{hold.probe} to find out, {when}"
