"""Ports: what the pipeline needs from outside.

Each has a real adapter, and a twin in memory for the tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.model.boundary import Boundary
    from worker.core.model.outcomes import Answer
    from worker.core.model.partition import Partition
    from worker.core.model.records import Batch, Mapped, Reason, Record, Skipped
    from worker.core.offsets.assignment import Assignment
    from worker.formats.protocol import NeedsSchema
    from worker.formats.schemas import Schema, SchemaId, Unknown


class RebalanceListener(Protocol):
    """What a source tells the pipeline about its partitions, and what it gets back."""

    def assigned(self, partitions: Sequence[Partition]) -> Sequence[Assignment]:
        """Open an assignment for each partition, in the order given."""

    async def revoked(self, partitions: Sequence[Partition]) -> Mapping[Partition, Boundary]:
        """Flush them under one deadline, end their assignments, and return how far they are settled."""

    def cut(self, partition: Partition, position: int) -> Assignment:
        """Open an assignment: the log of a partition continues at ``position``, below what was received.

        Records held from below the cut stay, and nothing is committed past them. Records held from there on
        are delivered, but hold back no commit, because their positions belong to other records now.
        """

    def lost(self, partitions: Sequence[Partition]) -> None:
        """End the assignments of partitions that somebody else owns already: nothing may be committed."""

    def committed(self, boundaries: Mapping[Partition, Boundary]) -> None:
        """Note how far these are committed, in the source's terms, including partitions that are gone."""


class Source(Protocol):
    """Receives records and commits how far they are settled. Only one call is under way at a time."""

    async def open(self, listener: RebalanceListener) -> None:
        """Begin to receive; partitions come and go through ``listener`` from within ``receive``."""

    async def receive(self, max_records: int) -> Sequence[Record]:
        """Return up to ``max_records`` that are there.

        If there are none, wait briefly and return the first that come, or none.
        """

    async def store(self, boundaries: Mapping[Partition, Boundary]) -> None:
        """Note how far partitions are settled, which is what to commit next."""

    async def commit(self) -> None:
        """Commit what was stored, now."""

    async def pause(self, *, for_good: bool = False) -> None:
        """Stop receiving records, but keep the partitions; ``for_good``: take no others."""

    async def resume(self) -> None:
        """Receive records again."""

    async def partitions_total(self) -> int | None:
        """Count all partitions of the subscribed topics, whoever owns them; None while that is unknown."""

    async def close(self) -> None:
        """Leave the group."""


Map: TypeAlias = "Callable[[Record], Mapped | NeedsSchema]"
"""Maps a record to what it becomes. It never raises, whatever the bytes.

``NeedsSchema`` only for a format that is assembled with a ``SchemaRegistry``: map it again once the schema is
there.
"""


class RegistryFault(Struct, frozen=True):
    """Why the registry gave no answer that counts. A value: it is returned and never raised."""

    code: str
    """One word."""
    status: int = 0
    """The status of the answer; 0 if there was none."""


class SchemaRegistry(Protocol):
    """Asks for a schema, once."""

    async def fetch(self, schema_id: SchemaId) -> Schema | Unknown | RegistryFault:
        """Return the schema with all that it refers to. Raises nothing but cancellation."""


class PutEvents(Protocol):
    """Makes one call, without retries."""

    async def put(self, batch: Batch) -> Answer:
        """Send the batch and classify the answer. Raises nothing but cancellation."""


class DeadLettersUnwritable(Exception):  # noqa: N818  it names the state, which is held until it ends
    """The dead-letter topic did not take the record; ``str()`` says why, without user data."""


class DeadLetters(Protocol):
    """The place for records, and elements of records, that can't be delivered."""

    async def write(self, record: Record, reason: Reason, tries: int) -> None:
        """Return when the broker has acknowledged it; raise ``DeadLettersUnwritable`` when it didn't."""


class PipelineMetrics(Protocol):
    """What is counted. Called on the loop; must be cheap, must not raise."""

    def received(self, records: int) -> None:
        """Count records that came from the topics."""

    def fanned_out(self, elements: int) -> None:
        """Count a record that holds several elements, and these."""

    def skipped(self, skipped: Skipped) -> None:
        """Count a record, or an element of one, that a rule left out."""

    def dead_lettered(self, reason: Reason) -> None:
        """Count a dead letter that was acknowledged."""

    def answered(self, answer: Answer, seconds: float) -> None:
        """Count a call that was answered, or failed, after so many seconds."""

    def accepted(self, batch: Batch) -> None:
        """Count events that the API accepted."""

    def committed(self) -> None:
        """Count a commit that was acknowledged."""

    def rebalanced(self, kind: str) -> None:
        """Count a rebalance: partitions were ``assigned``, ``revoked`` or ``lost``."""
