"""What the mapping costs, beside the same written by hand, and by JMESPath: records a second on one core.

Every way makes the same events of the same records: encoded to JSON, with properties as JSON text. By hand it
is written twice: once so that it promises what the worker promises, which the bars are on, and once so that
it checks nothing, as by JMESPath.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import jmespath
import msgspec

from benchmarks.mapping_shapes import SHAPES, Shape
from benchmarks.report import Table, bar
from worker.core.mapping import compile_mapping
from worker.core.model.partition import Partition
from worker.core.model.records import FanOut, Interaction, Record
from worker.core.offsets.assignment import Assignment

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.by_hand import Calls

RECORDS = 2_000
TURN_SECONDS = 0.25
TURNS = 7
LEAST_OF_HAND_WRITTEN = 0.5
WORKER = "worker"
CAREFUL = "by hand"
UNCHECKED = "by hand, unchecked"
JMESPATH = "by JMESPath"
WAYS = (WORKER, CAREFUL, UNCHECKED, JMESPATH)
BY_HAND = (CAREFUL, UNCHECKED)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def tables() -> tuple[Table, Table]:
    """The figures of every shape, and whether they keep the bar."""
    found = {name: measure(shape) for name, shape in SHAPES.items()}
    rows = tuple(
        (name, *(figures[way] for way in WAYS), *(_times(figures, way) for way in BY_HAND))
        for name, figures in found.items()
    )
    verdicts = tuple(
        bar(
            f"{name}, times as fast as by hand",
            _times(figures, CAREFUL),
            LEAST_OF_HAND_WRITTEN,
            at_least=True,
        )
        for name, figures in found.items()
    )
    return (
        Table(
            "Mapping, records a second on one core",
            ("shape", *WAYS, *(f"{WORKER} / {way}" for way in BY_HAND)),
            rows,
        ),
        Table("Mapping: bars", ("what", "figure", "bar", "kept"), verdicts),
    )


def measure(shape: Shape) -> dict[str, float | None]:
    """Records a second of each way: its best turn; None for JMESPath where it cannot say that.

    They take turns, so that what else the machine does falls on all.
    """
    ways: dict[str, tuple[Callable[[Any], object] | None, list[Any]]] = {
        WORKER: (compile_mapping(shape.mapping), records(shape)),
        CAREFUL: (shape.by_hand, records(shape)),
        UNCHECKED: (shape.unchecked, [shape.value] * RECORDS),
        JMESPATH: (by_jmespath(shape), [shape.value] * RECORDS),
    }
    best: dict[str, float | None] = dict.fromkeys(WAYS)
    for _ in range(TURNS):
        for name, (way, given) in ways.items():
            if way is not None:
                best[name] = max(best[name] or 0, _speed(way, given))
    return best


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


def _times(figures: dict[str, float | None], way: str) -> float:
    return (figures[WORKER] or 0) / (figures[way] or 1)


def _speed(way: Callable[[Any], object], given: list[Any]) -> float:
    done, began = 0, time.process_time()
    while (taken := time.process_time() - began) < TURN_SECONDS:
        for each in given:
            way(each)
        done += len(given)
    return done / taken
