"""Faults in which Kafka itself loses records, or partitions move while memory is full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import KafkaException

from tests.chaos.fleet import CREW
from tests.chaos.world import BROKERS, PARTITIONS
from tests.support.elections import elect_preferred_leaders, reassign_partitions
from tests.support.losses import UNCLEAN, UncleanElection, delete_to_the_end
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from confluent_kafka.admin._metadata import PartitionMetadata

    from tests.chaos.plan import Step
    from tests.chaos.world import World
    from tests.support.processes import WorkerProcess

MOVE_SECONDS: Final = 60.0
FULL_SECONDS: Final = 60.0
CLEAN: Final = {"unclean.leader.election.enable": "false", "min.insync.replicas": "2"}
ALL_NODES: Final = range(1, BROKERS + 1)


class LogCut:
    """Half of the partitions lose what their leader took in while their follower stood still.

    For as long they are kept by two brokers; the third, which leads the group, has none of it.
    """

    def __init__(self, world: World, step: Step) -> None:
        self._world, self._target = world, step.target
        self._partitions = range(step.target % 2, PARTITIONS, 2)

    def begin(self) -> Iterable[float]:
        kafka, names = self._world.kafka, self._world.site.names
        others = sorted({*ALL_NODES} - {kafka.coordinator(names.group)})
        leader, follower = others[:: -1 if self._target // 2 % 2 else 1]
        self._election = UncleanElection(kafka, names.topic, self._partitions, leader, follower)
        self._keep_by((leader, follower))
        port = kafka.brokers[leader - 1].port
        elect_preferred_leaders(port, MOVE_SECONDS, names.topic, self._partitions)
        self._until(lambda each: each.leader == leader)
        self._configure(UNCLEAN)
        self._election.leave_behind()
        return ()

    def end(self) -> Iterable[float]:
        # Until no more can be lost: a broker that is late on a busy machine would be taken for gone.
        with self._world.feed.standing_still():
            self._world.losses.cuts.extend(self._election.elect())
            self._election.end()
            self._configure(CLEAN)
        self._keep_by((self._election.follower, *({*ALL_NODES} - {self._election.follower})))
        return ()

    def _keep_by(self, nodes: Sequence[int]) -> None:
        kafka, topic = self._world.kafka, self._world.site.names.topic
        replicas = dict.fromkeys(self._partitions, nodes)
        reassign_partitions(kafka.brokers[nodes[0] - 1].port, MOVE_SECONDS, topic, replicas)
        self._until(lambda each: sorted(each.replicas) == sorted(each.isrs) == sorted(nodes))

    def _until(self, is_so: Callable[[PartitionMetadata], bool]) -> None:
        kafka, topic = self._world.kafka, self._world.site.names.topic

        def all_are() -> bool:
            partitions = kafka.partitions(topic)
            return all(is_so(partitions[each]) for each in self._partitions)

        until(all_are, MOVE_SECONDS, forgiving=KafkaException, what="partitions being moved")

    def _configure(self, settings: dict[str, str]) -> None:
        for name, value in settings.items():
            self._world.kafka.set_topic_config(self._world.site.names.topic, name, value)


class RetentionOvertakes:
    """What a worker that stands still has not read is deleted before it goes on."""

    def __init__(self, world: World, step: Step) -> None:
        self._world, self._berth = world, step.target % CREW
        self._partitions = range(step.target % 2, PARTITIONS, 2)

    def begin(self) -> Iterable[float]:
        self._world.fleet.freeze(self._berth)
        return ()

    def end(self) -> Iterable[float]:
        kafka, topic = self._world.kafka, self._world.site.names.topic
        self._world.losses.deletions.extend(delete_to_the_end(kafka, topic, self._partitions))
        self._world.fleet.thaw(self._berth)
        return ()


class MemoryFull:
    """The API is away until all pause, and one joins; it leaves while they still do, or when they go on.

    So partitions come back to whoever had paused them, and is still paused, or is not any more.
    """

    ON: Final[dict[str, Any]] = {"reset": 1.0}
    OFF: Final[dict[str, Any]] = {"reset": 0.0}

    def __init__(self, world: World, step: Step) -> None:
        self._world = world
        self._leaves_first, self._is_told = step.target % 2 == 0, step.target // 2 % 2 == 0

    def begin(self) -> Iterable[float]:
        fleet = self._world.fleet
        self._world.doors.set_faults(**self.ON)
        self._until_crew(lambda workers: all(map(_is_full, workers)))
        fleet.start(CREW)
        until(
            lambda: _has_partitions(fleet.crew[CREW]), FULL_SECONDS, what="partitions for the one that joined"
        )
        return ()

    def end(self) -> Iterable[float]:
        drains = self._leave() if self._leaves_first else ()
        self._world.doors.set_faults(**self.OFF)
        self._until_crew(lambda workers: not any(map(_is_paused, workers)))
        return drains if self._leaves_first else self._leave()

    def _leave(self) -> Iterable[float]:
        fleet = self._world.fleet
        return fleet.end(CREW) if self._is_told else fleet.kill(CREW) or ()

    def _until_crew(self, is_so: Callable[[Iterable[WorkerProcess]], bool]) -> None:
        crew = self._world.fleet.crew
        until(lambda: is_so(crew.values()), FULL_SECONDS, what="the workers being paused, or not")


def _has_partitions(worker: WorkerProcess) -> bool:
    rebalanced = worker.events("group.rebalanced")
    return bool(rebalanced and rebalanced[-1]["now_assigned"])


def _is_full(worker: WorkerProcess) -> bool:
    """Paused, or without anything to pause."""
    return _is_paused(worker) or not _has_partitions(worker)


def _is_paused(worker: WorkerProcess) -> bool:
    return len(worker.events("intake.paused")) > len(worker.events("intake.resumed"))
