"""Tracks Kafka's errors, each for as long as its own cause lasts.

librdkafka repeats an error twenty times a second while a broker is away, or every thirty seconds, or never
again (for a missing topic or a refused login). It reports nothing when all is well again. So an error is kept
as a complaint by its subject: a topic, a partition, a broker, the group, the commits. It ends when that
subject is seen to be well, and not with a record from another one.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import structlog
from confluent_kafka import KafkaError
from msgspec import Struct

from worker.core.log_throttle import LogThrottle
from worker.core.model.snapshot import SourceTrouble
from worker.sources.kafka.error_words import (
    ADVICE,
    OF_BROKERS,
    address_of,
    is_spoken,
    is_unreleased,
    kind_of,
    login_advice,
    of_several,
    sentence,
    subject_of,
)
from worker.sources.kafka.security import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from worker.core.model.partition import Partition
    from worker.core.model.records import Record
    from worker.sources.kafka.statistics import Statistics

log = structlog.get_logger(__name__)

# Longer than the thirty seconds after which librdkafka repeats that a broker is away.
_LASTS_SECONDS: Final = 40.0
_NAMED: Final = 3
"""At most this many of the topics, partitions or brokers that share a complaint are named."""
OF_PARTITIONS: Final = ("offset_reset", "fetch")
OF_TOPICS: Final = ("topic_missing", "topic_forbidden")
SILENT: Final = "silent_broker"


class KafkaUnusable(Exception):  # noqa: N818  it names the state
    """librdkafka says that this client can't continue."""


class Said(Struct, frozen=True):
    """A complaint in words."""

    since: float
    says: str = ""
    advice: str | None = None
    """Set where the advice for the kind is too general."""


class _Complaint:
    __slots__ = ("advice", "error", "kind", "last", "says", "since", "subject")

    def __init__(self, kind: str, subject: str, since: float) -> None:
        self.kind = kind
        self.subject = subject
        self.since = since
        self.last = since
        self.says = ""
        self.advice = ADVICE[kind]
        self.error = 0


class KafkaErrorMonitor:
    """The current complaints.

    Args:
        clock: the loop's.
        authentication: ``kafka.authentication``, for the advice.
    """

    def __init__(self, clock: Callable[[], float], authentication: str = "client") -> None:
        self._clock = clock
        self._advice = {**ADVICE, "login": login_advice(authentication)}
        self._log_throttle = LogThrottle()
        self._complaints: dict[tuple[str, str], _Complaint] = {}
        self.unreleased_at: float | None = None
        """When the group refused our instance id to this consumer, which librdkafka has given up since."""

    def note(self, error: KafkaError, topic: str | None = None, partition: int | None = None) -> None:
        """Record an error, of a topic or partition if it belongs to one.

        Raises:
            KafkaUnusable: it is fatal, as for a static member that was fenced.
        """
        if is_unreleased(error):
            said = Said(self._clock(), without_secrets(error.str()), ADVICE["instance"])
            self._raise("group", "", said, error.code())
            self.unreleased_at = self._clock()
            return
        # After a fatal error, later ones come with a code of their own, and are no longer marked as fatal.
        if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001  librdkafka's name for it
            raise KafkaUnusable(without_secrets(error.str()))
        text, kind = without_secrets(error.str()), kind_of(error, topic)
        said = Said(self._clock(), f"{error.name()}: {text}")
        self._raise(kind, subject_of(kind, text, topic, partition), said, error.code())

    def commit_failed(self, error: KafkaError, partitions: Iterable[Partition]) -> None:
        """Record that the offsets of these partitions could not be committed.

        Raises:
            KafkaUnusable: the error is fatal.
        """
        if error.fatal():
            raise KafkaUnusable(without_secrets(error.str()))
        said = Said(self._clock(), f"{error.name()}: {without_secrets(error.str())}")
        for each in partitions:
            self._raise("commit", str(each), said)

    def committed(self, partitions: Iterable[Partition]) -> None:
        """Note that the broker accepted the commits of these partitions."""
        for each in partitions:
            self._end("commit", str(each))

    def flows(self, records: Iterable[Record]) -> None:
        """Note that these records came: their partitions can be read, and their topics exist."""
        if not any(kind in OF_PARTITIONS or kind in OF_TOPICS for kind, _ in self._complaints):
            return
        for partition in {each.assignment.partition for each in records}:
            for kind in OF_PARTITIONS:
                self._end(kind, str(partition))
            for kind in OF_TOPICS:
                self._end(kind, partition.topic)

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Drop the complaints of partitions that are no longer ours, or are assigned anew."""
        for subject in map(str, partitions):
            for kind in (*OF_PARTITIONS, "commit", "standstill"):
                # Nothing has recovered; the trouble belongs to somebody else now.
                self._end(kind, subject, event=None)

    def late(self, partition: Partition, since: float) -> None:
        """Record that nothing of this partition has been committed for too long, whatever the cause."""
        if ("commit", str(partition)) not in self._complaints:
            self._raise("commit", str(partition), Said(since, "no commit was accepted"))

    def only(self, kind: str, now: Mapping[str, Said]) -> None:
        """Replace all complaints of this kind with the current ones, by subject."""
        for other, subject in list(self._complaints):
            if other == kind and subject not in now:
                self._end(kind, subject)
        for subject, said in now.items():
            self._raise(kind, subject, said)

    def silent(self, brokers: Mapping[str, float], answered: Collection[str]) -> None:
        """Record the silent brokers, each with its seconds, and those that have ``answered`` again."""
        for name in answered:
            self._end(SILENT, name, "kafka.answers_again")
        for kind, name in list(self._complaints):
            if kind == SILENT and name not in brokers:
                # Nothing is requested from it now, so nobody knows whether it would answer.
                self._end(SILENT, name, "kafka.no_longer_asked")
        self.only(SILENT, {name: Said(self._clock() - seconds) for name, seconds in brokers.items()})

    def unreadable(self) -> set[str]:
        """Return the partitions whose topic may not be read, according to the broker's answer to a fetch."""
        complaints = self._complaints.values()
        return {each.subject for each in complaints if each.error == KafkaError.TOPIC_AUTHORIZATION_FAILED}

    def of_topics(self) -> bool:
        """Whether there is a complaint that the brokers' metadata may end."""
        return bool(self.unreadable()) or any(kind in OF_TOPICS for kind, _ in self._complaints)

    def readable(self, subjects: Iterable[str]) -> None:
        """Note that these partitions may be read after all."""
        for subject in subjects:
            self._end("fetch", subject)

    def standing(self) -> set[str]:
        """Return the partitions for which the reason that nothing comes is known already."""
        return {subject for kind, subject in self._complaints if kind in OF_PARTITIONS}

    def measured(self, statistics: Statistics) -> None:
        """End the complaints that these statistics show to be over, and log the others when that is due."""
        for (kind, subject), each in list(self._complaints.items()):
            if _is_over(kind, subject, statistics) or not self._holds(each):
                self._end(kind, subject)
            else:
                self._tell(each)

    def now(self) -> tuple[SourceTrouble, ...]:
        """Return what is wrong now, the longest-lasting first; complaints that are alike are merged."""
        together: dict[tuple[str, str, str], list[_Complaint]] = {}
        for each in filter(self._holds, self._complaints.values()):
            says = "" if each.kind in OF_BROKERS else each.says
            together.setdefault((each.kind, says, each.advice), []).append(each)
        merged = (self._merged(*alike) for alike in together.values())
        return tuple(sorted(merged, key=lambda trouble: -trouble.seconds))

    def _raise(self, kind: str, subject: str, said: Said, error: int = 0) -> None:
        complaint = self._complaints.get((kind, subject))
        if complaint is None or not self._holds(complaint):
            complaint = self._complaints[kind, subject] = _Complaint(kind, subject, said.since)
        complaint.last, complaint.error = self._clock(), error
        complaint.says = said.says if is_spoken(kind) else ""
        complaint.advice = said.advice or self._advice[kind]
        self._tell(complaint, anew=True)

    def _end(self, kind: str, subject: str, event: str | None = "kafka.recovered") -> None:
        if (complaint := self._complaints.pop((kind, subject), None)) is None:
            return
        self._log_throttle.ended(f"{kind} {subject}", self._clock())
        if event is None:
            return
        log.info(
            event,
            kind=kind,
            says=sentence(kind, subject, complaint.says),
            seconds=round(self._clock() - complaint.since, 1),
            **({"broker": subject} if kind == SILENT else {}),
        )

    def _holds(self, complaint: _Complaint) -> bool:
        """Whether it lasts: librdkafka repeats that brokers are away; all else ends when seen to be well."""
        return complaint.kind != "broker" or self._clock() - complaint.last <= _LASTS_SECONDS

    def _tell(self, complaint: _Complaint, *, anew: bool = False) -> None:
        key, now = f"{complaint.kind} {complaint.subject}", self._clock()
        times = self._log_throttle.note(key, now) if anew else self._log_throttle.again(key, now)
        if times is None or (anew and not times):
            return
        log.warning(
            "kafka.silent" if complaint.kind == SILENT else "kafka.trouble",
            kind=complaint.kind,
            says=sentence(complaint.kind, complaint.subject, complaint.says),
            seconds=round(now - complaint.since, 1),
            advice=complaint.advice,
            times=times,
            **({"broker": complaint.subject} if complaint.kind == SILENT else {}),
        )

    def _merged(self, *alike: _Complaint) -> SourceTrouble:
        first = alike[0]
        what = sentence(first.kind, _named([each.subject for each in alike]), first.says)
        if first.kind in OF_BROKERS:
            what = _of_brokers(alike)
        seconds = self._clock() - min(each.since for each in alike)
        return SourceTrouble(first.kind, what, seconds, first.advice)


def _named(subjects: Collection[str]) -> str:
    """Name some of the subjects, and count the rest."""
    more = len(subjects) - _NAMED
    return ", ".join(islice(subjects, _NAMED)) + (f" and {more} more" if more > 0 else "")


def _of_brokers(alike: Sequence[_Complaint]) -> str:
    """Describe the one cause that several brokers, or one under several names, have in common."""
    addresses = {address: each for each in reversed(alike) if (address := address_of(each.subject))}
    # What names a broker says more than a summary such as "3/3 brokers are down".
    first = next(reversed(addresses.values()), next(iter(alike)))
    if len(addresses) > 1:
        return of_several(first.kind, _named(sorted(addresses)), first.says)
    return sentence(first.kind, first.subject, first.says)


def _is_over(kind: str, subject: str, statistics: Statistics) -> bool:
    if kind == "group":
        return statistics.cgrp.join_state == "steady"
    if kind not in {"broker", "login"}:
        return False
    up = {name: each.nodename for name, each in statistics.brokers.items() if each.state == "UP"}
    if subject.endswith("/bootstrap") or subject not in statistics.brokers:
        return bool(up)
    return subject in up or subject.rpartition("/")[0].rpartition("//")[2] in up.values()
