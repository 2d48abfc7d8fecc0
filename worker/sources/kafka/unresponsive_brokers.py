"""Detects brokers that have stopped answering.

A broker whose process is frozen, or whose network has been cut, raises no error for a minute: its connection
is up, and no answer comes. What shows it is a request that waits while no answer has been counted. After that
minute librdkafka closes the connection, and nothing waits any more. So a silent broker counts as silent until
it has answered, or until nothing is wanted of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, structs

if TYPE_CHECKING:
    from worker.sources.kafka.statistics import BrokerStatistics, Statistics

# A heartbeat is answered at once, and an idle fetch within half a second unless configured otherwise.
SILENT_SECONDS: Final = 9.0
USUAL_FETCH_WAIT_SECONDS: Final = 0.5


class _Waiting(Struct, frozen=True):
    answers: int
    since: float
    patience_seconds: float
    node: int
    nodename: str
    is_renamed: bool = False
    """The answers are those of whichever broker has its address now."""

    def is_silent(self, now: float) -> bool:
        return now - self.since >= self.patience_seconds


class UnresponsiveBrokers:
    """Which brokers do not answer, and since when.

    Args:
        fetch_wait_seconds: how long a broker may keep an idle fetch (``fetch.wait.max.ms``).
    """

    def __init__(self, fetch_wait_seconds: float = USUAL_FETCH_WAIT_SECONDS) -> None:
        self._patience = SILENT_SECONDS + max(0.0, fetch_wait_seconds - USUAL_FETCH_WAIT_SECONDS)
        self._waiting: dict[str, _Waiting] = {}
        self.answered: frozenset[str] = frozenset()
        """The brokers that had been silent, and have answered since the previous check."""

    def observe(self, statistics: Statistics, now: float, *, fetching: bool) -> None:
        """Compare with the previous call; ``fetching``: connections to partitions' leaders are needed."""
        before, self._waiting = self._waiting, {}
        answered = set()
        for name, broker in statistics.brokers.items():
            shown = _shown(name, broker)
            known = before.get(shown)
            if known is not None and known.is_silent(now):
                if _has_answered(broker.rx, known):
                    answered.add(shown)
                elif _is_wanted(broker):
                    self._waiting[shown] = known
                    continue
            if _is_waited_for(broker, statistics.cgrp.join_state, fetching=fetching):
                self._waiting[shown] = self._waits(broker, known, now)
        answered |= self._keep_gone(before, statistics, now)
        self.answered = frozenset(answered)

    def of(self, now: float) -> dict[str, float]:
        """Return for how many seconds each silent broker has not answered."""
        return {name: now - each.since for name, each in self._waiting.items() if each.is_silent(now)}

    def nodes(self, now: float) -> set[int]:
        """Return the ids of the silent brokers."""
        return {each.node for each in self._waiting.values() if each.is_silent(now)}

    def _waits(self, broker: BrokerStatistics, known: _Waiting | None, now: float) -> _Waiting:
        since = now if known is None or _has_answered(broker.rx, known) else known.since
        # A broker that throttles us because of a quota may keep an answer for that long.
        patience = self._patience + broker.throttle.max / 1000
        return _Waiting(broker.rx, since, patience, broker.nodeid, broker.nodename)

    def _keep_gone(self, before: dict[str, _Waiting], statistics: Statistics, now: float) -> set[str]:
        """Keep silent brokers that have another name now; return those that have answered under it.

        While nobody says who the coordinator is, it is still the last one. And where none of the brokers
        answers, librdkafka starts over with the bootstrap brokers.
        """
        shown_now = {_shown(name, each) for name, each in statistics.brokers.items()}
        answered = set()
        for shown, known in before.items():
            if shown in shown_now or not known.is_silent(now):
                continue
            same = [each for each in statistics.brokers.values() if _is_same(shown, known, each)]
            answers = max((each.rx for each in same), default=0)
            if known.is_renamed and _has_answered(answers, known):
                answered.add(shown)
            elif same:
                self._waiting[shown] = structs.replace(known, answers=answers, is_renamed=True)
        return answered


_COORDINATOR: Final = " (the group's coordinator)"


def _shown(name: str, broker: BrokerStatistics) -> str:
    return f"{broker.nodename}{_COORDINATOR}" if broker.is_coordinator else name


def _is_same(shown: str, known: _Waiting, broker: BrokerStatistics) -> bool:
    if shown.endswith(_COORDINATOR):
        return broker.is_coordinator and not broker.nodename
    return not broker.is_coordinator and broker.nodename == known.nodename


def _has_answered(answers: int, known: _Waiting) -> bool:
    """Whether it has answered since: there are more answers, or fewer because of a new connection."""
    return 0 < answers != known.answers


def _is_wanted(broker: BrokerStatistics) -> bool:
    return broker.is_coordinator or bool(broker.toppars) or broker.waitresp_cnt > 0


def _is_waited_for(broker: BrokerStatistics, join_state: str, *, fetching: bool) -> bool:
    if broker.is_coordinator:
        # While a group forms, its coordinator keeps members waiting for as long as the slowest of them takes.
        return join_state == "steady" and broker.waitresp_cnt > 0
    return broker.waitresp_cnt > 0 or (fetching and bool(broker.toppars) and broker.state != "UP")
