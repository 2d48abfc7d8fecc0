"""What it really takes to hold a record, beside what the bound on memory counts for it.

The parts that hold records are the worker's own: what is read of Kafka's messages, the mapping, the session
queues, offset tracker and backlog. Each shape of records is held in a process of its own, by the kernel's
figures.
"""

from __future__ import annotations

import ctypes
import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from benchmarks.holding_avro import avro_format, avro_value
from benchmarks.report import Table
from tests.support.elements import element
from worker.core.batching.session_queues import SessionQueues
from worker.core.mapping import compile_mapping
from worker.core.model.partition import Partition
from worker.core.model.records import FanOut, Interaction, Undecodable
from worker.core.offsets.memory_budget import MemoryBudget
from worker.core.offsets.tracker import OffsetTracker
from worker.formats.protocol import NeedsSchema
from worker.pipeline.unsettled_records import UnsettledRecords
from worker.sources.kafka.messages import RecordReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.report import Cell
    from worker.core.model.records import Mapped, Record

# As many as come in one reception at most.
AT_ONCE = 1_000
UNBOUNDED = 1 << 60
SENT_AT_SECONDS = 1_767_225_600
SMALL_BYTES, MEDIUM_BYTES, MILLION = 120, 300, 1_000_000


class Message(Struct, frozen=True):
    """A message, as far as the source reads one of librdkafka's; every part is an object of its own."""

    own_offset: int
    own_key: bytes | None
    own_value: bytes
    own_headers: list[tuple[str, bytes]] | None = None

    def offset(self) -> int:
        """Its offset."""
        return self.own_offset

    def timestamp(self) -> tuple[int, int]:
        """The producer's: another millisecond each."""
        return 1, SENT_AT_SECONDS * 1_000 + self.own_offset

    def key(self) -> bytes | None:
        """Its key."""
        return self.own_key

    def value(self) -> bytes:
        """Its value."""
        return self.own_value

    def headers(self) -> list[tuple[str, bytes]] | None:
        """Its headers."""
        return self.own_headers


class Shape(Struct, frozen=True):
    """Records of one kind."""

    records: int
    make: Callable[[int], Message]
    elements: int = 1
    """How many events each record holds."""
    is_avro: bool = False
    is_mapped: bool = True
    """Whether they are mapped, or wait for their schema as they came."""


class Held(Struct, frozen=True):
    """Bytes a record."""

    shape: str
    records: int
    sessions: int
    resident: float
    counted: float


def value(session: int, number: int, size: int, more: bytes = b"") -> bytes:
    """A valid event of so many bytes; most of it in a member that the default mapping does not read."""
    head = (
        b'{"eventType":"view","sentAt":%d,"sessionId":"session-%08d","userId":"user-%d","itemId":"item-%d"%b'
        % (SENT_AT_SECONDS, session, session % 5_000, number, more)
    )
    return head + b',"x":"' + b"x" * (size - len(head) - 8) + b'"}'


def _record(size: int, *, per_session: int = 10, key_bytes: int = 16, headers: int = 0) -> Shape:
    def make(number: int) -> Message:
        session = number // per_session
        fields = [(f"header-{place}", b"value-%d-%d" % (place, number)) for place in range(headers)]
        return Message(number, b"%0*d" % (key_bytes, session), value(session, number, size), fields or None)

    return Shape(min(25_000, 100 * MILLION // (size + key_bytes + 200 * headers)), make)


def _ids(filling: str, *, per_session: int = 10, per_user: int = 10) -> Shape:
    """Records with ids as long as the API takes them."""

    def make(number: int) -> Message:
        session_number = number // per_session
        event = {
            "eventType": "view",
            "sentAt": SENT_AT_SECONDS,
            "sessionId": f"s{session_number:08}" + filling * 247,
            "userId": f"u{number // per_user:08}" + filling * 247,
            "itemId": f"item-{number}",
        }
        text = json.dumps(event, ensure_ascii=False)
        # A copy, as the client makes one: what encoding leaves has the slack of its buffer.
        return Message(number, b"%d" % session_number, bytes(memoryview(text.encode())))

    return Shape(10_000, make)


def _large_event() -> Shape:
    impression = (
        b',"impression":["' + b'","'.join(b"%03d" % place + b"i" * 240 for place in range(25)) + b'"]'
    )
    return Shape(2_000, lambda number: Message(number, None, value(number // 10, number, 7_000, impression)))


def _elements(elements: int, *, element_bytes: int) -> Shape:
    """Records of several events in ten sessions; 100,000 events of all records together."""
    size = SMALL_BYTES + elements * element_bytes
    return Shape(
        100_000 // elements, lambda number: Message(number, None, value(number * 10, number, size)), elements
    )


def _avro(size: int, *, per_session: int = 10, is_mapped: bool = True) -> Shape:
    def make(number: int) -> Message:
        session = number // per_session
        event: dict[str, object] = {
            "eventType": "view",
            "sentAt": SENT_AT_SECONDS * 1_000,
            "sessionId": f"session-{session:08}",
            "userId": f"user-{session % 5_000}",
            "itemId": f"item-{number}",
        }
        return Message(number, b"%016d" % session, avro_value(event, size))

    return Shape(100_000, make, is_avro=True, is_mapped=is_mapped)


SHAPES = {
    "300 bytes, 10 a session": _record(MEDIUM_BYTES),
    "300 bytes, one a session": _record(MEDIUM_BYTES, per_session=1),
    "300 bytes, all one session": _record(MEDIUM_BYTES, per_session=1 << 60),
    "120 bytes, 10 a session": _record(SMALL_BYTES),
    "120 bytes, one a session": _record(SMALL_BYTES, per_session=1),
    "300 bytes, 5 headers": _record(MEDIUM_BYTES, headers=5),
    "300 bytes, 50 headers": _record(MEDIUM_BYTES, headers=50),
    "300 bytes, 10,000 headers": _record(MEDIUM_BYTES, headers=10_000),
    "300 bytes, keys of 2,000": _record(MEDIUM_BYTES, key_bytes=2_000),
    "10,000 bytes": _record(10_000),
    "1,000,000 bytes": _record(MILLION),
    "7,000 bytes, most of it in the event": _large_event(),
    "ids of 256 characters, 10 a session": _ids("x"),
    "ids of 256 characters, one a session": _ids("x", per_session=1, per_user=1),
    "ids of 256 characters, one session, another user each": _ids("x", per_session=1 << 60, per_user=1),
    "ids of 256 Cyrillic letters, one a session": _ids("\u0436", per_session=1, per_user=1),
    "ids of 256 emoji, one a session": _ids("\U0001f600", per_session=1, per_user=1),
    "ids of 256 Cyrillic letters, one session, another user each": _ids(
        "\u0436", per_session=1 << 60, per_user=1
    ),
    "3 elements": _elements(3, element_bytes=60),
    "50 elements of 60 bytes": _elements(50, element_bytes=60),
    "1,000 elements of 60 bytes": _elements(1_000, element_bytes=60),
    "10,000 elements of 60 bytes": _elements(10_000, element_bytes=60),
    "10,000 elements of 3 bytes": _elements(10_000, element_bytes=3),
    "Avro of 120 bytes, 10 a session": _avro(SMALL_BYTES),
    "Avro of 120 bytes, one a session": _avro(SMALL_BYTES, per_session=1),
    "Avro of 300 bytes, 10 a session": _avro(MEDIUM_BYTES),
    "Avro of 120 bytes, waiting for their schema": _avro(SMALL_BYTES, is_mapped=False),
    "300 bytes, unmappable": Shape(25_000, lambda number: Message(number, None, b'["%0296d"]' % number)),
}


def hold(shape: str) -> Held:
    """Hold them, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.holding", shape],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return Held(**json.loads(done.stdout))


def table() -> Table:
    """Every shape."""
    return Table(
        "A held record, in bytes of memory",
        ("records", "resident", "counted", "counted, % of resident", "sessions", "records held"),
        tuple(_row(hold(shape)) for shape in SHAPES),
    )


def _row(held: Held) -> tuple[Cell, ...]:
    percent = 100 * held.counted / held.resident
    return held.shape, held.resident, held.counted, percent, held.sessions, held.records


def _hold_here(name: str) -> Held:
    shape = SHAPES[name]
    read, map_record = RecordReader().record, _map_record(shape)
    queues = SessionQueues(linger_seconds=1, max_events=10)
    backlog = MemoryBudget(UNBOUNDED, UNBOUNDED, queues)
    unsettled = UnsettledRecords(OffsetTracker(), backlog)
    assignment = unsettled.tracker.open(Partition("t", 0))
    kept: list[Undecodable | Record] = []
    before = _resident_bytes()
    for number in range(shape.records):
        now = float(number // AT_ONCE)
        record = read(shape.make(number), assignment, now)  # type: ignore[arg-type]  # as much of it as is read
        if shape.elements > 1:
            unsettled.add(record)
            _hold_elements(record, shape.elements, map_record, unsettled, queues)
            continue
        if not shape.is_mapped:
            unsettled.add(record)
            kept.append(record)
            continue
        mapped = map_record(record)
        unsettled.add(record, mapped.event if isinstance(mapped, Interaction) else None)
        if isinstance(mapped, Interaction):
            queues.add(mapped, now)
        elif isinstance(mapped, Undecodable):
            kept.append(mapped)
    resident = (_resident_bytes() - before) / shape.records
    return Held(name, shape.records, len(queues), resident, backlog.bytes / shape.records)


def _map_record(shape: Shape) -> Callable[[Record], Mapped]:
    if not shape.is_avro:
        return compile_mapping({})
    map_avro = compile_mapping({}, record_format=avro_format())

    def map_record(record: Record) -> Mapped:
        mapped = map_avro(record)
        assert not isinstance(mapped, NeedsSchema)
        return mapped

    return map_record


def _hold_elements(
    record: Record,
    elements: int,
    map_record: Callable[[Record], Mapped],
    unsettled: UnsettledRecords,
    queues: SessionQueues,
) -> None:
    """Each element is an event as the mapping makes one, of one of ten sessions."""
    events = []
    for index in range(elements):
        number = record.offset * elements + index
        one = value(record.offset * 10 + index % 10, number, SMALL_BYTES)
        mapped = map_record(replace(record, value=one))
        assert isinstance(mapped, Interaction)
        events.append(replace(mapped, record=element(record, index, elements)))
    unsettled.divide(FanOut(record, tuple(events)))
    for each in events:
        queues.add(each, record.received_at)


def _resident_bytes() -> int:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    # Anonymous memory alone: which pages of the libraries are mapped depends on what else the machine does.
    rollup = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    return int(next(line for line in rollup.splitlines() if line.startswith("Anonymous:")).split()[1]) * 1024


if __name__ == "__main__":
    held = _hold_here(sys.argv[1])
    print(json.dumps({name: getattr(held, name) for name in held.__struct_fields__}))
