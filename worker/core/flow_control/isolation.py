"""Isolates content that makes one session's calls fail while all others are accepted.

A gateway on the way (a firewall, an inspecting proxy) may reject the content of an event with a status of its
own, and the API itself may fail because of one. Retrying for ever would block the session, and a hold would
block the others. But such a failure looks like an outage. So it counts against the content only under two
conditions. A call of another session, sent after the previous failure, was accepted. And hardly any other
session fails, because otherwise the server is at fault and not the content. After a few such failures, the
call is halved like a refused one. An event that stands alone is refused after many, over minutes.

What AWS itself says about keys, permission and tracker is never blamed on the content: that always holds.
"""

from __future__ import annotations

import re
from math import inf
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.core.model.error_codes import ERROR_CODES
from worker.core.model.outcomes import Accepted, Answer, Misconfigured, Refused, TransientFault
from worker.core.model.partition import Partition
from worker.core.model.records import element_index

if TYPE_CHECKING:
    from worker.core.model.records import Batch, Interaction


class Patience(Struct, frozen=True):
    """How long a failure that others do not share is tolerated."""

    halved_after: int
    refused_after: int
    """The number of failures after which a single event is refused."""
    seconds: float
    """How long at least a single event must have failed."""


# A gateway answered, not AWS. Minutes distinguish a rejection from a gateway that is being restarted.
ON_THE_WAY: Final = Patience(3, 10, 60.0)
# AWS has answered that it is at fault, or there was no answer: most likely this passes, even if it takes an
# hour.
OF_THE_API: Final = Patience(20, 100, 3600.0)

# The call was sent and got no answer, so its content may be the reason (a firewall that cuts the connection).
SENT_IN_VAIN: Final = frozenset({"AnswerCutShort", "AnswerTimeout", "AnswerUnreadable", "ConnectionReset"})
# Nothing was sent, so the content can't be the reason.
NOT_SENT: Final = frozenset({
    "CertificateExpired", "CertificateNotYetValid", "CertificateOfAnotherHost", "CertificateRejected",
    "CertificateTooWeak", "ConnectTimeout", "ConnectionFailed", "CredentialsMalformed", "CredentialsRefresh",
    "CredentialsUnavailable", "DnsFailure", "NoCredentials", "ProxyRefused", "ProxyUnreachable", "TlsFailure",
})  # fmt: skip
_WORD: Final = re.compile(r"[A-Za-z]\w*")

# For each other session that failed for the first time, this many calls must have been accepted.
_ACCEPTED_FOR_EACH_FAILED: Final = 10
# When more sessions than these fail again and again, the cause is no longer the content of one of them.
MOST_AT_ONCE: Final = 10
# In an outage every session fails. The oldest suspects are forgotten, and counted anew.
_MOST_SUSPECTS: Final = 10_000

_Key = tuple[Partition, int, int]


class _Suspect:
    """A session whose call failed."""

    __slots__ = ("accepted_before", "alone", "events", "failed_before", "last_at", "since", "strikes")

    def __init__(self, events: set[_Key], now: float, accepted_before: int, failed_before: int) -> None:
        self.events = events
        self.alone = set(events) if len(events) == 1 else None
        self.since = now
        self.last_at = now
        self.strikes = 0
        self.accepted_before = accepted_before
        self.failed_before = failed_before


class Isolation:
    """Follows the answers of one worker. Times are seconds of the caller's clock."""

    def __init__(self) -> None:
        self._suspects: dict[str, _Suspect] = {}
        # Calls of sessions that are no suspects: accepted, and failed; a failure makes a suspect.
        self._accepted = 0
        self._failed = 0
        # When the latest accepted call was sent, of which session, and when the latest of another session
        # was.
        self._sent_at = -inf
        self._session_id = ""
        self._sent_at_by_another = -inf
        # When a session failed without it being known yet whether others fail as well.
        self._failed_at = -inf

    def judge(self, batch: Batch, answer: Answer, sent_at: float, now: float) -> tuple[Answer, Answer]:
        """Return what an answer means for the rate and the holds, and what it means for the batch.

        They differ when the batch is refused though no server that examined it said so.
        """
        if isinstance(answer, Accepted):
            self._accept(batch, sent_at)
            return answer, answer
        if isinstance(answer, Refused):
            self._suspects.pop(batch.session_id, None)
            return answer, answer
        patience = patience_with(answer)
        if patience is None:
            return answer, answer
        suspect = self._strike(batch, now)
        seen = self._seen(answer, suspect, now)
        return seen, self._refusal(batch, suspect, patience, answer, now) or seen

    def _accept(self, batch: Batch, sent_at: float) -> None:
        self._note(batch.session_id, sent_at)
        suspect = self._suspects.get(batch.session_id) if self._suspects else None
        if suspect is None:
            self._accepted += 1
            return
        suspect.events -= _keys(batch)
        if not suspect.events:
            del self._suspects[batch.session_id]

    def _note(self, session_id: str, sent_at: float) -> None:
        """Record an accepted call: the latest one, and the latest one of another session."""
        if session_id == self._session_id:
            self._sent_at = max(self._sent_at, sent_at)
        elif sent_at >= self._sent_at:
            self._sent_at_by_another = self._sent_at
            self._session_id, self._sent_at = session_id, sent_at
        else:
            self._sent_at_by_another = max(self._sent_at_by_another, sent_at)

    def _strike(self, batch: Batch, now: float) -> _Suspect:
        events = _keys(batch)
        suspect = self._suspects.get(batch.session_id)
        if suspect is None or suspect.events.isdisjoint(events):
            return self._suspect(batch.session_id, events, now)
        others_at = self._sent_at_by_another if batch.session_id == self._session_id else self._sent_at
        suspect.strikes += others_at > suspect.last_at
        suspect.events, suspect.last_at = events, now
        if len(events) == 1 and suspect.alone != events:
            # From here on the failures of this event alone are counted.
            suspect.alone, suspect.since, suspect.strikes = set(events), now, min(suspect.strikes, 1)
        return suspect

    def _suspect(self, session_id: str, events: set[_Key], now: float) -> _Suspect:
        self._suspects.pop(session_id, None)
        if len(self._suspects) >= _MOST_SUSPECTS:
            del self._suspects[next(iter(self._suspects))]
        suspect = self._suspects[session_id] = _Suspect(events, now, self._accepted, self._failed)
        self._failed += 1
        return suspect

    def _seen(self, answer: Answer, suspect: _Suspect, now: float) -> Answer:
        """Report a hold only if all may be affected: not if others were accepted since, or just before."""
        if not isinstance(answer, Misconfigured):
            return answer
        if suspect.strikes:
            return TransientFault(answer.code)
        failed_at, self._failed_at = self._failed_at, now
        return TransientFault(answer.code) if self._sent_at > failed_at else answer

    def _refusal(
        self, batch: Batch, suspect: _Suspect, patience: Patience, answer: Answer, now: float
    ) -> Refused | None:
        """Return a refusal if it is clear by now that the content is at fault."""
        is_one = len(batch.interactions) == 1
        if suspect.strikes < (patience.refused_after if is_one else patience.halved_after):
            return None
        seconds = now - suspect.since
        if (is_one and seconds < patience.seconds) or not self._is_its_own(suspect, patience):
            return None
        if is_one:
            del self._suspects[batch.session_id]
        code = "" if isinstance(answer, Accepted) else answer.code
        return Refused(code, f"failed for {seconds:.0f} s while calls of other sessions were accepted")

    def _is_its_own(self, suspect: _Suspect, patience: Patience) -> bool:
        """Whether hardly any other session has failed since this one did."""
        accepted = self._accepted - suspect.accepted_before
        others = self._failed - suspect.failed_before - 1
        again = sum(each.strikes >= patience.halved_after for each in self._suspects.values())
        return accepted >= others * _ACCEPTED_FOR_EACH_FAILED and again <= MOST_AT_ONCE


def patience_with(answer: Answer) -> Patience | None:
    """Return how long such failures of a single session are tolerated; None: for ever."""
    match answer:
        case Misconfigured(code) if _is_foreign(code):
            return ON_THE_WAY
        case TransientFault(code) if _is_foreign(code):
            return ON_THE_WAY
        case TransientFault(code) if code in SENT_IN_VAIN or code in ERROR_CODES:
            return OF_THE_API
        case _:
            return None


def _is_foreign(code: str) -> bool:
    """Whether the code is neither AWS's nor ours: a bare status, or a gateway's own word."""
    is_known = code in ERROR_CODES or code in SENT_IN_VAIN or code in NOT_SENT
    return not is_known and _WORD.fullmatch(code) is not None


def _keys(batch: Batch) -> set[_Key]:
    return {_key(each) for each in batch.interactions}


def _key(event: Interaction) -> _Key:
    record = event.record
    return record.assignment.partition, record.offset, element_index(record)
