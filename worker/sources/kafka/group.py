"""Explains why this pod has no partitions, and reports rebalances that take long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from worker.core.log_throttle import LogThrottle
from worker.sources.kafka.error_monitor import Said

if TYPE_CHECKING:
    from worker.sources.kafka.statistics import GroupStatistics

log = structlog.get_logger(__name__)

# A normal rebalance takes some seconds.
_LONG_SECONDS: Final = 15.0
_SLOW_MEMBER: Final = (
    "the group waits for its slowest member: of one that ended hard up to session.timeout.ms, 45 s unless set"
)
_NOT_TAKEN: Final = (
    "the coordinator has not taken this pod in, and never will if group.protocol is consumer and the brokers "
    "are older than Apache Kafka 4.0: `personalize-worker check` asks them"
)


class Membership:
    """This pod's membership in the group, as the statistics show it from time to time."""

    def __init__(self) -> None:
        self._log_throttle = LogThrottle()
        self._none_since: float | None = None
        self._rebalancing_since: float | None = None

    def observe(self, group: GroupStatistics, now: float, *, own: int, total: int | None) -> dict[str, Said]:
        """Return the current complaints; ``own`` partitions are this pod's, of ``total``."""
        self._time_rebalance(group, now)
        if own:
            self._none_since = None
            return {}
        since = self._none_since = now if self._none_since is None else self._none_since
        says, advice = _why_none(group, total)
        return {"": Said(since, says, advice)}

    def _time_rebalance(self, group: GroupStatistics, now: float) -> None:
        if group.join_state == "steady":
            self._rebalancing_since = None
            if (seconds := self._log_throttle.ended("rebalance", now)) is not None:
                log.info("kafka.rebalance_ended", seconds=round(seconds + _LONG_SECONDS, 1))
            return
        if self._rebalancing_since is None:
            self._rebalancing_since = now
        seconds = now - self._rebalancing_since
        if seconds >= _LONG_SECONDS and self._log_throttle.note("rebalance", now):
            log.warning(
                "kafka.rebalance_takes_long",
                seconds=round(seconds, 1),
                state=f"{group.state}, {group.join_state}",
                advice=_wait(group),
            )


def _why_none(group: GroupStatistics, total: int | None) -> tuple[str, str]:
    if group.state != "up":
        return "the group's coordinator is not available", "check the brokers and the network in between"
    if total == 0:
        return "none of the topics is there", "make them, or set kafka.topics right"
    if group.join_state != "steady":
        return "a rebalance is under way", _wait(group)
    others = "the group has given all to others" if total is None else f"all {total} are other pods'"
    return others, "take pods away, or add partitions: pods beyond their number only stand by"


def _wait(group: GroupStatistics) -> str:
    """Say what a rebalance may wait for."""
    return _NOT_TAKEN if group.join_state == "init" else _SLOW_MEMBER
