"""What is true of every record, whatever any worker believes: the first half of the oracle.

A record is done with when the API has its event, its dead letter is in the topic, or a rule says to skip it.
Knows nothing of assignments, ledgers and queues.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.schedule import Kind
    from worker.core.model.records import Batch, Record

    Breach: TypeAlias = Callable[[str, str], None]
    """Says that a promise was broken, and how."""


class Written:
    """A record of the topic."""

    __slots__ = (
        "at",
        "done",
        "event",
        "gone",
        "kind",
        "leader_epoch",
        "log",
        "name",
        "offset",
        "partition",
        "place",
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
        self.event = json.dumps(name).encode()
        self.partition = self.offset = self.place = self.term = self.leader_epoch = 0
        self.log: list[Written] = []
        self.done = "skipped" if kind == "skip" else ""
        """How it was first done with; empty while it is not."""
        self.gone = False
        """Deleted, or left out by librdkafka, before anybody was done with it: nobody owes it."""

    @property
    def owed(self) -> bool:
        return not (self.done or self.gone)

    def shares_order_with(self, other: Written) -> bool:
        ordered = self.kind in ("good", "poison")
        return ordered and self.log is other.log and self.session == other.session

    def value(self) -> bytes:
        if self.kind == "skip":
            return b"skip"
        if self.kind == "undecodable":
            return f"undecodable {self.name}".encode()
        return f"{self.session}/{self.user or '-'}/{self.name}".encode()

    def __repr__(self) -> str:
        return f"{self.name} ({self.session} of partition {self.partition}, offset {self.offset})"


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
        return self._by_name[(record.key or b"").decode()]

    def of_call(self, batch: Batch) -> list[Written]:
        """The records whose events a call carries."""
        return [self.of(each.record) for each in batch.interactions]

    def all(self) -> list[Written]:
        return list(self._by_name.values())

    def produced(self, record: Written) -> None:
        """It stands in its log, with its offset."""
        self._by_name[record.name] = record
        if record.kind in ("good", "poison"):
            session = self._sessions[record.partition, record.session]
            record.place = len(session)
            session.append(record)

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
        key = (record.partition, record.session)
        session, place = self._sessions[key], self._done[key]
        while place < record.place and self._may_be_behind(session[place]):
            place += 1
        self._done[key] = place
        if place < record.place:
            self._breach("a session stays in order", f"{record!r} before {session[place]!r}")

    def _may_be_behind(self, record: Written) -> bool:
        """Whether a later one may be done with first; what is too old may be on its way to the letters."""
        return not record.owed or self._clock() - record.at > self._max_age_seconds
