"""Watches one worker at its edges, and says when a promise is broken: the second half of the oracle.

Written from the promises, not from the worker's code: what is known here is what went over the edges.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from msgspec import Struct, json

from tests.simulation.api import GATEWAYS
from tests.simulation.held_records import SENDS, HeldRecords
from worker.core.model.outcomes import Accepted, Misconfigured, Refused, Throttled, TransientFault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tests.simulation.held_records import Receipt
    from tests.simulation.schedule import MemberSettings
    from tests.simulation.truth import Breach, Truth, Written
    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch, Reason, Record

MOST_EVENTS: Final = 10
# A partition that is assigned while no more is taken in may bring a record before it is paused.
_MORE_PER_ASSIGNMENT: Final = 2
TOO_OLD: Final = "too_old"
# Timestamps are whole milliseconds.
_A_TICK: Final = 0.001
# So many times at least a gateway has stopped an event alone before that is its fault.
STOPPED_ALONE: Final = 10


class _Event(Struct):
    eventId: str  # noqa: N815  the API's name


class Oracle:
    """Of one worker."""

    def __init__(self, who: str, settings: MemberSettings, truth: Truth, breach: Breach) -> None:
        self._who = who
        self._settings = settings
        self._truth = truth
        self._breach = breach
        self.held = HeldRecords(who, breach)
        self.under_way: Counter[str] = Counter()
        self._streak = Streak(settings.hold_after_refusals)
        self._row = UnmappableRow(settings.hold_after_unmappable)
        self._probes = Probes()
        self._stopped: Counter[str] = Counter()
        self._beyond = 0

    def received(self, records: Sequence[Record], *, is_full: bool, partitions: int) -> None:
        """Records were handed over; ``is_full``: its memory was at its bound all the time."""
        for each in records:
            self.held.given(self._truth.of(each))
        self._beyond = self._beyond + len(records) if is_full else 0
        bound = self._settings.max_unsettled_records + _MORE_PER_ASSIGNMENT * partitions
        is_too_much = self.held.count > bound and self.held.records() > bound
        if is_too_much or self._beyond > _MORE_PER_ASSIGNMENT * partitions:
            self._breach("memory stays in its bound", f"{self._who} holds {self.held.records()} records")

    def maps(self, record: Record) -> None:
        """A record is mapped, which may be later than it was received."""
        self._row.mapped(self._truth.of(record))

    def calls(self, batch: Batch, now: float) -> list[Receipt | None]:
        """A call begins."""
        records = self._truth.of_call(batch)
        if not 1 <= len(records) <= min(MOST_EVENTS, self._settings.max_events):
            self._breach("1 to 10 events a call", f"{self._who} sends {len(records)}")
        for record, sent in zip(records, batch.interactions, strict=True):
            said = (batch.session_id, batch.user_id, _event_id(sent.event))
            if said != (record.session, record.user, record.name):
                self._breach("one session and one user a call", f"{self._who} sends {record!r} as {said}")
        self.under_way[batch.session_id] += 1
        if self.under_way[batch.session_id] > 1:
            self._breach("one call in flight a session", f"{self._who} sends two of {batch.session_id}")
        if self._probes.is_too_many(self.under_way.total(), now):
            self._breach("while held, one probe at a time", f"{self._who} sends {records} beside another")
        return [self.held.use(each, SENDS) for each in records]

    def call_ended(self, batch: Batch) -> None:
        """Answered, or given up."""
        self.under_way[batch.session_id] -= 1

    def answered(
        self, receipts: Iterable[Receipt | None], answer: Answer, sent_at: float, now: float
    ) -> None:
        """The worker gets this answer."""
        known = [each for each in receipts if each is not None]
        self._probes.answered(answer, sent_at, now)
        if isinstance(answer, Accepted):
            self._streak.over()
            for receipt in known:
                self.held.settle(receipt)
            if known and self._settings.max_age_seconds is not None:
                self.held.overtake(known[0])
        elif isinstance(answer, Refused) and len(known) == 1:
            self._streak.refused(known[0].record)
        elif answer in GATEWAYS and len(known) == 1:
            self._stopped[known[0].record.name] += 1

    def dead_letters(self, record: Written, reason: Reason, now: float) -> Receipt | None:
        """A dead letter is handed over."""
        if record.parts:
            self._breach("a letter names its element", f"{self._who} dead-letters {record!r}: {reason}")
        if record.kind == "undecodable":
            right = reason.kind == record.fault() and self._row.may_dead_letter(record)
        elif reason.kind == TOO_OLD:
            right = self._is_too_old(record, "dead_letter", now)
        else:
            if self._stopped[record.name] >= STOPPED_ALONE and not self._streak.may_dead_letter(record):
                # Nobody has said that it is refused; it counts all the same.
                self._streak.refused(record)
            right = reason.kind == "refused" and self._streak.may_dead_letter(record)
        if not right:
            self._breach(
                "only what is at fault is a dead letter", f"{self._who} dead-letters {record!r}: {reason}"
            )
        return self.held.use(record, "dead-letters")

    def skips(self, record: Written, rule: str, now: float) -> None:
        """The worker leaves a record out."""
        if record.kind == "skip":
            return
        if rule != TOO_OLD or not self._is_too_old(record, "skip", now):
            self._breach("only what a rule says is skipped", f"{self._who} skips {record!r}: {rule}")
        if self._probes.is_held:
            self._breach("a wrong configuration costs nothing", f"{self._who} skips {record!r} while held")
        self.held.settle(self.held.use(record, "skips"))
        self._truth.done(record, "skipped")

    def _is_too_old(self, record: Written, what_then: str, now: float) -> bool:
        most = self._settings.max_age_seconds
        is_so = most is not None and now - record.at > most - _A_TICK
        return is_so and self._settings.when_too_old == what_then

    def gave_back(self, partitions: Collection[int], unmapped: Collection[str], *, had_time: bool) -> None:
        """Partitions are the worker's no more after a flush, at whose end there was time left, or not.

        For what it had not mapped, as its memory was full, it does not wait.
        """
        owed = [each for each in self.held.owed(partitions) if not self._row.is_kept(each)]
        owed = [each for each in owed if each.name.partition("#")[0] not in unmapped]
        if had_time and owed:
            self._breach("a flush takes its time", f"{self._who} gave back {owed[0]!r} too soon")


_EVENTS: Final = json.Decoder(_Event)


def _event_id(event: bytes) -> str:
    return _EVENTS.decode(event).eventId


class Streak:
    """So many refused events of different sessions in a row may become dead letters, and no more."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._row = 0
        self._sessions: set[str] = set()
        self._may: dict[str, bool] = {}

    def refused(self, record: Written) -> None:
        """An event was refused alone."""
        may = self._row < self._limit or self._sessions <= {record.session}
        self._may[record.name] = may
        if may:
            self._row += 1
            self._sessions.add(record.session)

    def over(self) -> None:
        """An event was accepted."""
        self._row = 0
        self._sessions.clear()

    def may_dead_letter(self, record: Written) -> bool:
        return self._may.get(record.name, False)


class UnmappableRow:
    """So many unmappable records in a row may become dead letters, the others once a later one is mapped."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._row = 0
        self._kept: set[str] = set()
        # Read again, it may be on its way to the letters still from before.
        self._let: set[str] = set()

    def mapped(self, record: Written) -> None:
        if record.kind == "undecodable":
            self._row += 1
            if self._limit is not None and self._row > self._limit:
                self._kept.add(record.name)
            else:
                self._let.add(record.name)
        elif record.kind != "skip":
            self._row = 0
            self._let |= self._kept
            self._kept.clear()

    def is_kept(self, record: Written) -> bool:
        return record.name in self._kept

    def may_dead_letter(self, record: Written) -> bool:
        return not self.is_kept(record) or record.name in self._let


class Probes:
    """While credentials or permission fail, calls go one at a time."""

    def __init__(self) -> None:
        self._held_since: float | None = None

    @property
    def is_held(self) -> bool:
        return self._held_since is not None

    def answered(self, answer: Answer, sent_at: float, now: float) -> None:
        match answer:
            case Misconfigured() if answer in GATEWAYS:
                # It may be one event's own: then the others go on.
                pass
            case Misconfigured():
                self._held_since = now if self._held_since is None else self._held_since
            case Accepted() | Refused():
                if self._held_since is not None and self._held_since <= sent_at:
                    self._held_since = None
            case Throttled() | TransientFault():
                pass

    def is_too_many(self, under_way: int, now: float) -> bool:
        """Calls that were let go at the very moment of the hold may still begin."""
        return self._held_since is not None and now > self._held_since and under_way > 1
