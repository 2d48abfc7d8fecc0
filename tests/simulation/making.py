"""From a seed to a schedule.

Each schedule leaves some kinds of steps out: what one fault would hide is then seen, and the others come
more often (Groce et al., "Swarm Testing", 2012). Most are short, for short ones are many; some are long.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, get_args

from msgspec import structs

from tests.simulation.making_renewals import with_renewals
from tests.simulation.making_schemas import with_schemas
from tests.simulation.schedule import (
    SLOTS,
    Api,
    Brokers,
    Crash,
    Credentials,
    Cut,
    DeadLetters,
    Event,
    Expire,
    Freeze,
    Join,
    Kafka,
    Letters,
    Lose,
    MemberSettings,
    Move,
    Produce,
    Recreate,
    Rewind,
    Schedule,
    Terminate,
    Weather,
)

if TYPE_CHECKING:
    from tests.simulation.schedule import Kind, Step

_PAUSES_SECONDS: Final = (0.0, 0.01, 0.05, 0.1, 0.5, 0.5, 2.0, 8.0)
_SHARE_OF_KINDS: Final = 0.55
# Most of a worker's awaits are reached within so many turns of some step.
_TURNS: Final = (0, 3, 20, 100, 400)


def make_schedule(seed: int) -> Schedule:
    """The schedule of a seed, always the same."""
    return with_renewals(with_schemas(_Maker(seed).make()))


class _Maker:
    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311  a schedule, not a secret
        self._seed = seed
        self._partitions = self._chance.choice((1, 2, 2, 3))
        # Of all members, as in a group; without one more can be said of the order.
        self._max_age_seconds = self._chance.choice((None, None, None, None, 2.0, 10.0))
        self._poison = self._chance.choice((0.0, 0.0, 0.05, 0.3))
        self._users = self._chance.choice(("u", "-u", "-uuuv"))
        self._sessions = self._chance.choice((1, 2, 4, 12))
        # Drawn apart: the rest of a seed's schedule is the same with and without.
        self._streaks = random.Random(f"{seed} streaks")  # noqa: S311  a schedule, not a secret
        self._streak = self._streaks.choice((0.0, 0.0, 0.3, 0.6))
        self._fans = random.Random(f"{seed} fans")  # noqa: S311  a schedule, not a secret
        self._fan = self._fans.choice((0.0, 0.0, 0.1, 0.5))

    def make(self) -> Schedule:
        pick = self._chance.choice
        kinds = [each for each in self.kinds if self._chance.random() < _SHARE_OF_KINDS]
        at, steps = 0.0, [self._produce(0, 0.0)]
        for number in range(1, pick((5, 8, 8, 12, 12, 20, 60))):
            at = round(at + pick(_PAUSES_SECONDS), 3)
            make = pick(kinds) if kinds and self._chance.random() < 0.6 else _Maker._produce
            steps.append(make(self, number, at))
        return Schedule(
            seed=self._seed,
            partitions=self._partitions,
            members=(self._settings(), self._settings(), self._settings()),
            at_start=pick((1, 2, 2, 3)),
            steps=tuple(steps),
        )

    def _settings(self) -> MemberSettings:
        pick = self._chance.choice
        return MemberSettings(
            requests_per_second=pick((3, 50, 1000, 1000)),
            max_in_flight=pick((1, 2, 64)),
            linger_seconds=pick((0, 0.2, 1.0)),
            max_events=pick((1, 3, 10, 10)),
            hold_after_refusals=pick((1, 3, 20)),
            hold_after_unmappable=self._streaks.choice((2, 8, 30, 100)),
            max_unsettled_records=pick((10, 15, 150, 100_000)),
            max_unsettled_bytes=pick((8_000, 1 << 27, 1 << 27)),
            drain_seconds=pick((0, 2, 8)),
            revoke_seconds=pick((0.5, 3.0)),
            commit_seconds=pick((0.1, 1.0, 5.0)),
            max_wait_seconds=pick((1.0, 20.0)),
            max_age_seconds=self._max_age_seconds,
            when_too_old=pick(("dead_letter", "skip")),
            order=pick(("oldest_first", "freshest_first")),
        )

    def _produce(self, number: int, at: float) -> Step:
        events = tuple(self._event() for _ in range(self._chance.choice((1, 3, 3, 10, 10, 30))))
        if self._streaks.random() < self._streak:
            events = tuple(structs.replace(each, kind="undecodable") for each in events)
        else:
            events = tuple(self._fanned(each) for each in events)
        return Produce(id=number, at=at, events=events)

    def _fanned(self, event: Event) -> Event:
        """Perhaps a record that holds several events; one of them at least can be mapped."""
        if self._fans.random() >= self._fan:
            return event
        pick, partition = self._fans.choice, event.partition
        kinds: tuple[Kind, ...] = ("good", "good", "good", "good", "good", "undecodable", "skip")
        if self._poison:
            kinds = (*kinds, "poison")
        elements = [
            Event(
                partition=partition,
                session=f"p{partition}s{self._fans.randrange(self._sessions)}",
                user=pick(self._users),
                kind=pick(kinds),
            )
            for _ in range(pick((2, 3, 3, 5, 8, 50)))
        ]
        place = self._fans.randrange(len(elements))
        elements[place] = structs.replace(elements[place], kind="good")
        return structs.replace(event, kind="good", elements=tuple(elements))

    def _event(self) -> Event:
        pick, partition = self._chance.choice, self._a_partition()
        of_all = self._chance.random() < 0.1
        return Event(
            partition=partition,
            session="shared" if of_all else f"p{partition}s{self._chance.randrange(self._sessions)}",
            user=pick(self._users),
            kind=self._kind(),
            gap=pick((0, 0, 0, 0, 0, 3)),
        )

    def _kind(self) -> Kind:
        luck = self._chance.random()
        if luck < self._poison:
            return "poison"
        return "undecodable" if luck > 0.96 else "skip" if luck > 0.93 else "good"

    def _a_partition(self) -> int:
        return self._chance.randrange(self._partitions)

    def _turns(self) -> int:
        return self._chance.randrange(self._chance.choice(_TURNS) + 1)

    def _restart(self) -> float | None:
        return self._chance.choice((0.0, 0.5, 5.0, None))

    def _move(self, number: int, at: float) -> Step:
        several = self._chance.random() < 0.4
        partitions = tuple(range(self._partitions)) if several else (self._a_partition(),)
        return Move(id=number, at=at, partitions=partitions, to=self._chance.choice(SLOTS))

    def _lose(self, number: int, at: float) -> Step:
        return Lose(
            id=number,
            at=at,
            partition=self._a_partition(),
            to=self._chance.choice(SLOTS),
            hears_after=self._chance.choice((0.0, 0.3, 5.0, None)),
            as_revoke=self._chance.random() < 0.4,
        )

    def _crash(self, number: int, at: float) -> Step:
        return Crash(
            id=number,
            at=at,
            slot=self._chance.choice(SLOTS),
            turns=self._turns(),
            noticed_after=self._chance.choice((0.0, 0.5, 3.0)),
            restart_after=self._restart(),
        )

    def _terminate(self, number: int, at: float) -> Step:
        slot, turns = self._chance.choice(SLOTS), self._turns()
        return Terminate(id=number, at=at, slot=slot, turns=turns, restart_after=self._restart())

    def _freeze(self, number: int, at: float) -> Step:
        seconds = self._chance.choice((0.3, 2.0, 10.0))
        return Freeze(id=number, at=at, slot=self._chance.choice(SLOTS), turns=self._turns(), seconds=seconds)

    def _join(self, number: int, at: float) -> Step:
        return Join(id=number, at=at, slot=self._chance.choice(SLOTS))

    def _api(self, number: int, at: float) -> Step:
        weather: Weather = self._chance.choice(("fine", *get_args(Weather)))
        return Api(id=number, at=at, weather=weather)

    def _credentials(self, number: int, at: float) -> Step:
        return Credentials(id=number, at=at, expired=self._chance.random() < 0.5)

    def _letters(self, number: int, at: float) -> Step:
        state: Letters = self._chance.choice(get_args(Letters))
        return DeadLetters(id=number, at=at, state=state)

    def _brokers(self, number: int, at: float) -> Step:
        state: Kafka = self._chance.choice(get_args(Kafka))
        return Brokers(id=number, at=at, state=state)

    def _rewind(self, number: int, at: float) -> Step:
        return Rewind(id=number, at=at, partition=self._a_partition())

    def _recreate(self, number: int, at: float) -> Step:
        return Recreate(id=number, at=at)

    def _cut(self, number: int, at: float) -> Step:
        return Cut(
            id=number,
            at=at,
            partition=self._a_partition(),
            share_kept=self._chance.choice((0.0, 0.5, 0.5, 0.8)),
            heard_after=self._chance.choice((0.0, 0.3, 2.0)),
        )

    def _expire(self, number: int, at: float) -> Step:
        return Expire(id=number, at=at, partition=self._a_partition())

    # Those that come twice are what the worker meets most.
    kinds = (
        _api,
        _api,
        _move,
        _move,
        _lose,
        _crash,
        _terminate,
        _freeze,
        _join,
        _credentials,
        _letters,
        _brokers,
        _rewind,
        _recreate,
        _cut,
        _expire,
    )
