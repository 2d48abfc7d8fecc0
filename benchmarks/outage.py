"""The API is away while records keep coming: half of the time it answers 503, half nobody listens.

Said of it: memory before, at most, and after; whether the group kept its member; how fast the backlog is
worked off while records still come; what was repeated, lost or out of order.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from benchmarks.feed import Feed
from benchmarks.processes import endpoint
from benchmarks.report import VERDICTS, Table, bar
from benchmarks.watch import Watch
from tests.support.java_kafka import free_port
from worker.local.audit import audit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.ground import Ground
    from benchmarks.processes import Endpoint
    from benchmarks.report import Cell
    from worker.local.audit import Audit

# So long all is well before; the first commit is through by then.
BEFORE_SECONDS = 20.0
START_SECONDS = 30.0
# What comes within so long is no backlog: the linger, and a look.
CAUGHT_UP_SECONDS = 3
# The slowest that is waited for: a backlog takes as long again as the outage, and as long again.
PATIENCE = 3
# As `python -m benchmarks memory` has it for a worker that is full of such records.
LIMIT_MB = 150


def table(ground: Ground, *, minutes: float, per_second: int) -> Table:
    """One outage."""
    outage = _Outage(ground, minutes * 60, per_second)
    rows = tuple(outage.play())
    return Table(
        f"API away for {minutes:g} minutes, {per_second:,} records a second all along", VERDICTS, rows
    )


class _Outage:
    """A worker, its feed, and what comes between it and the API."""

    def __init__(self, ground: Ground, seconds: float, per_second: int) -> None:
        self._ground = ground
        self._seconds = seconds
        self._group = f"worker-{uuid.uuid4().hex[:8]}"
        self._topic = ground.empty_topic()
        self._feed = Feed(ground, self._topic, per_second)
        self._small_backlog = per_second * CAUGHT_UP_SECONDS
        self._api_port, self._port = free_port(), free_port()

    def play(self) -> Iterator[tuple[Cell, ...]]:
        """All of it, as rows."""
        with (
            self._ground.worker(
                self._topic, f"http://127.0.0.1:{self._api_port}", admin_port=self._port, group=self._group
            ) as process,
            self._feed,
        ):
            watch = Watch(process, self._port)
            with endpoint(self._ground.folder(), port=self._api_port) as api:
                watch.until(
                    lambda now: now.get("events_accepted_total", 0) > 0, START_SECONDS, "a first call"
                )
                watch.idle(BEFORE_SECONDS)
                before, member, before_mb = watch.look(), self._member(), process.resident_mb()
                api.set_faults({"fail": 1})
                watch.idle(self._seconds / 2)
                calls = list(api.accepted())
            watch.idle(self._seconds / 2)
            yield "resident MB before", before_mb, "", ""
            yield "resident MB at the end of it", process.resident_mb(), "", ""
            self.said = watch.ready()
            accepted_events = sum(len(call.event_ids) for call in calls)
            with endpoint(self._ground.folder(), port=self._api_port) as api:
                yield from self._catch_up(watch, api, accepted_events)
                calls += api.accepted()
            yield bar("peak MB of the whole run", process.peak_mb(), LIMIT_MB, at_least=False)
            yield "resident MB after", process.resident_mb(), "", ""
            yield bar("changes of assignment", _moves(watch.look()) - _moves(before), 1, at_least=False)
            yield "the group's member is the same", "yes" if member == self._member() else "NO", "", ""
            yield "loop late at most, s", watch.worst_lag_seconds, "", ""
        yield from verdict_rows(audit(self._feed.produced(), calls), self._feed.sent)

    def _catch_up(self, watch: Watch, api: Endpoint, accepted: int) -> Iterator[tuple[Cell, ...]]:
        """Until what still comes is all there is; then until the end."""
        began = time.time()
        backlog = self._feed.sent - accepted

        def is_caught_up(_: object) -> bool:
            return self._feed.sent - accepted - api.books().accepted_events < self._small_backlog

        seconds = watch.until(is_caught_up, PATIENCE * self._seconds + START_SECONDS, "catching up")
        books = api.books()
        self._feed.stop()
        watch.until(
            lambda _: accepted + api.books().accepted_events >= self._feed.sent, START_SECONDS, "the rest"
        )
        assert books.first_accepted_at_seconds
        yield "records of backlog", backlog, "", ""
        yield (
            "seconds until the first call is accepted again",
            books.first_accepted_at_seconds - began,
            "",
            "",
        )
        yield "seconds until it has caught up, records coming all along", seconds, "", ""
        yield "events a second meanwhile", books.accepted_events / seconds, "", ""
        yield "calls a second meanwhile", books.accepted_calls / seconds, "", ""

    def _member(self) -> list[str]:
        described = self._ground.kafka.admin.describe_consumer_groups([self._group])[self._group].result(20)
        return [member.member_id for member in described.members]


def verdict_rows(verdict: Audit, sent: int) -> Iterator[tuple[Cell, ...]]:
    """What the books say."""
    yield "records sent", sent, "", ""
    yield "repeated", len(verdict.repeated), "", ""
    yield bar("lost", len(verdict.lost), 1, at_least=False)
    yield bar("out of order", len(verdict.out_of_order), 1, at_least=False)


def _moves(metrics: dict[str, float]) -> float:
    return sum(count for name, count in metrics.items() if name.startswith("rebalances_total"))
