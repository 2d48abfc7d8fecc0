"""A reader of one shard, on the stand-in: whatever the service answers, nothing is skipped."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from structlog.testing import capture_logs

from tests.support.samples import sample
from tests.support.virtual_time import in_virtual_time
from tests.unit.sources.kinesis.aggregates import aggregate
from tests.unit.sources.kinesis.reading import FETCHED_BYTES, KEY, STREAM, Reading, texts
from worker.aws.json_client import Answered, AwsFault
from worker.core.leases.lease import At, Sentinel
from worker.core.leases.positions import position_of
from worker.local.kinesis.behaviour import Behaviour
from worker.local.kinesis.faults import Rule
from worker.sources.kinesis.calls import FromTrimHorizon, StreamCalls
from worker.sources.kinesis.errors import StreamFault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from worker.local.kinesis.faults import Deed

HOURS = 3600.0
ITERATOR_SECONDS = 300.0


def play(scenario: Callable[[Reading], Awaitable[None]], behaviour: Behaviour | None = None) -> None:
    async def on_the_loop() -> None:
        await scenario(Reading(behaviour))

    in_virtual_time(on_the_loop())


def test_records_come_in_order_with_position_key_and_time_of_arrival() -> None:
    async def scenario(at: Reading) -> None:
        (first,) = at.put("a", key="user-1")
        await asyncio.sleep(2)
        (second,) = at.put("b", key="user-2")
        came = await at.read_records(at.reader())
        assert [(each.position, each.key, each.value) for each in came] == [
            (position_of(first), b"user-1", b"a"),
            (position_of(second), b"user-2", b"b"),
        ]
        times = [each.timestamp_ms for each in came]
        assert times[0] is not None
        assert times[1] == times[0] + 2000

    play(scenario)


def test_no_more_is_taken_than_was_asked_for_and_the_rest_stays() -> None:
    async def scenario(at: Reading) -> None:
        at.put("a", "b", "c")
        assert await at.read(at.reader(), most=2) == ["a", "b", "c"]

    play(scenario)


def test_reading_begins_behind_the_record_of_the_checkpoint() -> None:
    async def scenario(at: Reading) -> None:
        sequences = at.put("a", "b", "c")
        assert await at.read(at.reader(At(sequences[1]))) == ["c"]
        assert await at.read(at.reader(At(sequences[2]))) == []

    play(scenario)


def test_the_rest_of_an_aggregate_is_read_after_a_checkpoint_within_it() -> None:
    async def scenario(at: Reading) -> None:
        data = aggregate(*((b"k", None, each) for each in (b"a", b"b", b"c")))
        _, sequence = at.stream.put("k", data)
        at.put("d")
        came = await at.read_records(at.reader(At(sequence, 1)))
        assert texts(came) == ["c", "d"]
        assert came[0].position == position_of(sequence, 2)

    play(scenario)


def test_an_aggregate_of_which_all_is_done_is_left_out() -> None:
    async def scenario(at: Reading) -> None:
        _, sequence = at.stream.put("k", aggregate((b"k", None, b"a"), (b"k", None, b"b")))
        at.put("c")
        assert await at.read(at.reader(At(sequence, 1))) == ["c"]

    play(scenario)


@pytest.mark.parametrize("checkpoint_at", [None, 0, 1])
def test_an_iterator_that_expires_in_a_pause_of_hours_costs_no_record_and_brings_none_twice(
    checkpoint_at: int | None,
) -> None:
    async def scenario(at: Reading) -> None:
        sequences = at.put("a", "b", "c")
        begins = Sentinel.TRIM_HORIZON if checkpoint_at is None else At(sequences[checkpoint_at])
        reader = at.reader(begins)
        came = await at.read(reader)
        reader.pause()
        at.put("d")
        assert await at.read(reader, 3 * HOURS) == []
        at.put("e")
        reader.resume()
        came += await at.read(reader)
        assert came == ["a", "b", "c", "d", "e"][0 if checkpoint_at is None else checkpoint_at + 1 :]
        assert reader.trouble is None

    play(scenario)


def test_an_iterator_that_expires_before_the_first_record_begins_again_at_the_checkpoint() -> None:
    async def scenario(at: Reading) -> None:
        (sequence,) = at.put("a")
        reader = at.reader(At(sequence))
        at.cloud.plan(Rule(does="empty", calls=("GetRecords",)))
        assert await at.read(reader) == []
        at.put("b")
        at.cloud.expire_iterators()
        at.cloud.plan()
        assert await at.read(reader) == ["b"]

    play(scenario)


@pytest.mark.parametrize("clock_is_ahead", [-200.0, 0.0, 200.0])
def test_with_latest_what_came_behind_the_first_iterator_is_read_though_it_expired(
    clock_is_ahead: float,
) -> None:
    async def scenario(at: Reading) -> None:
        at.clock_is_ahead = clock_is_ahead
        at.put("old")
        await asyncio.sleep(2 * HOURS)
        reader = at.reader(Sentinel.LATEST)
        assert await at.read(reader, 1) == []
        at.put("new")
        at.cloud.expire_iterators()
        assert await at.read(reader, HOURS) == ["new"]

    play(scenario)


def test_with_latest_what_came_since_it_was_asked_for_is_read_though_the_answer_was_lost() -> None:
    async def scenario(at: Reading) -> None:
        at.put("old")
        await asyncio.sleep(2 * HOURS)
        at.cloud.plan(Rule(does="lose", calls=("GetShardIterator",), until_seconds=5))
        reader = at.reader(Sentinel.LATEST)
        assert await at.read(reader, 1) == []
        at.put("new")
        assert await at.read(reader, 60) == ["new"]

    play(scenario)


def test_an_empty_answer_is_no_end_and_what_is_behind_it_is_read_soon() -> None:
    async def scenario(at: Reading) -> None:
        at.put("a")
        await asyncio.sleep(1)
        at.cloud.plan(Rule(does="empty", calls=("GetRecords",), times=5))
        reader = at.reader()
        assert await at.read(reader, 2) == ["a"]
        assert not reader.is_closed

    play(scenario)


@pytest.mark.parametrize("end_apart", [False, True])
@pytest.mark.parametrize("end_is_missing", [False, True])
@pytest.mark.parametrize("records", [["a", "b"], []])
def test_a_closed_shard_ends_after_its_last_record(
    records: list[str], *, end_apart: bool, end_is_missing: bool
) -> None:
    async def scenario(at: Reading) -> None:
        at.put(*records)
        at.stream.split(KEY)
        reader = at.reader()
        assert await at.read(reader) == records
        assert reader.is_exhausted

    play(scenario, Behaviour(end_apart=end_apart, end_is_missing=end_is_missing))


def test_a_shard_is_not_exhausted_while_records_that_were_fetched_are_not_taken() -> None:
    async def scenario(at: Reading) -> None:
        at.stream.put("k", aggregate((b"k", None, b"a"), (b"k", None, b"b")))
        at.stream.split(KEY)
        reader = at.reader()
        await asyncio.wait_for(reader.run(), 60)
        assert reader.is_closed
        assert (reader.has_records, reader.is_exhausted) == (True, False)
        assert texts(reader.take(1)) == ["a"]
        assert (reader.has_records, reader.is_exhausted) == (True, False)
        assert texts(reader.take(1)) == ["b"]
        assert (reader.has_records, reader.is_exhausted) == (False, True)

    play(scenario)


def test_nothing_is_fetched_in_a_pause() -> None:
    async def scenario(at: Reading) -> None:
        reader = at.reader()
        reader.pause()
        at.put("a")
        assert await at.read(reader, HOURS) == []
        assert at.cloud.called == []

    play(scenario)


def test_throttled_reads_are_counted_and_repeated_with_the_same_iterator() -> None:
    async def scenario(at: Reading) -> None:
        at.put("a")
        at.cloud.plan(Rule(does="throttle", calls=("GetRecords",), times=4))
        reader = at.reader()
        assert await at.read(reader) == ["a"]
        assert reader.throttled == 4
        assert at.cloud.called.count("GetShardIterator") == 1

    play(scenario)


def test_a_fault_is_a_trouble_from_when_it_began_until_something_is_read() -> None:
    async def scenario(at: Reading) -> None:
        reader = at.reader()
        assert await at.read(reader, 10) == []
        at.cloud.plan(Rule(does="refuse", code="AccessDeniedException", calls=("GetRecords",)))
        assert await at.read(reader, 100) == []
        trouble = reader.trouble
        assert trouble is not None
        assert trouble.fault.code == "AccessDeniedException"
        assert 10 <= trouble.since <= 12
        at.cloud.plan()
        await at.read(reader)
        assert reader.trouble is None

    play(scenario)


def test_a_checkpoint_of_another_shard_is_held_and_nothing_is_read() -> None:
    async def scenario(at: Reading) -> None:
        at.stream.split(KEY)
        _, sequence = at.stream.put("k", b"a")
        reader = at.reader(At(sequence))
        assert await at.read(reader, HOURS) == []
        assert reader.trouble is not None
        assert reader.trouble.fault.code == "InvalidArgumentException"
        assert not reader.is_closed

    play(scenario)


def test_a_checkpoint_of_a_stream_that_was_made_anew_is_held_and_nothing_is_read() -> None:
    """Its shards have the same names; to begin somewhere would be to lose or to repeat."""

    async def scenario(at: Reading) -> None:
        (sequence,) = at.put("a")
        at.cloud.streams.delete("clicks")
        await asyncio.sleep(60)
        anew = at.cloud.streams.create("clicks")
        await asyncio.sleep(60)
        anew.put("k", b"b")
        reader = at.reader(At(sequence))
        assert await at.read(reader, HOURS) == []
        assert reader.trouble is not None
        assert reader.trouble.fault.code == "InvalidArgumentException"
        assert not reader.is_closed
        assert await at.read(at.reader()) == ["b"]

    play(scenario)


def test_a_stream_that_is_gone_is_waited_for_while_its_shard_is_listed() -> None:
    async def scenario(at: Reading) -> None:
        at.cloud.streams.delete("clicks")
        reader = at.reader()
        assert await at.read(reader, HOURS) == []
        assert not reader.is_closed
        assert reader.trouble is not None

    play(scenario)


def test_a_shard_that_is_listed_no_more_and_not_found_has_ended() -> None:
    async def scenario(at: Reading) -> None:
        at.put("a")
        at.stream.split(KEY)
        await asyncio.sleep(25 * HOURS)
        at.is_listed = False
        reader = at.reader()
        assert await at.read(reader) == []
        assert reader.is_exhausted

    play(scenario)


def test_an_answer_that_is_too_long_is_asked_for_in_parts_and_later_no_more() -> None:
    async def scenario(at: Reading) -> None:
        at.put(*map(str, range(3000)))
        at.cloud.plan(Rule(does="refuse", code="AnswerTooLong", calls=("GetRecords",), times=3))
        assert await at.read(at.reader(), 300) == list(map(str, range(3000)))

    play(scenario)


def test_what_is_fetched_ahead_stays_near_its_bound_however_large_the_records_are() -> None:
    async def scenario(at: Reading) -> None:
        for _ in range(100):
            at.put(*("x" * 500_000 for _ in range(10)))
            await asyncio.sleep(0.1)
        readers = [at.reader() for _ in range(40)]
        tasks = [asyncio.create_task(each.run()) for each in readers]
        await asyncio.sleep(300)
        assert at.budget.held_bytes < 3 * FETCHED_BYTES
        for each in tasks:
            each.cancel()

    play(scenario, Behaviour(read_limits=False))


@pytest.mark.parametrize("turns", range(0, 60, 3))
def test_whenever_a_reader_is_thrown_away_it_gives_back_all_that_it_reserved(turns: int) -> None:
    async def scenario(at: Reading) -> None:
        at.put("a", "b", "c")
        at.cloud.plan(Rule(does="slow", seconds=0.02))
        reader = at.reader()
        reading = asyncio.create_task(reader.run())
        for _ in range(turns):
            await asyncio.sleep(0.001 if turns % 2 else 0)
        reader.take(2)
        reading.cancel()
        reader.throw_away()
        await asyncio.wait({reading})
        assert at.budget.held_bytes == 0
        assert not reader.has_records

    play(scenario)


def told_too_old(logs: list[MutableMapping[str, Any]]) -> bool:
    return "kinesis.checkpoint_too_old" in [each["event"] for each in logs]


@pytest.mark.parametrize("is_trimmed", [False, True])
def test_a_checkpoint_whose_record_retention_took_is_told(is_trimmed: bool) -> None:  # noqa: FBT001  a parameter
    """What came after it may be lost, and Kinesis says nothing of it: it begins with the oldest there is."""

    async def scenario(at: Reading) -> None:
        sequences = at.put("a", "b", "c", "d")
        if is_trimmed:
            at.stream.trim(KEY, below=sequences[2])
        with capture_logs() as logs:
            assert await at.read(at.reader(At(sequences[0]))) == (
                ["c", "d"] if is_trimmed else ["b", "c", "d"]
            )
        assert told_too_old(logs) is is_trimmed

    play(scenario)


@pytest.mark.parametrize("hours", [1, 25])
def test_a_pause_that_is_longer_than_records_are_kept_is_told(hours: int) -> None:
    async def scenario(at: Reading) -> None:
        at.put("a")
        reader = at.reader()
        assert await at.read(reader) == ["a"]
        reader.pause()
        at.put("b")
        assert await at.read(reader, hours * HOURS) == []
        at.put("c")
        reader.resume()
        with capture_logs() as logs:
            assert await at.read(reader) == (["b", "c"] if hours == 1 else ["c"])
        assert told_too_old(logs) is (hours == 25)

    play(scenario)


def test_a_position_that_is_too_old_and_never_gets_on_is_left_for_the_oldest_record() -> None:
    """Answers without records, always as far behind (harlow/kinesis-consumer, issues 98 and 125)."""

    async def scenario(at: Reading) -> None:
        sequences = at.put("a", "b", "c")
        at.stream.trim(KEY, below=sequences[1])

        async def call(target: str, body: bytes) -> Answered | AwsFault:
            if b"SEQUENCE_NUMBER" in body:
                return Answered(b'{"ShardIterator": "nowhere"}')
            if b"nowhere" in body:
                return Answered(
                    b'{"Records": [], "NextShardIterator": "nowhere", "MillisBehindLatest": 86400000}'
                )
            return await at.cloud.call(target, body)

        # The record of the checkpoint is there still by chance, and is not read again.
        reader = at.reader(At(sequences[1]), call=call)
        assert await at.read(reader, 600) == ["c"]

    play(scenario)


def test_a_long_way_without_records_is_gone_while_it_gets_shorter() -> None:
    async def scenario(at: Reading) -> None:
        (sequence,) = at.put("a")
        behind = 30 * 3600 * 1000
        asked: list[bytes] = []

        async def call(target: str, body: bytes) -> Answered | AwsFault:
            nonlocal behind
            if "GetRecords" not in target:
                asked.append(body)
                return await at.cloud.call(target, body)
            behind -= 1000
            answer = {"Records": [], "NextShardIterator": "on", "MillisBehindLatest": behind}
            return Answered(msgspec.json.encode(answer))

        assert await at.read(at.reader(At(sequence), call=call), 600) == []
        assert len(asked) == 1

    play(scenario)


@pytest.mark.parametrize("behind", [0, None])
@pytest.mark.parametrize("is_closed", [False, True])
def test_what_comes_with_no_time_behind_is_read_all_the_same(behind: int | None, is_closed: bool) -> None:  # noqa: FBT001  parameters
    """Also the last ones of a closed shard (MaterializeInc/materialize, issue 2288)."""

    async def scenario(at: Reading) -> None:
        texts = list(map(str, range(50)))
        at.put(*texts)
        if is_closed:
            at.stream.split(KEY)

        async def call(target: str, body: bytes) -> Answered | AwsFault:
            answer = await at.cloud.call(target, body)
            if isinstance(answer, AwsFault) or "GetRecords" not in target:
                return answer
            return Answered(
                msgspec.json.encode(msgspec.json.decode(answer.body) | {"MillisBehindLatest": behind})
            )

        reader = at.reader(call=call)
        assert await at.read(reader) == texts
        assert reader.is_exhausted is is_closed

    play(scenario)


@pytest.mark.parametrize("is_closed", [False, True])
@pytest.mark.parametrize("answer", [b'{"ShardIterator": null}', b"{}"])
def test_a_closed_shard_without_an_iterator_has_ended_and_an_open_one_is_asked_again(
    answer: bytes,
    is_closed: bool,  # noqa: FBT001  a parameter
) -> None:
    """Where nothing is behind the checkpoint, AWS may give none (apache/storm, STORM-3547)."""

    async def scenario(at: Reading) -> None:
        (sequence,) = at.put("a")
        has_none = True

        async def call(target: str, body: bytes) -> Answered | AwsFault:
            if has_none and "GetShardIterator" in target:
                return Answered(answer)
            return await at.cloud.call(target, body)

        reader = at.reader(At(sequence), call=call)
        at.shards = {KEY: replace(reader.shard, is_closed=is_closed)}
        assert await at.read(reader, 120) == []
        assert reader.is_exhausted is is_closed
        if not is_closed:
            assert reader.trouble is not None
            assert reader.trouble.fault.code == "NoIterator"
            has_none = False
            at.put("b")
            assert await at.read(reader) == ["b"]

    play(scenario)


@pytest.mark.parametrize("reads_a_second", [4, 20])
def test_beside_another_consumer_that_takes_all_reads_it_can_get_all_comes_once(reads_a_second: int) -> None:
    """What the other takes can't be had, but some reads are (harlow/kinesis-consumer, issue 158)."""

    async def scenario(at: Reading) -> None:
        other = StreamCalls(at.cloud.call, STREAM)
        throttled = 0

        async def compete() -> None:
            nonlocal throttled
            shard = at.reader().shard
            while True:
                iterator = await other.shard_iterator(shard, FromTrimHorizon())
                if not isinstance(iterator, StreamFault):
                    throttled += isinstance(await other.get_records(shard, iterator, 1), StreamFault)
                await asyncio.sleep(1 / reads_a_second)

        competing = asyncio.create_task(compete())
        reader = at.reader(draw=Random(7).random)  # noqa: S311  jitter
        came, expected = [], []
        for number in range(60):
            at.put(str(number))
            expected.append(str(number))
            came += await at.read(reader, 2)
        came += await at.read(reader, 60)
        competing.cancel()
        assert came == expected
        assert throttled if reads_a_second > 5 else not reader.throttled

    play(scenario)


DEEDS: tuple[Deed, ...] = ("reset", "throttle", "fail", "expire", "empty", "lose", "deny")


@settings(max_examples=sample(60, 400), deadline=None)
@given(
    rules=st.lists(
        st.builds(
            Rule,
            does=st.sampled_from(DEEDS),
            calls=st.sampled_from((("GetRecords",), ("GetShardIterator",), ())),
            every=st.integers(1, 4),
            skip=st.integers(0, 6),
            times=st.integers(1, 8),
        ),
        max_size=5,
    ),
    puts=st.lists(st.integers(0, 4), max_size=8),
    checkpoint=st.integers(0, 3),
)
def test_whatever_the_service_answers_each_record_comes_once_and_in_order(
    rules: list[Rule], puts: list[int], checkpoint: int
) -> None:
    async def scenario(at: Reading) -> None:
        before = at.put("0", "1", "2")
        reader = at.reader(At(before[checkpoint - 1]) if checkpoint else Sentinel.TRIM_HORIZON)
        at.cloud.plan(*rules)
        came, expected = [], ["0", "1", "2"][checkpoint:]
        for number, records in enumerate(puts):
            names = [f"{number}.{each}" for each in range(records)]
            at.put(*names)
            expected += names
            came += await at.read(reader, 3)
        at.stream.split(KEY)
        came += await at.read(reader, 10 * ITERATOR_SECONDS)
        assert came == expected
        assert reader.is_exhausted
        assert at.budget.held_bytes == 0

    play(scenario)
