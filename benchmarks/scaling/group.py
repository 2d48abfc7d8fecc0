"""A consumer group in steps of some seconds: logs, pods, who reads what, and what a rebalance costs.

What a pod can do is fitted to what `make bench` measures (see the README): a call costs 90 µs of CPU and an
event 16 µs more, calls carry 4.5 events when nothing waits and up to 9.8 when many do. The quota goes to
those who have something to send, as the rate limiters find out by borrowing.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from benchmarks.scaling.day import TICK

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from benchmarks.scaling.day import Scenario

CALL_CPU, RECORD_CPU, IDLE_CPU = 90e-6, 16e-6, 0.01
EVENTS_PER_CALL, MOST_EVENTS_PER_CALL = 4.5, 9.8
ANSWER_SECONDS, MAX_IN_FLIGHT = 0.05, 64
# What the metrics server averages over.
CPU_SECONDS = 30.0
# From the creation of a pod until it joins: pulled, started, checked.
START_SECONDS = 40.0
# A partition that moves is flushed, revoked and assigned anew. An eager group stops all of them.
MOVED_SECONDS, EAGER_SECONDS = 6.0, 10.0


# What is left of a step by rounding.
_ROUNDED = 1e-6


class Log:
    """One partition: what waits in it, the oldest first."""

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.waiting = 0.0
        self.stopped_until = 0.0
        self._steps: deque[list[float]] = deque()

    def append(self, at: float, records: float) -> None:
        """Take in records."""
        self.waiting += records
        self._steps.append([at, records])

    def take(self, records: float, now: float, ages: Counter[int]) -> None:
        """Deliver records, and count their ages."""
        self.waiting = max(0.0, self.waiting - records)
        steps = self._steps
        while records > 0 and steps:
            first = steps[0]
            taken = min(records, first[1])
            ages[int(now - first[0] + TICK)] += round(taken)
            records -= taken
            first[1] -= taken
            if first[1] <= _ROUNDED:
                steps.popleft()


class Pod:
    """One worker, and the sums that it keeps of itself."""

    def __init__(self, joins_at: float, cores: float) -> None:
        self.joins_at = joins_at
        self.cores = cores
        self.logs: list[Log] = []
        self.records = self.cpu_seconds = self.calls = 0.0
        self.last_calls = self.last_rate = 0.0
        self._cpu_ratios: deque[float] = deque(maxlen=int(CPU_SECONDS / TICK))

    @property
    def cpu_ratio(self) -> float:
        """What it uses of its CPU, as the metrics server says it."""
        return sum(self._cpu_ratios) / max(1, len(self._cpu_ratios))

    def waiting(self, now: float) -> float:
        """Count what it could deliver now."""
        return sum(log.waiting for log in self.logs if log.stopped_until <= now)

    def most_records(self, events_per_call: float) -> float:
        """Count what its CPU can deliver in a step."""
        return self.cores * TICK / (CALL_CPU / events_per_call + RECORD_CPU)

    def deliver(self, records: float, calls: float, now: float, ages: Counter[int]) -> None:
        """Deliver that much of what waits, from each log as much as it holds of that."""
        waiting = self.waiting(now)
        for log in self.logs:
            if waiting and log.stopped_until <= now:
                log.take(records * log.waiting / waiting, now, ages)
        cpu = IDLE_CPU * TICK * self.cores + calls * CALL_CPU + records * RECORD_CPU
        self.records += records
        self.calls += calls
        self.cpu_seconds += cpu
        self._cpu_ratios.append(min(1.0, cpu / TICK / self.cores))
        self.last_calls = calls / TICK


class Group:
    """The pods of one group and the logs that they share.

    Args:
        scenario: the day.
        pods: how many there are when it begins.
    """

    def __init__(self, scenario: Scenario, pods: int) -> None:
        self.scenario = scenario
        self.logs = [Log(weight) for weight in scenario.weights]
        self.pods = [Pod(0.0, scenario.cores) for _ in range(pods)]
        self.ages: Counter[int] = Counter()
        self.rebalances = 0
        self.pod_seconds = self.stopped_seconds = 0.0
        self.is_throttled = False
        self.arrived_per_second = 0.0
        self._weight = sum(scenario.weights)
        self._members: list[Pod] = []
        for log in self.logs:
            log.append(0.0, scenario.backlog_records * log.weight / self._weight)

    @property
    def waiting(self) -> float:
        """What waits in all logs."""
        return sum(log.waiting for log in self.logs)

    @property
    def members(self) -> Sequence[Pod]:
        """The pods that have joined."""
        return self._members

    def scale(self, pods: int, now: float) -> None:
        """Start pods, or end those that came last."""
        while len(self.pods) < pods:
            self.pods.append(Pod(now + START_SECONDS, self.scenario.cores))
        del self.pods[pods:]

    def step(self, now: float, arrived: float, *, is_away: bool) -> None:
        """Let one step pass in which so many records come in; ``is_away``: the API takes nothing."""
        joined = [pod for pod in self.pods if pod.joins_at <= now]
        if joined != self._members:
            self._rebalance(joined, now)
        self.arrived_per_second = arrived / TICK
        for log in self.logs:
            log.append(now, arrived * log.weight / self._weight)
        self.pod_seconds += TICK * len(self.pods)
        self.stopped_seconds += TICK * sum(log.stopped_until > now for log in self.logs)
        self._deliver(now, 0.0 if is_away else self.scenario.quota_calls * TICK)

    def _deliver(self, now: float, quota: float) -> None:
        waiting = [pod.waiting(now) for pod in self._members]
        wanted = [
            min(each, pod.most_records(EVENTS_PER_CALL)) / EVENTS_PER_CALL
            for pod, each in zip(self._members, waiting, strict=True)
        ]
        calls = _shared(wanted, quota)
        self.is_throttled = sum(wanted) > quota
        for pod, each, allowed in zip(self._members, waiting, calls, strict=True):
            events = min(MOST_EVENTS_PER_CALL, max(EVENTS_PER_CALL, each / allowed if allowed else 0.0))
            records = min(each, allowed * events, pod.most_records(events))
            pod.deliver(records, min(allowed, records / events), now, self.ages)
            share = len(pod.logs) / len(self.logs) * self.scenario.quota_calls
            pod.last_rate = pod.last_calls if self.is_throttled else max(share, 1.25 * pod.last_calls)

    def _rebalance(self, joined: list[Pod], now: float) -> None:
        is_first = not self._members
        self._members = joined
        before = {id(log): pod for pod in self.pods for log in pod.logs}
        if self.scenario.protocol == "eager":
            _deal(self.logs, joined)
        else:
            _move_few(self.logs, joined)
        if is_first:
            return
        self.rebalances += 1
        for pod in joined:
            for log in pod.logs:
                if self.scenario.protocol == "eager":
                    log.stopped_until = now + EAGER_SECONDS
                elif before.get(id(log)) is not pod:
                    log.stopped_until = now + MOVED_SECONDS


def _shared(wanted: Sequence[float], quota: float) -> list[float]:
    """Share the quota: nobody gets more than is wanted, and nobody more than another that wants more."""
    if sum(wanted) <= quota:
        return list(wanted)
    left, got = quota, [0.0] * len(wanted)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    for rank, index in enumerate(order):
        got[index] = min(wanted[index], left / (len(order) - rank))
        left -= got[index]
    return got


def _deal(logs: Sequence[Log], pods: Sequence[Pod]) -> None:
    """Deal out all logs anew, neighbours together."""
    for number, pod in enumerate(pods):
        first, end = (len(logs) * each // len(pods) for each in (number, number + 1))
        pod.logs = list(logs[first:end])


def _move_few(logs: Sequence[Log], pods: Collection[Pod]) -> None:
    """Deal out what nobody has, and take from those who have most, so that none has two more than another."""
    kept = {id(log) for pod in pods for log in pod.logs}
    free = [log for log in logs if id(log) not in kept]
    by_count = lambda pod: len(pod.logs)  # noqa: E731  a key, used three times
    for log in free:
        min(pods, key=by_count).logs.append(log)
    while True:
        most, least = max(pods, key=by_count), min(pods, key=by_count)
        if len(most.logs) - len(least.logs) < 2:
            return
        least.logs.append(most.logs.pop())
