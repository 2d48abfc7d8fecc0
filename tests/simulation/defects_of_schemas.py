"""Defects in what waits for a schema, and in how schemas are asked for. See ``defects``."""
# ruff: noqa: SLF001  they are planted where the real code is private, whatever its types

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.planting import defect
from worker.formats.schemas import UNKNOWN
from worker.pipeline.intake import Intake
from worker.pipeline.parking import Parking
from worker.pipeline.pipeline import Pipeline
from worker.pipeline.schema_fetcher import SchemaFetcher

if TYPE_CHECKING:
    from collections.abc import Callable


@defect(Intake, "_admit_some")
def lets_later_records_overtake_parked_ones(right: Callable[..., Any]) -> Any:
    class Blind:
        """The parking, for whoever takes in without looking which partitions are parked."""

        def __init__(self, parking: Parking) -> None:
            self._parking = parking
            self.partitions: dict[Any, Any] = {}

        def __getattr__(self, name: str) -> Any:
            return getattr(self._parking, name)

        def park(self, record: Any, needs: Any) -> None:
            if record.assignment.partition in self._parking.partitions:
                self._parking.append(record)
            else:
                self._parking.park(record, needs)

    def wrong(intake: Any, records: Any) -> bool:
        parking, intake._parking = intake._parking, Blind(intake._parking)
        try:
            return bool(right(intake, records))
        finally:
            intake._parking = parking

    return wrong


@defect(Pipeline, "_housekeeping")
def moves_offsets_past_parked_records(right: Callable[..., Any]) -> Any:
    async def wrong(pipeline: Pipeline) -> None:
        await right(pipeline)
        parked = (each.records[-1].assignment for each in pipeline._parking.partitions.values())
        received = {each.partition: each.received_up_to() for each in parked if each.open}
        await pipeline._source.store({key: each for key, each in received.items() if each is not None})

    return wrong


@defect(Parking, "drop_ended")
def keeps_what_is_parked_of_an_assignment_that_ended(_: Callable[..., Any]) -> Any:
    return lambda _: None


@defect(Parking, "drop_ended")
def delivers_what_was_parked_of_an_assignment_that_ended(_: Callable[..., Any]) -> Any:
    def wrong(parking: Parking) -> None:
        for parked in parking.partitions.values():
            for each in parked.records:
                # Else whoever sends it would look, and leave it to the next owner.
                each.assignment.open = True

    return wrong


@defect(SchemaFetcher, "keep_only")
def never_asks_again_for_what_it_gave_up(_: Callable[..., Any]) -> Any:
    def wrong(fetcher: SchemaFetcher, wanted: Any) -> None:
        for schema_id in fetcher._fetches.keys() - wanted:
            fetcher.faults.pop(schema_id, None)
            if (task := fetcher._fetches[schema_id]) is not None:
                task.cancel()

    return wrong


@defect(SchemaFetcher, "_ask")
def takes_a_fault_of_the_registry_for_unknown(right: Callable[..., Any]) -> Any:
    async def wrong(fetcher: SchemaFetcher, schema_id: Any) -> Any:
        answer = await right(fetcher, schema_id)
        return answer if fetcher.faults.pop(schema_id, None) is None else UNKNOWN

    return wrong


@defect(SchemaFetcher, "_is_doubted")
def believes_a_registry_that_lags(_: Callable[..., Any]) -> Any:
    return lambda *_: False


@defect(SchemaFetcher, "_note")
def forgets_what_the_registry_told(_: Callable[..., Any]) -> Any:
    return lambda *_: None


@defect(Parking, "_arrived")
def wakes_nobody_when_a_schema_is_there(_: Callable[..., Any]) -> Any:
    def wrong(parking: Parking, schema_id: Any) -> None:
        for parked in parking.partitions.values():
            if parked.schema_id == schema_id:
                parked.schema_id = None

    return wrong


@defect(Parking, "_admit_some")
def lets_go_only_the_first_partition_that_waited(right: Callable[..., Any]) -> Any:
    def wrong(parking: Parking, admit: Any, is_full: Any) -> int:
        every = parking.partitions
        parking.partitions = dict(list(every.items())[:1])
        try:
            return int(right(parking, admit, is_full))
        finally:
            for partition, parked in every.items():
                if parked.records:
                    parking.partitions[partition] = parked

    return wrong


@defect(Pipeline, "_take_in")
def takes_in_nothing_while_a_partition_is_parked(right: Callable[..., Any]) -> Any:
    async def wrong(pipeline: Pipeline) -> None:
        was_stalled = pipeline.__dict__.get("is_stalled", False)
        is_stalled = pipeline.__dict__["is_stalled"] = bool(pipeline._parking.partitions)
        if not is_stalled:
            if was_stalled:
                await pipeline._source.resume()
            return await right(pipeline)
        if not was_stalled:
            await pipeline._source.pause()
        # It polls, so it stays in the group.
        await pipeline._intake.admit(await pipeline._source.receive(1))
        return await pipeline._housekeeping()

    return wrong


@defect(Parking, "park")
def forgets_what_parked_records_take_of_memory(right: Callable[..., Any]) -> Any:
    def wrong(parking: Parking, record: Any, needs: Any) -> None:
        right(parking, record, needs)
        parking._unsettled.memory.remove(0)

    return wrong
