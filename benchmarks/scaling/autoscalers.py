"""What decides how many pods there are: an HPA as Kubernetes has it, and the figures that it is given.

A ScaledObject of KEDA makes an HPA that asks KEDA for its figure each 15 seconds, so one model does for both.
"""

from __future__ import annotations

from collections import deque
from math import ceil, inf
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, structs

from benchmarks.scaling.group import ANSWER_SECONDS, MAX_IN_FLIGHT
from worker.core.scaling.desired_workers import DesiredWorkers
from worker.core.scaling.observation import Observation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.scaling.group import Group, Pod

SYNC_SECONDS = SCRAPE_SECONDS = 15.0
TOLERANCE = 0.1
LEAST_PODS = 2
# What is committed lags behind what is delivered: half of `kafka.commit_seconds`, and the linger.
UNCOMMITTED_SECONDS = 3.5
CPU_TARGET = 0.7


class Policy(Protocol):
    """Decides how many pods there are."""

    def pods(self, group: Group, now: float, *, is_away: bool) -> int:
        """Return how many pods there are to be; asked each step."""


class Fixed:
    """Always as many."""

    def __init__(self, pods: int) -> None:
        self._pods = pods

    def pods(self, group: Group, now: float, *, is_away: bool) -> int:
        """Return always the same."""
        del group, now, is_away
        return self._pods


class Behavior(Struct, frozen=True):
    """The ``behavior`` of an HPA; by default what Kubernetes has by default."""

    rise_pods: int = 4
    rise_percent: float = 100.0
    rise_seconds: float = 15.0
    """How many may come in that time: whichever is more."""
    rise_window_seconds: float = 0.0
    fall_percent: float = 100.0
    fall_seconds: float = 15.0
    fall_window_seconds: float = 300.0


class Hpa:
    """The algorithm of the HorizontalPodAutoscaler.

    Args:
        wanted: how many pods the figure asks for, before tolerance and behavior; None: it is not known.
        behavior: how fast.
    """

    def __init__(
        self, wanted: Callable[[Group, float], float | None], behavior: Behavior | None = None
    ) -> None:
        self._wanted = wanted
        self._behavior = Behavior() if behavior is None else behavior
        self._recommended: deque[tuple[float, int]] = deque()
        self._changed: deque[tuple[float, int]] = deque()
        self._synced_at = -inf

    def pods(self, group: Group, now: float, *, is_away: bool) -> int:
        """Return how many pods there are to be."""
        del is_away
        current = len(group.pods)
        if now < self._synced_at + SYNC_SECONDS:
            return current
        self._synced_at = now
        wanted = self._wanted(group, now)
        if wanted is None:
            return current
        is_near = abs(wanted / current - 1) <= TOLERANCE
        pods = min(max(current if is_near else ceil(wanted - 1e-9), LEAST_PODS), len(group.logs))
        chosen = self._limited(current, self._stabilized(current, pods, now), now)
        if chosen != current:
            self._changed.append((now, chosen - current))
        return chosen

    def _stabilized(self, current: int, pods: int, now: float) -> int:
        """Return what all of the one window asks for at least, or the most that the other asked for."""
        behavior, recommended = self._behavior, self._recommended
        recommended.append((now, pods))
        while recommended[0][0] < now - max(behavior.fall_window_seconds, behavior.rise_window_seconds):
            recommended.popleft()
        up = min(each for at, each in recommended if at >= now - behavior.rise_window_seconds)
        down = max(each for at, each in recommended if at >= now - behavior.fall_window_seconds)
        return min(max(current, up), down)

    def _limited(self, current: int, pods: int, now: float) -> int:
        limits = self._behavior
        if pods > current:
            before = current - self._lately(limits.rise_seconds, now, above=0)
            most = max(before + limits.rise_pods, ceil(before * (1 + limits.rise_percent / 100)))
            return max(current, min(pods, most))
        before = current - self._lately(limits.fall_seconds, now, above=-inf, below=0)
        return min(current, max(pods, int(before * (1 - limits.fall_percent / 100))))

    def _lately(self, seconds: float, now: float, *, above: float, below: float = inf) -> int:
        return sum(by for at, by in self._changed if at > now - seconds and above < by < below)


def by_lag(threshold: float, behavior: Behavior | None = None) -> Hpa:
    """KEDA's trigger ``kafka``: so many records of lag for each pod."""

    def wanted(group: Group, now: float) -> float:
        del now
        return (group.waiting + group.arrived_per_second * UNCOMMITTED_SECONDS) / threshold

    return Hpa(wanted, behavior)


def by_cpu(behavior: Behavior | None = None) -> Hpa:
    """An HPA on the CPU: so busy on average."""

    def wanted(group: Group, now: float) -> float | None:
        del now
        busy = [pod.cpu_ratio for pod in group.members]
        return len(group.pods) * sum(busy) / len(busy) / CPU_TARGET if busy else None

    return Hpa(wanted, behavior)


# What docs/scaling.md recommends.
RECOMMENDED = Behavior(rise_pods=2, rise_seconds=60.0, fall_percent=50.0, fall_seconds=300.0)
# The same with the minute and the ten minutes that the desired workers have besides.
AS_SLOW = structs.replace(RECOMMENDED, rise_window_seconds=60.0, fall_window_seconds=900.0)


class Ours:
    """What each worker desires, scraped each 15 seconds, and an HPA on the figure of all.

    Args:
        of: makes one figure of those of the pods, such as ``max``.
    """

    def __init__(self, of: Callable[[Iterable[int]], float]) -> None:
        self._of = of
        self._desired: dict[int, tuple[Pod, DesiredWorkers]] = {}
        self._scraped_at = -inf
        self._hpa = Hpa(self._wanted, RECOMMENDED)

    def pods(self, group: Group, now: float, *, is_away: bool) -> int:
        """Return how many pods there are to be."""
        if now >= self._scraped_at + SCRAPE_SECONDS:
            self._scraped_at = now
            self._desired = {
                id(pod): self._desired.get(id(pod), (pod, DesiredWorkers())) for pod in group.members
            }
            for pod, desired in self._desired.values():
                desired.observe(_observation(pod, group, now, is_away=is_away))
        return self._hpa.pods(group, now, is_away=is_away)

    def _wanted(self, group: Group, now: float) -> float | None:
        del group, now
        known = [
            workers for _, each in self._desired.values() if (workers := each.advice.workers) is not None
        ]
        return self._of(known) if known else None


def _observation(pod: Pod, group: Group, now: float, *, is_away: bool) -> Observation:
    share = len(pod.logs) / len(group.logs)
    return Observation(
        at=now,
        records_received=round(pod.records),
        calls_made=round(pod.calls),
        loop_cpu_seconds=pod.cpu_seconds,
        process_cpu_seconds=pod.cpu_seconds,
        cores=pod.cores,
        loop_lag_seconds=0.0,
        unsettled_records=0,
        unread_records=round(sum(log.waiting for log in pod.logs)),
        behind_seconds=None,
        in_flight_ratio=min(1.0, pod.last_calls * ANSWER_SECONDS / MAX_IN_FLIGHT),
        own_partitions=len(pod.logs),
        share_ratio=share,
        rate_calls_per_second=pod.last_rate,
        throttled_ratio=0.01 if group.is_throttled else 0.0,
        is_held=is_away,
        is_draining=False,
    )
