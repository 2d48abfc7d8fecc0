"""What is true of every user's record of the stream, whatever any worker believes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.truth import Truth, Written

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.core.model.records import Record


class StreamTruth(Truth):
    """Records are known by shard and position; a session's stand in the shards of one lineage, in order."""

    def __init__(self, *parts: object) -> None:
        super().__init__(*parts)  # type: ignore[arg-type]  # parts of a world of another source
        self._by_place: dict[tuple[int, int], Written] = {}
        self._by_shard: dict[int, list[Written]] = {}

    def of(self, record: Record) -> Written:
        """What a worker holds, as it was put."""
        return self._by_place[record.assignment.partition.number, record.offset]

    def produced(self, record: Written) -> None:
        """It stands in its shard, at its position."""
        self._by_name[record.name] = record
        self._by_place[record.partition, record.offset] = record
        self._by_shard.setdefault(record.partition, []).append(record)
        if record.kind in ("good", "poison"):
            session = self._sessions[0, record.session]
            record.place = len(session)
            session.append(record)

    def of_shard(self, number: int) -> Iterable[Written]:
        return self._by_shard.get(number, ())

    def first_owed(self, number: int, up_to: int | None) -> Written | None:
        """The first record of a shard that somebody owes yet, at this position or before it."""
        return next(
            (each for each in self.of_shard(number) if each.owed and (up_to is None or each.offset <= up_to)),
            None,
        )

    def _order_key(self, record: Written) -> tuple[int, str]:
        return 0, record.session
