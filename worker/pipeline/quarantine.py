"""Keeps unmappable records while the mapping, the format or the producer may be at fault.

This is a separate hold: mapped events continue to be sent, and records continue to come in, because the first
record that can be mapped ends it. Quarantined records count as unsettled, so memory bounds them and no offset
is committed past them. A revoke and a drain do not wait for them. A restart with a corrected configuration
delivers all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from worker.core.flow_control.advice import PROBES, advise
from worker.core.flow_control.holds import HoldKind
from worker.core.flow_control.unmappable_streak import UnmappableStreak
from worker.core.log_throttle import LogThrottle
from worker.core.model.snapshot import HoldStatus

if TYPE_CHECKING:
    from worker.core.model.records import Undecodable
    from worker.core.offsets.assignment import Assignment
    from worker.pipeline.dead_letter_queue import DeadLetterQueue
    from worker.pipeline.state import PipelineState

log = structlog.get_logger(__name__)

# A pattern may match hundreds of topics of another format.
_TOPICS_TOLD: Final = 3


class Quarantine:
    """The records that could not be mapped, topic by topic.

    Args:
        state: what the parts of the pipeline share.
        dead_letter_queue: takes the records that become dead letters.
        hold_after: the dead letters in a row after which records are kept. With None every unmappable record
            becomes a dead letter, and nothing is ever kept.
    """

    def __init__(
        self, state: PipelineState, dead_letter_queue: DeadLetterQueue, hold_after: int | None
    ) -> None:
        self._unsettled = state.unsettled
        self._clock = state.clock
        self._dead_letter_queue = dead_letter_queue
        self._hold_after = hold_after
        self.streaks: dict[str, UnmappableStreak] = {}
        """By topic; empty while the last record of each topic could be mapped."""
        self._log_throttle = LogThrottle()
        # For each topic that is held: whether its hold has been logged.
        self._told: dict[str, bool] = {}

    def take(self, unmappable: Undecodable) -> None:
        """Decide about an unmappable record that is tracked: it becomes a dead letter, or it is kept."""
        if self._hold_after is not None and not self._add(unmappable, self._hold_after):
            return
        self._dead_letter_queue.enqueue(unmappable.record, unmappable.reason)

    def end_streak(self, topic: str) -> None:
        """End the streak of a topic after one of its records was mapped: those before it are bad records."""
        streak = self.streaks.pop(topic, None)
        if streak is None or streak.kept_since is None:
            return
        since, released = streak.kept_since, streak.release()
        for each in released:
            self._dead_letter_queue.enqueue(each.record, each.reason)
        self._say_over(topic, since, len(released), "a later record was mapped, so they become dead letters")

    def drop_ended(self) -> None:
        """Drop the records of assignments that have ended."""
        for topic, streak in self.streaks.items():
            if streak.kept_since is not None:
                since, dropped = streak.kept_since, streak.drop_ended()
                self._unsettled.drop_records(each.record for each in dropped)
                if not streak.kept:
                    self._say_over(topic, since, len(dropped), "left to the next owner")

    def kept_of(self, assignment: Assignment) -> int:
        """Count the records of this assignment's partition that are kept."""
        streak = self.streaks.get(assignment.partition.topic)
        return 0 if streak is None else streak.kept_of(assignment.partition)

    def is_first_kept(self, assignment: Assignment, offset: int) -> bool:
        """Whether this is the first record kept for the assignment's partition."""
        streak = self.streaks.get(assignment.partition.topic)
        return streak is not None and streak.is_first_kept(assignment.partition, offset)

    def holds(self) -> tuple[HoldStatus, ...]:
        """Describe the hold while records are kept: one hold for all topics."""
        held = sorted(self._held(), key=lambda each: -each.kept)
        since = min((each.kept_since for each in held if each.kept_since is not None), default=None)
        if since is None:
            return ()
        told = [each.told() for each in held[:_TOPICS_TOLD]]
        if len(held) > _TOPICS_TOLD:
            told.append(f"and {len(held) - _TOPICS_TOLD} topics more")
        if self._unsettled.memory.is_full():
            told.append("memory is full of them, so no further record is mapped")
        return (
            HoldStatus(
                kind=HoldKind.UNMAPPABLE,
                reason="; ".join(told),
                held_seconds=self._clock() - since,
                probe=PROBES[HoldKind.UNMAPPABLE],
                next_probe_seconds=None,
                advice=advise(HoldKind.UNMAPPABLE, ""),
            ),
        )

    def tell(self) -> None:
        """Log each topic that is held, at once and then at growing intervals while it lasts."""
        for streak in self._held():
            if self._is_to_be_said(streak.topic):
                log.error(
                    "records.held",
                    kind=HoldKind.UNMAPPABLE,
                    reason=streak.told(),
                    advice=advise(HoldKind.UNMAPPABLE, ""),
                    records=streak.kept,
                    held_seconds=round(self._clock() - (streak.kept_since or 0.0), 1),
                )

    def _add(self, unmappable: Undecodable, hold_after: int) -> bool:
        topic = unmappable.record.assignment.partition.topic
        streak = self.streaks.get(topic)
        if streak is None:
            streak = self.streaks[topic] = UnmappableStreak(topic, hold_after)
        return streak.add(unmappable, self._clock())

    def _held(self) -> list[UnmappableStreak]:
        return [each for each in self.streaks.values() if each.kept]

    def _is_to_be_said(self, topic: str) -> bool:
        """Whether to log a topic now; holds that come and go are throttled like one that lasts."""
        if topic in self._told:
            is_due = self._log_throttle.again(topic, self._clock()) is not None
        else:
            is_due = self._log_throttle.note(topic, self._clock()) > 0
        self._told[topic] = self._told.get(topic, False) or is_due
        return is_due

    def _say_over(self, topic: str, since: float, records: int, effect: str) -> None:
        if self._told.pop(topic, False):
            held_seconds = round(self._clock() - since, 1)
            log.info(
                "records.released", topic=topic, records=records, held_seconds=held_seconds, effect=effect
            )
