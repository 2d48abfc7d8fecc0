"""Assign, revoke, lose; pauses and what was fetched ahead over all of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.consumer.statements import ALL_PROTOCOLS, some, statement

if TYPE_CHECKING:
    from tests.contract.consumer.reader import Reader
    from tests.contract.consumer.stand import Stand


async def all_read_by_one(stand: Stand, *, impatient: bool = False) -> Reader:
    """Two partitions of three records, all read and committed."""
    for partition in (0, 1):
        await stand.write(partition, *some(f"old{partition}-", 3))
    reader = await stand.reader("a", impatient=impatient)
    await stand.all_to(reader)
    await stand.until(lambda: len(reader.got) >= 6)
    await reader.commit({0: 3, 1: 3})
    reader.got.clear()
    return reader


async def shared(stand: Stand, first: Reader) -> tuple[Reader, int]:
    """Another joins, and has one of the partitions: who, and which."""
    second = await stand.reader("b")
    await stand.until(lambda: len(first.owned) == len(second.owned) == 1)
    return second, next(iter(second.owned))


@statement(protocols=ALL_PROTOCOLS, partitions=2)
async def a_pause_is_kept_while_the_partition_is_anothers_until_it_is_resumed_by_name(stand: Stand) -> None:
    reader = await all_read_by_one(stand)
    await reader.pause(0, 1)
    second, moved = await shared(stand, reader)
    await stand.write(moved, "read by the other")
    await stand.until(lambda: second.names() == ["read by the other"])
    await second.commit({moved: 4})
    await stand.leave(second)
    await stand.all_to(reader)
    await stand.write(0, "late")
    await stand.write(1, "late")
    await stand.quietly()
    assert reader.names() == []
    await reader.resume(0, 1)
    await stand.until(lambda: len(reader.got) >= 2)
    assert reader.names() == ["late", "late"]


@statement(protocols=ALL_PROTOCOLS, partitions=2)
async def a_pause_ends_with_a_resume_while_the_partition_is_anothers(stand: Stand) -> None:
    reader = await all_read_by_one(stand)
    await reader.pause(0, 1)
    second, moved = await shared(stand, reader)
    await reader.resume(0, 1)
    await stand.leave(second)
    await stand.all_to(reader)
    await stand.write(moved, "late")
    await stand.until(lambda: reader.names(moved) == ["late"])


@statement(protocols=ALL_PROTOCOLS, partitions=2)
async def a_pause_ends_with_a_resume_while_the_partition_is_assigned(stand: Stand) -> None:
    reader = await all_read_by_one(stand)
    await reader.pause(0, 1)
    second, moved = await shared(stand, reader)

    async def resume(who: Reader, partitions: list[int]) -> None:
        await who.resume(*partitions)

    reader.within_assign = resume
    await stand.leave(second)
    await stand.all_to(reader)
    await stand.write(moved, "late")
    await stand.until(lambda: reader.names(moved) == ["late"])


@statement(protocols=ALL_PROTOCOLS, partitions=2)
async def a_pause_is_kept_over_a_loss(stand: Stand) -> None:
    reader = await all_read_by_one(stand, impatient=True)
    await reader.pause(0, 1)
    await stand.out_of_sight(reader)
    await stand.until(lambda: "lost" in [kind for kind, _ in reader.told])
    await stand.all_to(reader)
    await stand.write(0, "late")
    await stand.write(1, "late")
    await stand.quietly()
    assert reader.names() == []
    await reader.resume(0, 1)
    await stand.until(lambda: len(reader.got) >= 2)


@statement(protocols=ALL_PROTOCOLS, partitions=2)
async def a_pause_while_the_partition_is_first_assigned_has_no_effect(stand: Stand) -> None:
    await stand.write(0, "a")
    await stand.write(1, "b")
    reader = await stand.reader()

    async def pause(who: Reader, partitions: list[int]) -> None:
        await who.pause(*partitions)

    reader.within_assign = pause
    await stand.until(lambda: sorted(reader.names()) == ["a", "b"])


@statement(protocols=ALL_PROTOCOLS, partitions=2)
async def what_was_fetched_of_a_revoked_partition_is_left_to_the_next_owner(stand: Stand) -> None:
    for partition in (0, 1):
        await stand.write(partition, *some(f"{partition}-", 20))
    reader = await stand.reader()
    await stand.take(reader, 1)
    had: dict[int, int] = {}

    async def count(who: Reader, partitions: list[int]) -> None:
        had.update({each: len(who.names(each)) for each in partitions})

    reader.within_revoke = count
    second, moved = await shared(stand, reader)
    await stand.until(lambda: len(second.names(moved)) >= 20)
    await stand.quietly()
    # Nothing was committed: the next owner has all of it, and the first no more than when it was asked.
    assert second.names(moved) == some(f"{moved}-", 20)
    assert len(reader.names(moved)) == had[moved]


@statement(partitions=2)
async def a_lower_commit_is_taken(stand: Stand) -> None:
    reader = await all_read_by_one(stand)
    await reader.commit({0: 1})
    assert await stand.committed(0) == 1


@statement(partitions=2)
async def a_commit_of_what_is_anothers_is_taken(stand: Stand) -> None:
    reader = await all_read_by_one(stand)
    _, moved = await shared(stand, reader)
    await reader.commit({moved: 2})
    assert await stand.committed(moved) == 2


@statement()
async def a_reader_begins_where_the_group_has_committed(stand: Stand) -> None:
    await stand.write(0, *some("r", 5))
    await stand.commit_from_outside(0, 3)
    reader = await stand.reader()
    await stand.until(lambda: len(reader.got) >= 2)
    assert reader.names() == ["r3", "r4"]


@statement(
    partitions=2,
    simulated="its topics keep their partitions",
    mock="it adds no partitions to a topic",
)
async def added_partitions_are_assigned_and_read_from_their_first_record(stand: Stand) -> None:
    reader = await all_read_by_one(stand)
    await stand.add_partition()
    await stand.write(2, "first")
    await stand.until(lambda: reader.names(2) == ["first"])
