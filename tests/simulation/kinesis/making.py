"""From a seed to a schedule; some kinds of steps are left out of each, so that the others come more often."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, get_args

from tests.simulation.kinesis.schedule import (
    SLOTS,
    Api,
    Crash,
    DeadLetters,
    DeleteRow,
    Event,
    ExpireIterators,
    Freeze,
    Join,
    Member,
    Merge,
    Put,
    Puts,
    Schedule,
    Split,
    StreamIs,
    StreamState,
    TableIs,
    TableState,
    Terminate,
)
from tests.simulation.schedule import Letters, MemberSettings, Weather

if TYPE_CHECKING:
    from tests.simulation.kinesis.schedule import Slot
    from tests.simulation.schedule import Kind, Step

_PAUSES_SECONDS: Final = (0.0, 0.05, 0.5, 0.5, 2.0, 2.0, 8.0, 25.0)
_LONG_SECONDS: Final = (400.0, 1900.0)
_SHARE_OF_KINDS: Final = 0.55
_TURNS: Final = (0, 3, 20, 100, 400)
_KEYS: Final = 12


def make_schedule(seed: int) -> Schedule:
    """The schedule of a seed, always the same."""
    return _Maker(seed).make()


class _Maker:
    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"kinesis {seed}")  # noqa: S311  a schedule, not a secret
        self._seed = seed
        pick = self._chance.choice
        self._poison = pick((0.0, 0.0, 0.0, 0.1))
        self._aggregates = pick((0.0, 0.0, 0.3, 0.8))
        self._sessions = pick((1, 2, 4))
        self._failover_seconds = pick((3.0, 10.0))
        self._at_start = pick((1, 1, 2, 2, 3))

    def make(self) -> Schedule:
        pick = self._chance.choice
        kinds = [each for each in self.kinds if self._chance.random() < _SHARE_OF_KINDS]
        if self._chance.random() < 0.2:
            # An outage, and who reads changes meanwhile.
            kinds = [_Maker._freeze, _Maker._freeze, _Maker._table, _Maker._down]
        at, steps = 0.0, [self._puts(0, 0.0)]
        long_after = pick((None,) * 24 + (1,))
        for number in range(1, pick((3, 5, 8, 8, 12, 20))):
            at = round(at + pick(_PAUSES_SECONDS), 3)
            if number == long_after:
                at = round(at + pick(_LONG_SECONDS), 3)
            make = pick(kinds) if kinds and self._chance.random() < 0.6 else _Maker._puts
            steps.append(make(self, number, at))
        return Schedule(
            seed=self._seed,
            shards=pick((1, 1, 2, 3, 4)),
            start=pick(("TRIM_HORIZON", "TRIM_HORIZON", "LATEST")),
            failover_seconds=self._failover_seconds,
            end_apart=pick((True, False)),
            reshard_seconds=pick((0.0, 0.0, 5.0)),
            members=(self._member(), self._member(), self._member(), self._member()),
            at_start=self._at_start,
            steps=tuple(steps),
        )

    def _member(self) -> Member:
        pick = self._chance.choice
        settings = MemberSettings(
            requests_per_second=pick((3, 50, 1000, 1000)),
            max_in_flight=pick((1, 2, 64)),
            linger_seconds=pick((0, 0.2, 1.0)),
            max_events=pick((1, 3, 10)),
            hold_after_unmappable=100,
            max_unsettled_records=pick((10, 15, 150, 100_000)),
            drain_seconds=pick((0, 2, 8)),
            revoke_seconds=pick((0.5, 3.0, 10.0)),
            max_wait_seconds=pick((1.0, 20.0)),
            order=pick(("oldest_first", "freshest_first")),
        )
        return Member(
            settings, clock_offset=pick((0.0, 5.0, 1e6)), wall_offset=pick((0.0, 0.0, -100.0, 100.0))
        )

    def _puts(self, number: int, at: float) -> Step:
        records = tuple(self._put() for _ in range(self._chance.choice((1, 3, 3, 10, 10, 30))))
        return Puts(id=number, at=at, records=records)

    def _put(self) -> Put:
        key = f"k{self._chance.randrange(_KEYS)}"
        if self._chance.random() < self._aggregates:
            many = self._chance.choice((1, 2, 5))
            return Put(key, tuple(self._event() for _ in range(many)), is_aggregate=True)
        return Put(key, (self._event(),))

    def _event(self) -> Event:
        kinds: tuple[Kind, ...] = ("good",) * 8 + ("skip", "undecodable")
        kind = "poison" if self._chance.random() < self._poison else self._chance.choice(kinds)
        return Event(self._chance.randrange(self._sessions), self._chance.choice("-uuuv"), kind)

    def _split(self, number: int, at: float) -> Step:
        records = tuple(self._put() for _ in range(self._chance.choice((0, 3, 30))))
        return Split(id=number, at=at, pick=self._chance.random(), records=records)

    def _merge(self, number: int, at: float) -> Step:
        return Merge(id=number, at=at, pick=self._chance.random())

    def _delete_row(self, number: int, at: float) -> Step:
        return DeleteRow(id=number, at=at, pick=self._chance.random())

    def _expire_iterators(self, number: int, at: float) -> Step:
        return ExpireIterators(id=number, at=at)

    def _crash(self, number: int, at: float) -> Step:
        return Crash(id=number, at=at, slot=self._slot(), turns=self._turns(), restart_after=self._restart())

    def _terminate(self, number: int, at: float) -> Step:
        slot, turns = self._slot(), self._turns()
        return Terminate(id=number, at=at, slot=slot, turns=turns, restart_after=self._restart())

    def _freeze(self, number: int, at: float) -> Step:
        factor = self._chance.choice((0.3, 0.9, 1.2, 4.0, 4.0))
        seconds = factor * self._failover_seconds
        return Freeze(id=number, at=at, slot=self._slot(), turns=self._turns(), seconds=seconds)

    def _join(self, number: int, at: float) -> Step:
        return Join(id=number, at=at, slot=self._chance.choice(SLOTS))

    def _api(self, number: int, at: float) -> Step:
        weather: Weather = self._chance.choice(("fine", "down", *get_args(Weather)))
        return Api(id=number, at=at, weather=weather)

    def _down(self, number: int, at: float) -> Step:
        return Api(id=number, at=at, weather="down")

    def _letters(self, number: int, at: float) -> Step:
        state: Letters = self._chance.choice(get_args(Letters))
        return DeadLetters(id=number, at=at, state=state)

    def _stream(self, number: int, at: float) -> Step:
        state: StreamState = self._chance.choice(get_args(StreamState)[1:])
        return StreamIs(id=number, at=at, state=state, seconds=self._chance.choice((2.0, 10.0, 60.0)))

    def _table(self, number: int, at: float) -> Step:
        state: TableState = self._chance.choice(get_args(TableState)[1:])
        seconds = self._chance.choice((1.0, 8.0, 15.0, 60.0))
        slot = self._chance.choice((None, *SLOTS))
        return TableIs(id=number, at=at, state=state, seconds=seconds, slot=slot)

    def _slot(self) -> Slot:
        """Mostly one of those that are there."""
        return self._chance.choice(SLOTS[: self._at_start + 1])

    def _turns(self) -> int:
        return self._chance.choice(_TURNS)

    def _restart(self) -> float | None:
        return self._chance.choice((None, 0.0, 0.5, 5.0))

    # Those that come twice are what the source meets most.
    kinds = (
        _api,
        _api,
        _split,
        _split,
        _merge,
        _join,
        _join,
        _crash,
        _terminate,
        _freeze,
        _letters,
        _stream,
        _stream,
        _table,
        _table,
        _delete_row,
        _expire_iterators,
    )
