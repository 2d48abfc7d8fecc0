"""What is true of every record, whatever any worker believes: the first half of the oracle.

A record is done with when the API has its event, its dead letter is in the topic, or a rule says to skip it.
One that holds several events is done with when that is true of each.
Knows nothing of assignments, ledgers and queues.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from tests.simulation.schedule import UNREGISTERED
from tests.simulation.schema_mapping import FRAME
from tests.support.elements import good, skipped, unmappable, value_of
from worker.core.model.records import Element

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.simulation.schedule import Kind
    from worker.core.model.records import Batch, Record
    from worker.dead_letters.reading import Letter

    Breach: TypeAlias = Callable[[str, str], None]
    """Says that a promise was broken, and how."""


class Written:
    """A record of the topic."""

    __slots__ = (
        "_value",
        "at",
        "done",
        "gone",
        "kind",
        "leader_epoch",
        "log",
        "name",
        "offset",
        "partition",
        "parts",
        "place",
        "schema",
        "session",
        "term",
        "user",
    )

    def __init__(self, name: str, kind: Kind, session: str, user: str, at: float) -> None:
        self.name = name
        self.at = at
        self.kind = kind
        self.session = session
        self.user = None if user == "-" else user
        self.schema = self.partition = self.offset = self.place = self.term = self.leader_epoch = 0
        self.log: list[Written] = []
        self.parts: tuple[Part, ...] = ()
        """Its elements, if it holds several."""
        self._value: bytes | None = None
        self.done = "skipped" if kind == "skip" else ""
        """How it was first done with; empty while it is not."""
        self.gone = False
        """Deleted, or left out by librdkafka, before anybody was done with it: nobody owes it."""

    @property
    def owed(self) -> bool:
        if self.parts:
            return any(each.owed for each in self.parts)
        return not (self.done or self.gone)

    @property
    def order(self) -> tuple[int, int]:
        """Where it stands in its log."""
        return self.offset, 0

    def elements(self) -> Sequence[Written]:
        """What is sent, dead-lettered or skipped by itself."""
        return self.parts or (self,)

    def shares_order_with(self, other: Written) -> bool:
        ordered = self.kind in ("good", "poison")
        return ordered and self.log is other.log and self.session == other.session

    def value(self) -> bytes:
        """Its bytes, made once: they are fetched again and again."""
        if self._value is None:
            self._value = self._encoded()
        return self._value

    def _encoded(self) -> bytes:
        frame = FRAME + self.schema.to_bytes(4, "big") if self.schema else b""
        if self.kind == "undecodable":
            return frame + f"undecodable {self.name}".encode()
        return frame + value_of(each.text() for each in self.elements()).encode()

    def fault(self) -> str:
        """The kind of reason for which one that is undecodable is a dead letter."""
        if self.schema == UNREGISTERED:
            return "unknown_schema"
        return "malformed" if self.schema else "not_json"

    def text(self) -> str:
        """What stands in the record for one of its events."""
        if self.kind == "skip":
            return skipped()
        if self.kind == "undecodable":
            return unmappable(self.name)
        return good(self.session, self.user or "", self.name)

    def __repr__(self) -> str:
        return f"{self.name} ({self.session} of partition {self.partition}, offset {self.offset})"


class Part(Written):
    """An element of a record: of where that stands, and of whether it is gone, only the record is told."""

    __slots__ = ("index", "whole")

    def __init__(  # noqa: PLR0913, PLR0917  those of a record, and two
        self, whole: Written, index: int, kind: Kind, session: str, user: str, at: float
    ) -> None:
        self.whole = whole
        self.index = index
        super().__init__(part_name(whole.name, index), kind, session, user, at)

    @property
    def order(self) -> tuple[int, int]:
        """Where it stands in its log."""
        return self.offset, self.index

    def fault(self) -> str:
        return "missing"


def _of_whole(name: str) -> property:
    return property(lambda part: getattr(part.whole, name), lambda *_: None)


for _name in ("partition", "offset", "term", "leader_epoch", "log", "gone", "schema"):
    setattr(Part, _name, _of_whole(_name))


def part_name(name: str, index: int) -> str:
    """What an element of a record is called."""
    return f"{name}#{index}"


class Truth:
    """All records of one schedule."""

    def __init__(self, breach: Breach, clock: Callable[[], float], max_age_seconds: float) -> None:
        """Begin without any; whoever is older than ``max_age_seconds`` may be put aside by some worker."""
        self._breach = breach
        self._clock = clock
        self._max_age_seconds = max_age_seconds
        self._by_name: dict[str, Written] = {}
        # The records of one session in one partition, in order, and how many of them are known to be done.
        self._sessions: dict[tuple[int, str], list[Written]] = defaultdict(list)
        self._done: dict[tuple[int, str], int] = defaultdict(int)
        self._checked: dict[int, int] = defaultdict(int)

    def of(self, record: Record) -> Written:
        """What a worker holds, as it was produced: its key is its name."""
        name = (record.key or b"").decode()
        return self._by_name[part_name(name, record.index) if isinstance(record, Element) else name]

    def of_letter(self, letter: Letter) -> Written:
        """What a letter in the dead-letter topic says that it is of."""
        name = (letter.record.key or b"").decode()
        return self._by_name[name if letter.element is None else part_name(name, letter.element)]

    def of_call(self, batch: Batch) -> list[Written]:
        """The records whose events a call carries."""
        return [self.of(each.record) for each in batch.interactions]

    def all(self) -> list[Written]:
        return list(self._by_name.values())

    def produced(self, record: Written) -> None:
        """It stands in its log, with its offset."""
        self._by_name[record.name] = record
        for each in record.elements():
            self._by_name[each.name] = each
            if each.kind in ("good", "poison"):
                session = self._sessions[each.partition, each.session]
                each.place = len(session)
                session.append(each)

    def begins_anew(self, partition: int) -> None:
        """The partition has another log from now on."""
        for key in [key for key in self._sessions if key[0] == partition]:
            del self._sessions[key]
            self._done.pop(key, None)
        self._checked[partition] = 0

    def was_cut(self, partition: int) -> None:
        """The newest records of the partition are lost."""
        self._checked[partition] = 0

    def done(self, record: Written, how: str) -> None:
        """The API or the dead-letter topic has it, or a rule that the worker was given leaves it out."""
        if record.done:
            return
        if record.kind != "undecodable" and not record.gone:
            self._check_order(record)
        record.done = how

    def check_offset(self, partition: int, log: list[Written], offset: int, who: str, told_term: int) -> None:
        """Nothing below an offset that somebody stores or commits may still be owed.

        Except what was written after the log was cut, while the one who commits was told of nothing that was:
        it means the records of the log as it was.
        """
        place, all_done = self._checked[partition], True
        while place < len(log) and log[place].offset < offset:
            if log[place].owed and log[place].term <= told_term:
                self._breach("no commit ahead of the truth", f"{who}: {offset} is past {log[place]!r}")
                return
            all_done = all_done and not log[place].owed
            place += 1
            if all_done:
                self._checked[partition] = place

    def _check_order(self, record: Written) -> None:
        key = self._order_key(record)
        session, place = self._sessions[key], self._done[key]
        while place < record.place and self._may_be_behind(session[place]):
            place += 1
        self._done[key] = place
        if place < record.place:
            self._breach("a session stays in order", f"{record!r} before {session[place]!r}")

    def _order_key(self, record: Written) -> tuple[int, str]:
        return record.partition, record.session

    def _may_be_behind(self, record: Written) -> bool:
        """Whether a later one may be done with first; what is too old may be on its way to the letters."""
        return not record.owed or self._clock() - record.at > self._max_age_seconds
