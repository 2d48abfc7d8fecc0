"""What the worker says of itself when asked: its gauges, and whether it is ready.

Built from the live parts for each question; a part that is not there yet is a reason for not being ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.snapshot import Gauges, PartitionGauges, Readiness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    from worker.assembly import Worker

    class Watched(Protocol):
        """What a source tells beside records."""

        def trouble(self) -> str | None:
            """What it complains of; None while all is well."""

        def partitions(self) -> tuple[PartitionGauges, ...]:
            """The partitions that are ours."""


_STARTING = "the worker is starting"
_NOTHING = Gauges(
    unsettled_records=0,
    unsettled_bytes=0,
    oldest_unsettled_age_seconds=0.0,
    gate_rate_calls_per_second=0.0,
    gate_share_ratio=0.0,
    calls_in_flight=0,
    holds=(),
    paused=False,
    accepted_uncommitted_records=0,
    partitions=(),
)


class Status:
    """Asks the parts of one worker, once there are any."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Begin without a worker; ``clock`` is the loop's."""
        self._clock = clock
        self._watched: tuple[Worker, Watched] | None = None
        self.waiting_for: str | None = _STARTING

    def watch(self, worker: Worker, source: Watched) -> None:
        """Speak of these from now on."""
        self._watched = worker, source

    def gauges(self) -> Gauges:
        """The numbers at this moment."""
        if self._watched is None:
            return _NOTHING
        worker, source = self._watched
        gate, backlog, ledger = worker.turnstile.gate, worker.books.backlog, worker.books.ledger
        return Gauges(
            unsettled_records=backlog.records,
            unsettled_bytes=backlog.bytes,
            oldest_unsettled_age_seconds=worker.books.oldest_age_seconds(self._clock()),
            gate_rate_calls_per_second=gate.rate,
            gate_share_ratio=gate.share,
            calls_in_flight=gate.in_flight,
            holds=tuple(hold.kind for hold in gate.holds),
            paused=worker.flow.paused,
            accepted_uncommitted_records=sum(lease.uncommitted() for lease in ledger),
            partitions=source.partitions(),
        )

    def readiness(self) -> Readiness:
        """Whether records are being delivered, and if not, why not."""
        reasons = tuple(self._reasons())
        return Readiness(not reasons, reasons)

    def _reasons(self) -> Iterator[str]:
        if self.waiting_for is not None:
            yield self.waiting_for
        if self._watched is None:
            if self.waiting_for is None:
                yield _STARTING
            return
        worker, source = self._watched
        if worker.flow.draining:
            yield "draining"
        if (trouble := source.trouble()) is not None:
            yield f"kafka: {trouble}"
        if not len(worker.books.ledger):
            yield "no partitions assigned"
        if (drought := worker.turnstile.drought.now(self._clock())) is not None:
            yield drought
        for hold in worker.turnstile.gate.holds:
            since = self._clock() - hold.since
            yield f"held for {since:.0f} s: {hold.kind}: {hold.reason}; {hold.advice}"
