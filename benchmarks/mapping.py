"""What the mapping costs, beside the same written by hand, and by JMESPath: records a second on one core.

Every way makes the same events of the same records: encoded to JSON, with properties as JSON text. The worker
also checks every rule of the API meanwhile, which the other two do not.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

import jmespath
import msgspec

from benchmarks.mapping_shapes import SHAPES, Shape
from benchmarks.report import Table, bar
from worker.core.mapping import compile_mapping
from worker.core.model.partition import Partition
from worker.core.model.records import FanOut, Interaction, Record
from worker.core.offsets.assignment import Assignment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Calls: TypeAlias = list[tuple[str, str | None, bytes]]
    """Session, user and event, for each event of a record."""

RECORDS = 2_000
TURN_SECONDS = 0.25
TURNS = 7
LEAST_OF_HAND_WRITTEN = 0.5

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def tables() -> tuple[Table, Table]:
    """The figures of every shape, and whether they keep the bar."""
    figures = {name: tuple(measure(shape)) for name, shape in SHAPES.items()}
    times = {name: (worker or 0) / (by_hand or 1) for name, (worker, by_hand, _) in figures.items()}
    rows = tuple((name, *found, times[name]) for name, found in figures.items())
    verdicts = tuple(
        bar(f"{name}, times as fast as by hand", each, LEAST_OF_HAND_WRITTEN, at_least=True)
        for name, each in times.items()
    )
    return (
        Table(
            "Mapping, records a second on one core",
            ("shape", "worker", "by hand", "by JMESPath", "worker / by hand"),
            rows,
        ),
        Table("Mapping: bars", ("what", "figure", "bar", "kept"), verdicts),
    )


def measure(shape: Shape) -> Iterator[float | None]:
    """The best turn of each way; they take turns, so that what else the machine does falls on all.

    The worker, by hand, and by JMESPath, which cannot say everything.
    """
    ways: tuple[Callable[[Any], object] | None, ...] = (
        compile_mapping(shape.mapping),
        shape.by_hand,
        by_jmespath(shape),
    )
    given: tuple[list[Any], ...] = (records(shape), [shape.value] * RECORDS, [shape.value] * RECORDS)
    best = [0.0] * len(ways)
    for _ in range(TURNS):
        for place, (way, what) in enumerate(zip(ways, given, strict=True)):
            if way is not None:
                best[place] = max(best[place], _speed(way, what))
    yield from (each or None for each in best)


def records(shape: Shape) -> list[Record]:
    """As many records as a turn maps."""
    under = Assignment(Partition("t", 0), 1)
    return [Record(under, offset, 1_767_225_600_000, None, shape.value, ()) for offset in range(RECORDS)]


def by_worker(shape: Shape) -> Calls:
    """What the worker makes of the record."""
    mapped: Any = compile_mapping(shape.mapping)(records(shape)[0])
    outcomes = mapped.outcomes if isinstance(mapped, FanOut) else (mapped,)
    return [(each.session_id, each.user_id, each.event) for each in outcomes if isinstance(each, Interaction)]


def by_jmespath(shape: Shape) -> Callable[[bytes], Calls] | None:
    """The same by one expression, which makes the objects of the events; false leaves the record out."""
    if shape.expression is None:
        return None
    search = jmespath.compile(shape.expression).search

    def calls(value: bytes) -> Calls:
        found = []
        for event in search(_decode(value)) or ():
            session_id, user_id = event.pop("sessionId"), event.pop("userId")
            event["sentAt"] = shape.seconds(event["sentAt"])
            present = {name: each for name, each in event.items() if each is not None}
            if "properties" in present:
                present["properties"] = _encode(present["properties"]).decode()
            found.append((session_id, user_id, _encode(present)))
        return found

    return calls


def _speed(way: Callable[[Any], object], given: list[Any]) -> float:
    done, began = 0, time.process_time()
    while (taken := time.process_time() - began) < TURN_SECONDS:
        for each in given:
            way(each)
        done += len(given)
    return done / taken
