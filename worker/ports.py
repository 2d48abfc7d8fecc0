"""What the pipeline needs from outside: each has a real part, and a twin in memory for the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.model.boundary import Boundary
    from worker.core.model.outcomes import Answer
    from worker.core.model.partition import Partition
    from worker.core.model.records import Batch, Mapped, Reason, Record, Skipped
    from worker.core.offsets.assignment import Assignment


class RebalanceListener(Protocol):
    """What a source tells the pipeline about its partitions, and what it gets back."""

    def assigned(self, partitions: Sequence[Partition]) -> Sequence[Assignment]:
        """Open an assignment for each partition, in the order given."""

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Boundary]:
        """Flush these partitions under one deadline, end their assignments, say how far they are settled."""

    def cut(self, partition: Partition, position: int) -> Assignment:
        """Open an assignment: the log of a partition goes on at ``position``, below what was received.

        What is held from below stays, and nothing is committed past it; what is held from there on is
        delivered, and holds nothing back, for its positions are other records' now.
        """

    def lost(self, partitions: Sequence[Partition]) -> None:
        """End the assignments of partitions that somebody else owns already: nothing may be committed."""

    def committed(self, boundaries: Mapping[Partition, Boundary]) -> None:
        """Note how far these are committed, as the source puts it; also of partitions that are gone."""


class Source(Protocol):
    """Records in, commits back. Only one call is under way at a time."""

    async def open(self, listener: RebalanceListener) -> None:
        """Begin to receive; partitions come and go through ``listener`` from within ``receive``."""

    async def receive(self, max_records: int) -> Sequence[Record]:
        """Up to ``max_records`` that are there, else a short wait's first ones, else none."""

    async def store(self, boundaries: Mapping[Partition, Boundary]) -> None:
        """Note how far partitions are settled, which is what to commit next."""

    async def commit(self) -> None:
        """Commit what was stored, now."""

    async def pause(self) -> None:
        """Stop the flow of records, keep the partitions."""

    async def resume(self) -> None:
        """Let the records flow again."""

    async def partitions_total(self) -> int | None:
        """All partitions of the subscribed topics, whoever owns them; None while that can't be told."""

    async def close(self) -> None:
        """Leave the group."""


Map: TypeAlias = "Callable[[Record], Mapped]"
"""From a record to an interaction. It never raises, whatever the bytes."""


class PutEvents(Protocol):
    """One call, tried once."""

    async def put(self, batch: Batch) -> Answer:
        """Send the batch and classify the answer. Raises nothing but cancellation."""


class DeadLettersUnwritable(Exception):  # noqa: N818  it names the state, which is held until it ends
    """The dead-letter topic did not take the record; ``str()`` says why, without user data."""


class DeadLetters(Protocol):
    """The place for what can't be delivered."""

    async def write(self, record: Record, reason: Reason, tries: int) -> None:
        """Return when the broker has acknowledged it; raise ``DeadLettersUnwritable`` when it didn't."""


class PipelineMetrics(Protocol):
    """What is counted. Called on the loop; must be cheap, must not raise."""

    def received(self, records: int) -> None:
        """So many records came from the topics."""

    def skipped(self, skipped: Skipped) -> None:
        """A record was left out by rule."""

    def dead_lettered(self, reason: Reason) -> None:
        """A dead letter was acknowledged."""

    def answered(self, answer: Answer, seconds: float) -> None:
        """A call was answered, or failed, after so long."""

    def accepted(self, batch: Batch) -> None:
        """The API has these events."""

    def committed(self) -> None:
        """A commit was acknowledged."""

    def rebalanced(self, kind: str) -> None:
        """Partitions were ``assigned``, ``revoked`` or ``lost``."""
