"""One run: the world is built, records come in all the time, the plan is carried out, everybody is asked."""

from __future__ import annotations

import heapq
import threading
import time
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Final

from tests.chaos.commits import ahead_of_the_truth, backwards, passed_by, read_commits
from tests.chaos.faults import MAKERS, api_way, kafka_way
from tests.chaos.fleet import BERTHS, CREW, Berth, Fleet
from tests.chaos.network import Network
from tests.chaos.report import Episode, Report, acceptances
from tests.chaos.world import BROKERS, PARTITIONS, World
from tests.support.crash_test_records import make_records
from tests.support.evidence import gather
from tests.support.feed import Feed
from tests.support.java_kafka import JavaKafka
from tests.support.processes import DoorsProcess
from tests.support.site import Names, Site
from worker.local.traffic import POISON_ITEM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from tests.chaos.commits import Commit
    from tests.chaos.fleet import Protocol
    from tests.chaos.plan import Step
    from tests.chaos.world import Fault
    from tests.support.crash_test_figures import Figures
    from tests.support.crash_test_records import CrashTestRecord

HEAP_MB: Final = 256
RECORDS_PER_SECOND: Final = 300
# Healthy but for what never is: an answer takes its time, and some events are refused for their content.
HEALTHY: Final = {"answer_seconds": 0.02, "poison": POISON_ITEM}
FEED_SECONDS, LOOK_SECONDS = 0.1, 0.2
START_SECONDS, SETTLE_SECONDS = 120.0, 180.0
LAST: Final = "all told to end, all being well"


@dataclass(frozen=True)
class Outcome:
    """What there is to say when it is over."""

    figures: Figures
    report: Report
    commits: int
    ahead: tuple[Commit, ...]
    backwards: int
    twice_at_a_door: int
    complaints: tuple[str, ...]
    cut: int = 0
    """Records that an unclean election took."""
    passed_by: int = 0
    """Records that a new owner, who could not know of the cut, began behind."""
    deleted_unread: int = 0

    def broken_promises(self) -> list[str]:
        """In words; empty when all is well."""
        ahead = [f"committed ahead of the truth, {len(self.ahead)} times: {self.ahead[:3]}"]
        return [*self.figures.broken_promises(), *(ahead if self.ahead else ()), *self.complaints]


class SteadyFeed(AbstractContextManager["SteadyFeed"]):
    """Puts the records on the topic at an even pace, in a thread, whatever else happens."""

    def __init__(self, feed: Feed, seconds: float) -> None:
        """Begin; the last record comes after so many seconds, or later where the brokers are away."""
        self._feed, self._seconds = feed, seconds
        self._stopped = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._put_all, name="feed")
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._stopped.set()
        self._thread.join()

    def wait(self) -> None:
        """Return when all records are on the topic."""
        self._thread.join()
        if self._fault is not None:
            raise self._fault

    def _put_all(self) -> None:
        began_at = time.monotonic()
        try:
            while not self._feed.is_over and not self._stopped.wait(FEED_SECONDS):
                self._feed.offer_until((time.monotonic() - began_at) / self._seconds)
            self._feed.flush(SETTLE_SECONDS)
        except Exception as fault:  # noqa: BLE001  handed on by wait, in the thread that can tell of it
            self._fault = fault


@dataclass
class Run:
    """A plan, carried out in a world."""

    world: World
    plan: Sequence[Step]
    say: Callable[[str], None]
    began_at: float = field(default_factory=time.monotonic)
    episodes: list[Episode] = field(default_factory=list)

    def carry_out(self) -> None:
        """Return when the last fault is over."""
        # What is to be done, when; the number keeps equal times in the order of the plan.
        due: list[tuple[float, int, Step, _OnStage | None]]
        due = [(step.at_seconds, number, step, None) for number, step in enumerate(self.plan)]
        while due:
            at, number, step, stage = heapq.heappop(due)
            self._wait_until(at)
            if stage is None:
                stage = self._begin(step)
                heapq.heappush(due, (self._now() + step.seconds, number, step, stage))
            else:
                self._end(stage)

    def end_all(self) -> None:
        """The last drain, when all is well."""
        began_at = time.time()
        drains = self.world.fleet.end(*sorted(self.world.fleet.crew))
        self.episodes.append(Episode(LAST, began_at, time.time(), tuple(drains)))

    def _begin(self, step: Step) -> _OnStage:
        self.say(f"{self._now():7.1f} s  {step.kind.name} ({step.target})")
        stage = _OnStage(step, MAKERS[step.kind.name](self.world, step), time.time())
        stage.drains += stage.fault.begin()
        return stage

    def _end(self, stage: _OnStage) -> None:
        said = self.world.fleet.said()
        stage.drains += stage.fault.end()
        kind = stage.step.kind.name
        self.episodes.append(Episode(kind, stage.began_at, time.time(), tuple(stage.drains)))
        drains = "".join(f", drained in {each:.1f} s" for each in stage.drains)
        self.say(f"{self._now():7.1f} s  over: {kind}{drains}{' | ' if said else ''}{said}")

    def _wait_until(self, at: float) -> None:
        while (left := at - self._now()) > 0:
            self.world.fleet.look()
            time.sleep(min(left, LOOK_SECONDS))

    def _now(self) -> float:
        return time.monotonic() - self.began_at


@dataclass
class _OnStage:
    step: Step
    fault: Fault
    began_at: float
    drains: list[float] = field(default_factory=list)


@contextmanager
def build_world(  # noqa: PLR0913  what is tried, and where
    folder: Path,
    names: Names,
    records: Sequence[CrashTestRecord],
    *,
    protocol: Protocol,
    seed: int,
    program: Sequence[str],
) -> Iterator[World]:
    """Three brokers, the network, the endpoint with a door for each worker; no worker yet."""
    with ExitStack() as stack:
        network = stack.enter_context(Network(folder / "toxiproxy.log"))
        kafka = JavaKafka(
            BROKERS,
            heap_mb=HEAP_MB,
            doors=BERTHS,
            announce=lambda berth, port: network.lay(kafka_way(berth, port), port),
        )
        stack.callback(kafka.stop)
        doors = DoorsProcess(folder / "doors.log", BERTHS, HEALTHY, seed)
        site = stack.enter_context(Site(kafka, names, folder, doors))
        apis = [
            network.lay(api_way(berth), int(url.rpartition(":")[2])) for berth, url in enumerate(doors.doors)
        ]
        berths = [
            Berth(brokers, f"http://127.0.0.1:{api}") for brokers, api in zip(kafka.doors, apis, strict=True)
        ]
        feed = Feed(kafka, names.topic, records)
        yield World(kafka, network, doors, site, Fleet(site, berths, protocol, program), feed)


def run_chaos(  # noqa: PLR0913  what is tried, where, and how it is told
    folder: Path,
    plan: Sequence[Step],
    *,
    seconds: float,
    protocol: Protocol,
    seed: int,
    program: Sequence[str] = ("worker",),
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Carry out a plan that takes so many seconds, and judge; nothing runs on when this returns."""
    names = Names("chaos", "chaos.dead-letters", "chaos-workers")
    records = make_records(seed, int(seconds * RECORDS_PER_SECOND))
    with build_world(folder, names, records, protocol=protocol, seed=seed, program=program) as world:
        world.site.open_topic(PARTITIONS)
        for berth in range(CREW):
            world.fleet.start(berth)
        for worker in world.fleet.crew.values():
            worker.wait_until_ready(START_SECONDS)
        run = Run(world, plan, say)
        with SteadyFeed(world.feed, seconds) as steady:
            run.carry_out()
            steady.wait()
        began_at = run.began_at
        say("all records are on the topic; waiting for the last commit")
        try:
            world.site.wait_until_committed(SETTLE_SECONDS)
        except (TimeoutError, RuntimeError) as stuck:
            # All is not committed, or a worker has ended: judged all the same.
            world.fleet.complaints.append(str(stuck))
        run.end_all()
        world.fleet.look()
        return _judge(world, run, time.monotonic() - began_at)


def _judge(world: World, run: Run, seconds: float) -> Outcome:
    evidence = gather(world.site, world.doors, world.feed, world.losses)
    commits = read_commits(world.kafka, world.site.names.group, world.site.names.topic)
    settled_at = evidence.settled_at()
    passed = {
        place: since
        for place, since in passed_by(commits, evidence, world.fleet.assigned_at()).items()
        if settled_at.get(place) == inf
    }
    evidence = replace(evidence, deleted_at={**passed, **evidence.deleted_at})
    kills = sum(each.kind == "worker killed" for each in run.episodes)
    return Outcome(
        figures=evidence.figures(kills=kills, seconds=seconds, by_proxy=True),
        report=Report(run.episodes, acceptances(evidence)),
        commits=len(commits),
        ahead=tuple(ahead_of_the_truth(commits, evidence)),
        backwards=backwards(commits),
        twice_at_a_door=evidence.twice_at_a_door,
        complaints=tuple(world.fleet.complaints),
        cut=len(evidence.cut),
        passed_by=len(evidence.deleted_unread() & passed.keys()),
        deleted_unread=len(evidence.deleted_unread() - passed.keys()),
    )
