"""Logs that lose their end, their beginning, or are others under the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import OFFSET_INVALID

from tests.contract.consumer.statements import some, statement

if TYPE_CHECKING:
    from tests.contract.consumer.reader import Reader
    from tests.contract.consumer.stand import Stand

_MOCK_CUTS_NOTHING = "it keeps what is above the cut, which is read again as if it were new"
_MOCK_KEEPS_ALL = "it deletes no records by request"
_MOCK_DELETES_NOTHING = "it deletes no topics"
_NO_ERRORS = "no messages of it are errors; what the source makes of them is tested by itself"
CUT, END = 6, 10


async def written(stand: Stand) -> None:
    """Ten records, of which an election will leave six."""
    await stand.write(0, *some("kept", CUT))
    await stand.write_doomed(0, *some("lost", END - CUT))


async def all_read(stand: Stand) -> Reader:
    await written(stand)
    reader = await stand.reader()
    await stand.until(lambda: len(reader.got) >= END)
    return reader


@statement()
async def above_a_cut_a_reader_goes_on_at_the_cut_where_other_records_have_the_offsets(stand: Stand) -> None:
    reader = await all_read(stand)
    await stand.cut()
    await stand.write(0, *some("new", 2))
    await stand.until(lambda: "new1" in reader.names())
    after = reader.got[END:]
    assert after[0].offset == CUT
    assert after[0].leader_epoch >= reader.got[0].leader_epoch
    assert after[-1].leader_epoch > reader.got[0].leader_epoch
    assert reader.told[-1][0] == "assigned"


@statement(mock=_MOCK_CUTS_NOTHING)
async def a_cut_is_told_to_nobody_while_nothing_is_written_behind_it(stand: Stand) -> None:
    reader = await all_read(stand)
    told = list(reader.told)
    await stand.cut()
    await stand.quietly()
    await stand.until_position(reader, OFFSET_INVALID)
    assert len(reader.got) == END
    assert reader.told == told
    await stand.write(0, "new")
    await stand.until(lambda: len(reader.got) > END)
    assert (reader.got[END].offset, reader.got[END].name) == (CUT, "new")


@statement()
async def what_was_fetched_from_below_a_cut_and_not_handed_over_is_never_handed_over(stand: Stand) -> None:
    await written(stand)
    reader = await stand.reader()
    await stand.take(reader, 3)
    await stand.unpolled(reader)
    await stand.cut()
    await stand.unpolled(reader)
    await stand.write(0, *some("new", 2))
    await stand.until(lambda: "new1" in reader.names())
    assert reader.offsets()[:4] == [0, 1, 2, CUT]


@statement()
async def a_reader_below_a_cut_goes_on_where_it_was(stand: Stand) -> None:
    await written(stand)
    reader = await stand.reader()
    await stand.take(reader, 3)
    await reader.pause(0)
    await stand.cut()
    await stand.quietly()
    await stand.write(0, *some("new", 2))
    await reader.resume(0)
    await stand.until(lambda: "new1" in reader.names())
    assert reader.names()[:CUT] == some("kept", CUT)
    assert reader.offsets() == list(range(len(reader.got)))


@statement()
async def a_cut_during_a_pause_is_where_a_resume_goes_on(stand: Stand) -> None:
    reader = await all_read(stand)
    await reader.pause(0)
    await stand.cut()
    await stand.quietly()
    await stand.write(0, *some("new", 2))
    await reader.resume(0)
    await stand.until(lambda: "new1" in reader.names())
    assert reader.offsets()[END] == CUT


@statement(mock=_MOCK_CUTS_NOTHING)
async def a_reader_that_has_read_nothing_begins_at_the_earliest_after_a_cut_below_it(stand: Stand) -> None:
    await written(stand)
    await stand.commit_from_outside(0, END)
    reader = await stand.reader()
    await stand.all_to(reader)
    await stand.quietly()
    assert reader.got == []
    await stand.cut()
    await stand.until(lambda: len(reader.got) >= CUT)
    assert reader.names() == some("kept", CUT)


@statement(partitions=2, mock=_MOCK_CUTS_NOTHING)
async def an_offset_behind_the_end_of_a_cut_log_is_no_place_to_begin_until_it_has_regrown(
    stand: Stand,
) -> None:
    for partition in (0, 1):
        await stand.write(partition, *some("kept", CUT))
    for partition in (0, 1):
        await stand.write_doomed(partition, *some("lost", END - CUT))
        await stand.commit_from_outside(partition, END - 2)
    await stand.cut()
    await stand.write(1, *some("new", 4))
    reader = await stand.reader()
    await stand.until(lambda: len(reader.names(0)) >= CUT and "new3" in reader.names(1))
    assert reader.names(0) == some("kept", CUT)
    assert reader.names(1) == ["new2", "new3"]


@statement(mock=_MOCK_CUTS_NOTHING)
async def only_a_seek_with_a_leader_epoch_notices_a_cut(stand: Stand) -> None:
    reader = await all_read(stand)
    await stand.cut()
    await stand.write(0, *some("new", 6))
    await stand.until(lambda: "new5" in reader.names())
    epoch = reader.got[0].leader_epoch
    reader.got.clear()
    await reader.seek(0, END - 1)
    await stand.until(lambda: len(reader.got) >= 3)
    assert reader.offsets() == [9, 10, 11]
    reader.got.clear()
    await reader.seek(0, END - 1, epoch)
    await stand.until(lambda: len(reader.got) >= 6)
    assert reader.offsets() == [6, 7, 8, 9, 10, 11]


@statement(reset="latest", simulated="it begins at the earliest, as the worker does unless told")
async def a_cut_is_gone_back_to_also_by_who_begins_at_the_latest(stand: Stand) -> None:
    await stand.commit_from_outside(0, 0)
    reader = await all_read(stand)
    await stand.cut()
    await stand.write(0, *some("new", 2))
    await stand.until(lambda: "new1" in reader.names())
    assert reader.offsets()[END] == CUT


@statement(reset="error", simulated=_NO_ERRORS)
async def who_may_begin_nowhere_is_told_once_of_a_cut_and_reads_no_more(stand: Stand) -> None:
    await stand.commit_from_outside(0, 0)
    reader = await all_read(stand)
    await stand.cut()
    await stand.write(0, *some("new", 2))
    await stand.until(lambda: "_AUTO_OFFSET_RESET" in reader.errors)
    await stand.quietly()
    assert reader.errors.count("_AUTO_OFFSET_RESET") == 1
    assert len(reader.got) == END


@statement(mock=_MOCK_KEEPS_ALL)
async def what_was_fetched_before_it_was_deleted_is_handed_over(stand: Stand) -> None:
    await stand.write(0, *some("r", 10))
    reader = await stand.reader()
    await stand.take(reader, 3)
    await stand.unpolled(reader)
    await stand.expire(0, 5)
    await stand.until(lambda: len(reader.got) >= 10)
    assert reader.names() == some("r", 10)


@statement(mock=_MOCK_KEEPS_ALL)
async def a_reader_overtaken_by_retention_goes_on_at_the_first_record_that_is_left(stand: Stand) -> None:
    await stand.write(0, *some("r", 10))
    reader = await stand.reader()
    await stand.take(reader, 3)
    await reader.pause(0)
    await stand.expire(0, 5)
    await reader.resume(0)
    await stand.until(lambda: "r9" in reader.names())
    assert reader.offsets() == [0, 1, 2, 5, 6, 7, 8, 9]
    assert "_AUTO_OFFSET_RESET" not in reader.errors


@statement(reset="error", simulated=_NO_ERRORS, mock=_MOCK_KEEPS_ALL)
async def who_may_begin_nowhere_is_told_once_of_retention_and_reads_no_more(stand: Stand) -> None:
    await stand.write(0, *some("r", 10))
    await stand.commit_from_outside(0, 3)
    await stand.expire(0, 5)
    reader = await stand.reader()
    await stand.until(lambda: "_AUTO_OFFSET_RESET" in reader.errors)
    await stand.write(0, "more")
    await stand.quietly()
    assert reader.errors.count("_AUTO_OFFSET_RESET") == 1
    assert reader.got == []


@statement(mock=_MOCK_DELETES_NOTHING)
async def a_topic_made_anew_is_read_from_its_beginning(stand: Stand) -> None:
    await stand.write(0, *some("old", 10))
    reader = await stand.reader()
    await stand.until(lambda: len(reader.got) >= 10)
    await reader.commit({0: 10})
    await stand.recreate()
    assert await stand.committed() is None
    await stand.write(0, *some("new", 3))
    await stand.until(lambda: "new2" in reader.names())
    assert [(each.offset, each.name) for each in reader.got[10:]] == [(0, "new0"), (1, "new1"), (2, "new2")]


@statement(mock=_MOCK_DELETES_NOTHING)
async def a_topic_made_anew_and_grown_past_a_reader_is_read_on_where_it_stands(stand: Stand) -> None:
    await stand.write(0, *some("old", 3))
    reader = await stand.reader()
    await stand.until(lambda: len(reader.got) >= 3)
    await stand.unpolled(reader)
    await stand.recreate()
    await stand.write(0, *some("new", 6))
    await stand.until(lambda: "new5" in reader.names())
    assert reader.names()[3:] in (["new3", "new4", "new5"], some("new", 6))


@statement(mock=_MOCK_DELETES_NOTHING)
async def an_offset_of_an_earlier_log_is_taken_for_the_one_made_anew(stand: Stand) -> None:
    await stand.write(0, *some("old", 3))
    reader = await stand.reader()
    await stand.until(lambda: len(reader.got) >= 3)
    await stand.recreate()
    await reader.commit({0: 2})
    assert await stand.committed() == 2


@statement(simulated=_NO_ERRORS, mock=_MOCK_DELETES_NOTHING)
async def that_a_topic_is_gone_is_said_once(stand: Stand) -> None:
    await stand.write(0, "r")
    reader = await stand.reader()
    await stand.until(lambda: len(reader.got) >= 1)
    await stand.delete()
    await stand.until(lambda: "UNKNOWN_TOPIC_OR_PART" in reader.errors)
    await stand.quietly()
    assert reader.errors.count("UNKNOWN_TOPIC_OR_PART") == 1
