"""The benchmarks measure what they say: the loads, the other program, and the arithmetic."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import holding, mapping, straightforward, tracing
from benchmarks.compare import STRAIGHTFORWARD, WORKER, WORKER_WITHOUT_QUOTA, Turn, figures, tables
from benchmarks.holding_avro import avro_format
from benchmarks.loads import DENSE_AWAKE, DENSE_EVENTS, LOADS, RECORD_BYTES, WIDE_SESSIONS, dense, wide
from benchmarks.mapping_shapes import SHAPES
from benchmarks.report import Table, bar, render
from worker.core.mapping import compile_mapping
from worker.core.model.partition import Partition
from worker.core.model.records import Interaction, Record, Undecodable
from worker.core.offsets.assignment import Assignment

if TYPE_CHECKING:
    from benchmarks.by_hand import Calls


def a_turn(load: str = "dense", program: str = WORKER, *, calls: int = 100, cpu_seconds: float = 1.0) -> Turn:
    return Turn(load, program, calls, 800, 4.0, cpu_seconds, 0.5, 90.0)


@pytest.mark.parametrize("load", LOADS)
def test_every_record_is_a_valid_interaction_of_300_bytes(load: str) -> None:
    map_record = compile_mapping({})
    for offset, made in enumerate(LOADS[load](1_000)):
        assert len(made.value) == RECORD_BYTES
        mapped = map_record(Record(Assignment(Partition("t", 0), 1), offset, None, made.key, made.value, ()))
        assert isinstance(mapped, Interaction)
        assert mapped.session_id == made.key.decode()


@pytest.mark.parametrize("load", LOADS)
def test_the_same_seed_makes_the_same_records(load: str) -> None:
    make = LOADS[load]
    assert list(make(50)) == list(make(50))
    assert list(islice(make(100), 50)) == list(make(50))


def test_dense_sessions_live_ten_records_while_400_are_awake() -> None:
    keys = [record.key for record in dense(20_000)]
    lives = Counter(keys)
    assert max(lives.values()) == DENSE_EVENTS
    # All but those still awake at the end have lived theirs.
    assert sum(count < DENSE_EVENTS for count in lives.values()) <= DENSE_AWAKE


def test_wide_records_fall_on_20000_sessions_at_random() -> None:
    sessions = {record.key for record in wide(100_000)}
    # All but one in e^5 of them have been seen by then.
    assert WIDE_SESSIONS * 0.98 < len(sessions) <= WIDE_SESSIONS


sessions = st.integers(0, 5)
users = st.sampled_from([None, "ann", "bob"])


@given(st.lists(st.tuples(sessions, users), max_size=60))
def test_the_other_program_sends_every_event_once_in_calls_of_one_session_and_user(
    records: list[tuple[int, str | None]],
) -> None:
    values = [
        msgspec.json.encode({"sessionId": f"s{session}", "userId": user, "eventId": str(number)})
        for number, (session, user) in enumerate(records)
    ]
    expected: dict[tuple[str, str | None], list[str]] = {}
    for number, (session, user) in enumerate(records):
        expected.setdefault((f"s{session}", user), []).append(str(number))
    sent: dict[tuple[str, str | None], list[str]] = {}
    for call in straightforward.calls(values, "tracker"):
        assert 1 <= len(call["eventList"]) <= straightforward.MAX_EVENTS
        ids = [event["eventId"] for event in call["eventList"]]
        sent.setdefault((call["sessionId"], call.get("userId")), []).extend(ids)
    assert sent == expected


def test_the_other_program_sends_the_events_that_the_worker_sends() -> None:
    (record,) = dense(1)
    mapped = compile_mapping({})(
        Record(Assignment(Partition("t", 0), 1), 0, None, record.key, record.value, ())
    )
    (call,) = straightforward.calls([record.value], "tracker")
    assert isinstance(mapped, Interaction)
    assert call["eventList"] == [msgspec.json.decode(mapped.event)]
    assert call["userId"] == mapped.user_id


@pytest.mark.parametrize("name", [name for name in holding.SHAPES if "Avro" in name])
def test_avro_records_that_are_held_are_events_of_their_size(name: str) -> None:
    message = holding.SHAPES[name].make(17)
    map_record = compile_mapping({}, record_format=avro_format())
    mapped = map_record(Record(Assignment(Partition("t", 0), 1), 17, None, None, message.own_value, ()))
    assert isinstance(mapped, Interaction)
    assert abs(len(message.own_value) - int(name.split()[2])) <= 1


def decoded(calls: Calls) -> list[tuple[str, str | None, object]]:
    return [(session_id, user_id, msgspec.json.decode(event)) for session_id, user_id, event in calls]


@pytest.mark.parametrize("name", SHAPES)
def test_every_way_to_map_makes_the_same_events(name: str) -> None:
    shape = SHAPES[name]
    by_worker, by_jmespath = mapping.by_worker(shape), mapping.by_jmespath(shape)
    careful = shape.by_hand(mapping.records(shape)[0])
    assert not isinstance(careful, str)
    assert decoded(careful) == decoded(shape.unchecked(shape.value)) == decoded(by_worker)
    assert by_jmespath is None or decoded(by_jmespath(shape.value)) == decoded(by_worker)


@pytest.mark.parametrize("name", ["flat", "nested, with values", "look-ups and joins", "fan-out over 10"])
@pytest.mark.parametrize("unfit", ["\x00", "x" * 300, "undefined", True])
def test_the_careful_way_refuses_the_ids_that_the_worker_refuses(name: str, unfit: object) -> None:
    shape = SHAPES[name]
    record, value = mapping.records(shape)[0], msgspec.json.decode(shape.value)
    session = next(key for key in ("sessionId", "anonymousId", "user_pseudo_id") if key in value)
    bad = msgspec.structs.replace(record, value=msgspec.json.encode(value | {session: unfit}))
    assert isinstance(compile_mapping(shape.mapping)(bad), Undecodable)
    assert isinstance(shape.by_hand(bad), str)


def test_figures_are_totals_over_totals() -> None:
    found = figures([a_turn(calls=100, cpu_seconds=1), a_turn(calls=300, cpu_seconds=3)])
    assert found.cpu_seconds_per_1000_calls == pytest.approx(10)
    assert found.cpu_seconds_per_100000_records == pytest.approx(250)
    assert found.events_per_call == pytest.approx(4)
    assert found.records_per_second == pytest.approx(200)


def test_the_verdict_says_how_many_times_fewer() -> None:
    turns = [
        a_turn(load, program, calls=100 if program != STRAIGHTFORWARD else 400, cpu_seconds=cpu_seconds)
        for load in LOADS
        for program, cpu_seconds in ((WORKER, 1.0), (STRAIGHTFORWARD, 20.0), (WORKER_WITHOUT_QUOTA, 2.0))
    ]
    _, verdict = tables(turns)
    found = {what: (times, kept) for what, times, _, kept in verdict.rows}
    assert found[f"CPU a call, dense, {WORKER}"] == (5.0, "NO")
    assert found[f"calls, wide, {WORKER}"] == (4.0, "yes")


def test_a_bar_that_is_missed_says_so() -> None:
    assert bar("share", 96, 95, at_least=True)[-1] == "yes"
    assert bar("share", 94, 95, at_least=True)[-1] == "NO"
    assert bar("seconds", 2.0, 2, at_least=False)[-1] == "NO"


def test_a_table_is_markdown_with_aligned_columns() -> None:
    text = render(
        Table("T", ("what", "figure"), (("a", 1234), ("longer", 0.5), ("none", None)), ("A note.",))
    )
    assert text == (
        "## T\n"
        "\n"
        "| what   | figure |\n"
        "| ------ | -----: |\n"
        "| a      |  1,234 |\n"
        "| longer |   0.50 |\n"
        "| none   |        |\n"
        "\n"
        "A note.\n"
    )


def test_tracing_is_compared_with_the_mean_of_both_rows_that_have_it_off() -> None:
    def seen(cpu_seconds: float, exported: float = 0) -> tracing.Seen:
        return tracing.Seen(a_turn(cpu_seconds=cpu_seconds), exported, 0)

    table = tracing.table({"off": [seen(0.9)], "off, again": [seen(1.1)], "on": [seen(1.8, 100)]})
    off, again, on = table.rows
    assert (off[2], again[2]) == (pytest.approx(-0.1 / 800 * 1e9), pytest.approx(0.1 / 800 * 1e9))
    assert on[2:4] == (pytest.approx(0.8 / 800 * 1e9), pytest.approx(0.8 / 100 * 1e6))
    assert on[5] == 100


def test_every_case_of_tracing_is_told_apart_and_off_stands_twice() -> None:
    names = [case.name for case in tracing.CASES]
    assert len(set(names)) == len(names)
    assert {case.name for case in tracing.CASES if not case.is_on} == set(tracing.OFF)
