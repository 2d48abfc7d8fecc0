"""Defects to be planted in the leases, one at a time: the oracle has to find each."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tests.simulation.leases import reader, world
from tests.simulation.planting import Defect
from worker.core.leases.lease import At, Checkpoint, Lease, Sentinel
from worker.core.leases.taking import Choice
from worker.core.leases.writes import Asked, Lost
from worker.sources.kinesis import (
    held_leases,
    lease_keeper,
    lease_survey,
    lease_taker,
    lease_writer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WITHIN_SCHEDULES = 500
DEFECTS: dict[str, Defect] = {}


def defect(of: object, method: str) -> Callable[[Callable[[Callable[..., Any]], Any]], object]:
    """Register what makes a wrong method from the right one, under its own name."""

    def register(wrong: Callable[[Callable[..., Any]], Any]) -> object:
        name = wrong.__name__.replace("_", " ")
        DEFECTS[name] = Defect(name, of, method, wrong)
        return wrong

    return register


@contextmanager
def planted(name: str | None) -> Iterator[None]:
    """Have the defect of that name; none: the worker as it is."""
    if name is None:
        yield
        return
    one = DEFECTS[name]
    right = getattr(one.of, one.method)
    setattr(one.of, one.method, one.wrong(right))
    try:
        yield
    finally:
        setattr(one.of, one.method, right)


@defect(reader.Reading, "checkpoint")
def checkpoints_the_next_record(right: Callable[..., Any]) -> Any:
    """The checkpoint is exclusive, as Kafka's offsets are."""

    def wrong(self: reader.Reading) -> Checkpoint:
        last = right(self)
        behind = [each for each in self.shard.records if isinstance(last, At) and each > last.sequence]
        return At(behind[0]) if behind else last

    return wrong


@defect(lease_keeper, "renewed")
def renews_by_writing_the_row_anew(_: Callable[..., Any]) -> Any:
    return lambda lease, checkpoint=None: replace(  # noqa: ARG005  the right one's
        lease, counter=lease.counter + 1, checkpoint=Sentinel.TRIM_HORIZON
    )


@defect(lease_survey, "is_readable")
def reads_children_too_early(_: Callable[..., Any]) -> Any:
    return lambda *_: True


@defect(lease_writer, "meaning_of_refusal")
def writes_though_it_is_late(right: Callable[..., Any]) -> Any:
    def wrong(worker_id: str, before: Lease, attempts: Any, found: Lease | None) -> Any:
        meaning = right(worker_id, before, attempts, found)
        return Asked(found) if isinstance(meaning, Lost) and found is not None else meaning

    return wrong


@defect(lease_writer, "meaning_of_refusal")
def takes_its_own_lost_answer_for_a_theft(right: Callable[..., Any]) -> Any:
    def wrong(worker_id: str, before: Lease, _: Any, found: Lease | None) -> Any:
        return right(worker_id, before, (), found)

    return wrong


@defect(world, "lease_parts")
def goes_by_the_wall_clock(right: Callable[..., Any]) -> Any:
    return lambda *parts, clock, **more: right(*parts, clock=clock.__self__.wall_clock, **more)


@defect(lease_survey, "leases_to_make")
def begins_children_at_latest(right: Callable[..., Any]) -> Any:
    def wrong(shards: Any, leases: Any, start: Sentinel, remembered: Any) -> Any:
        made = right(shards, leases, start, remembered)
        return tuple(
            replace(lease, checkpoint=start) if lease.parents and lease.key not in remembered else lease
            for lease in made
        )

    return wrong


@defect(held_leases.HeldLease, "is_valid")
def never_expires_by_itself(_: Callable[..., Any]) -> Any:
    return lambda *_: True


@defect(held_leases, "given_up_at")
def never_gives_up_what_is_asked_for(_: Callable[..., Any]) -> Any:
    return lambda _: 1e12


@defect(lease_taker, "taken_at")
def takes_what_it_asked_for_too_early(_: Callable[..., Any]) -> Any:
    return lambda asked, _: asked + 5


@defect(lease_survey.LeaseSurvey, "note_deleted")
def forgets_how_far_a_deleted_row_was(_: Callable[..., Any]) -> Any:
    return lambda self, key, _, **__: self._remembered.pop(key, None)


@defect(lease_survey, "rows_to_delete")
def tidies_unfinished_rows(_: Callable[..., Any]) -> Any:
    return lambda leases, shards: tuple(
        lease for lease in leases.values() if lease.is_finished or lease.key not in shards
    )


@defect(lease_keeper, "released")
def forgets_the_checkpoint_when_it_gives_up(right: Callable[..., Any]) -> Any:
    return lambda lease, _: replace(right(lease), checkpoint=Sentinel.TRIM_HORIZON)


@defect(held_leases.HeldLease, "note")
def carries_whatever_was_noted_first(_: Callable[..., Any]) -> Any:
    def wrong(self: held_leases.HeldLease, checkpoint: Checkpoint) -> None:
        if not isinstance(self.noted, At):
            self.noted = checkpoint

    return wrong


@defect(lease_taker, "choose")
def never_moves_a_lease(right: Callable[..., Any]) -> Any:
    return lambda *parts, **more: Choice(take=right(*parts, **more).take)


@defect(lease_survey.LeaseSurvey, "children")
def finishes_before_the_children_have_leases(_: Callable[..., Any]) -> Any:
    return lambda *_: frozenset()


@defect(lease_survey.LeaseSurvey, "synchronize")
def lists_the_shards_only_once(right: Callable[..., Any]) -> Any:
    async def wrong(self: lease_survey.LeaseSurvey) -> bool:
        if self.shards:
            return await self.look()
        return bool(await right(self))

    return wrong
