"""What each kind of the plan does: how it begins, and how it ends."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from tests.chaos.fleet import CREW
from tests.chaos.losing import LogCut, MemoryFull, RetentionOvertakes
from tests.chaos.world import BROKERS
from tests.support.elections import elect_preferred_leaders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.chaos.network import Trouble
    from tests.chaos.plan import Step
    from tests.chaos.world import Fault, World

ELECT_SECONDS: Final = 20.0


def kafka_way(berth: int, port: int) -> str:
    """The name of a worker's way to the broker that listens there."""
    return f"kafka-{berth}-{port}"


def api_way(berth: int) -> str:
    """The name of a worker's way to the API."""
    return f"api-{berth}"


class WorkerKilled:
    """SIGKILL, and after a while another in its place."""

    def __init__(self, world: World, step: Step) -> None:
        self._fleet, self._berth = world.fleet, step.target % CREW

    def begin(self) -> Iterable[float]:
        self._fleet.kill(self._berth)
        return ()

    def end(self) -> Iterable[float]:
        self._fleet.start(self._berth)
        return ()


class WorkerReplaced(WorkerKilled):
    """SIGTERM, and after its end, or a while, another in its place."""

    def begin(self) -> Iterable[float]:
        return self._fleet.end(self._berth)


class WorkerFrozen(WorkerKilled):
    """SIGSTOP, SIGCONT: it wakes up and does not know that it was away."""

    def begin(self) -> Iterable[float]:
        self._fleet.freeze(self._berth)
        return ()

    def end(self) -> Iterable[float]:
        self._fleet.thaw(self._berth)
        return ()


class WorkerMore:
    """One joins, and leaves after a while."""

    def __init__(self, world: World, _: Step) -> None:
        self._fleet = world.fleet

    def begin(self) -> Iterable[float]:
        self._fleet.start(CREW)
        return ()

    def end(self) -> Iterable[float]:
        return self._fleet.end(CREW)


class AllReplaced(WorkerMore):
    """SIGTERM to all at once, then others; the other assignment is theirs."""

    def begin(self) -> Iterable[float]:
        return self._fleet.replace_all()

    def end(self) -> Iterable[float]:
        return ()


class BrokerKilled:
    """SIGKILL, and after a while the same again on its data."""

    def __init__(self, world: World, step: Step) -> None:
        self._kafka, self._node = world.kafka, 1 + step.target % BROKERS

    def begin(self) -> Iterable[float]:
        self._kafka.kill(self._node)
        return ()

    def end(self) -> Iterable[float]:
        self._kafka.restart()
        return ()


class BrokerRestarted(BrokerKilled):
    """As above, but in good order: it hands its partitions over first."""

    def begin(self) -> Iterable[float]:
        self._kafka.shut_down(self._node)
        return ()


class BrokersFrozen:
    """SIGSTOP: connections stay, answers don't come."""

    def __init__(self, world: World, nodes: Iterable[int]) -> None:
        self._kafka, self._nodes = world.kafka, tuple(nodes)

    def begin(self) -> Iterable[float]:
        for each in self._nodes:
            self._kafka.freeze(each)
        return ()

    def end(self) -> Iterable[float]:
        for each in self._nodes:
            self._kafka.thaw(each)
        return ()


class LeadersMoved:
    """Back to where they should be: since broker faults they are elsewhere."""

    def __init__(self, world: World, _: Step) -> None:
        self._kafka = world.kafka

    def begin(self) -> Iterable[float]:
        elect_preferred_leaders(self._kafka.brokers[0].port, ELECT_SECONDS)
        return ()

    def end(self) -> Iterable[float]:
        return ()


class WaysTroubled:
    """Some ways through the network are slow, silent or cut."""

    def __init__(self, world: World, ways: Iterable[str], trouble: Trouble) -> None:
        self._network, self._ways, self._trouble = world.network, tuple(ways), trouble

    def begin(self) -> Iterable[float]:
        for each in self._ways:
            self._network.trouble(each, self._trouble)
        return ()

    def end(self) -> Iterable[float]:
        for each in self._ways:
            self._network.repair(each, self._trouble)
        return ()


class ApiFaulty:
    """The endpoint answers all workers wrongly, by chance or always."""

    def __init__(self, world: World, on: dict[str, object], off: dict[str, object]) -> None:
        self._doors, self._on, self._off = world.doors, on, off

    def begin(self) -> Iterable[float]:
        self._doors.set_faults(**self._on)
        return ()

    def end(self) -> Iterable[float]:
        self._doors.set_faults(**self._off)
        return ()


class KeysChanged:
    """The API knows other keys only; after a while they are in the credentials file."""

    def __init__(self, world: World, step: Step) -> None:
        self._doors, self._site, self._secret = world.doors, world.site, f"changed-at-{step.at_seconds}"

    def begin(self) -> Iterable[float]:
        self._doors.set_faults(secret_key=self._secret)
        return ()

    def end(self) -> Iterable[float]:
        self._site.set_secret(self._secret)
        return ()


def _frozen(world: World, step: Step) -> Fault:
    return BrokersFrozen(world, [1 + step.target % BROKERS])


def _all_frozen(world: World, _: Step) -> Fault:
    return BrokersFrozen(world, range(1, BROKERS + 1))


def _to_kafka(trouble: Trouble, world: World, step: Step) -> Fault:
    berth = step.target % CREW
    ports = (broker.doors[berth] for broker in world.kafka.brokers)
    return WaysTroubled(world, (kafka_way(berth, port) for port in ports), trouble)


def _to_api(trouble: Trouble, world: World, step: Step) -> Fault:
    return WaysTroubled(world, [api_way(step.target % CREW)], trouble)


def _api(on: dict[str, object], off: dict[str, object]) -> Callable[[World, Step], Fault]:
    return lambda world, _: ApiFaulty(world, on, off)


MAKERS: Final[dict[str, Callable[[World, Step], Fault]]] = {
    "worker killed": WorkerKilled,
    "worker replaced": WorkerReplaced,
    "all workers replaced": AllReplaced,
    "worker frozen past its session": WorkerFrozen,
    "worker frozen past its poll interval": WorkerFrozen,
    "a worker more": WorkerMore,
    "a worker less": WorkerReplaced,
    "broker killed": BrokerKilled,
    "broker restarted": BrokerRestarted,
    "broker frozen": _frozen,
    "all brokers frozen": _all_frozen,
    "leaders moved": LeadersMoved,
    "Kafka slow for a worker": partial(_to_kafka, "slow"),
    "Kafka silent for a worker": partial(_to_kafka, "silent"),
    "Kafka cut off from a worker": partial(_to_kafka, "cut"),
    "API slow for a worker": partial(_to_api, "slow"),
    "API silent for a worker": partial(_to_api, "silent"),
    "API cut off from a worker": partial(_to_api, "cut"),
    "API down": _api({"fail": 1.0}, {"fail": 0.0}),
    "API throttles in a burst": _api({"throttle": 0.8}, {"throttle": 0.0}),
    "API fails every second call": _api({"fail": 0.5}, {"fail": 0.0}),
    "API's answers lost": _api({"lose": 0.2}, {"lose": 0.0}),
    "keys refused": _api({"refuse": "ExpiredTokenException"}, {"refuse": None}),
    "keys changed": KeysChanged,
    "memory full during a rebalance": MemoryFull,
    "log cut by an unclean election": LogCut,
    "retention overtakes a worker": RetentionOvertakes,
}
"""By the kind's name."""
