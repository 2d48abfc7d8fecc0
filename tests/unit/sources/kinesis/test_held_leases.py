"""A lease is valid or lost, never both, and the source hears of each once."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from worker.core.leases.handover import DEADLINE_SECONDS
from worker.core.leases.lease import At, Lease
from worker.core.leases.writes import asked_for
from worker.sources.kinesis.held_leases import Changes, HeldLeases

FAILOVER = 10.0
LEASE = Lease(key="s", owner="me", counter=1, checkpoint=At(1))


class Clock:
    now = 0.0


def held_at(clock: Clock) -> HeldLeases:
    return HeldLeases("me", FAILOVER, lambda: clock.now)


def test_the_send_time_counts() -> None:
    clock = Clock()
    leases = held_at(clock)
    clock.now = 3.0
    held = leases.add(LEASE, sent=0.0)
    leases.tell(held)
    leases.take_changes()
    clock.now = 9.9
    assert leases.get("s") is held
    clock.now = 10.0
    assert leases.get("s") is None
    assert leases.take_changes() == Changes(lost=("s",))
    assert leases.take_changes() == Changes()


def test_what_was_lost_before_it_was_told_is_not_told() -> None:
    clock = Clock()
    leases = held_at(clock)
    leases.tell(leases.add(LEASE, sent=0.0))
    clock.now = 20.0
    assert leases.take_changes() == Changes()


def test_a_lease_that_is_asked_for_ends_at_the_deadline_though_it_be_renewed() -> None:
    clock = Clock()
    leases = held_at(clock)
    held = leases.add(LEASE, sent=0.0)
    leases.tell(held)
    leases.take_changes()
    held.believe(asked_for(LEASE, "other"))
    leases.look_whether_asked(held)
    assert leases.take_changes() == Changes(wanted=("s",))
    while clock.now < DEADLINE_SECONDS:
        assert leases.get("s") is held
        leases.extend(held, clock.now)
        clock.now += 3
    assert leases.get("s") is None
    assert leases.given_up == [held]
    assert leases.take_changes() == Changes(lost=("s",))


class Told(RuleBasedStateMachine):
    """Whatever happens in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.leases = held_at(self.clock)
        self.believed: set[str] = set()

    @rule(key=st.sampled_from("ab"), is_readable=st.booleans())
    def take(self, key: str, is_readable: bool) -> None:  # noqa: FBT001  hypothesis gives it by its name
        if self.leases.get(key) is None:
            held = self.leases.add(replace(LEASE, key=key), self.clock.now)
            if is_readable:
                self.leases.tell(held)

    @rule(key=st.sampled_from("ab"))
    def renew(self, key: str) -> None:
        if (held := self.leases.get(key)) is not None:
            self.leases.extend(held, self.clock.now)

    @rule(key=st.sampled_from("ab"))
    def steal(self, key: str) -> None:
        if (held := self.leases.get(key)) is not None:
            self.leases.lose(held, "stolen")

    @rule(key=st.sampled_from("ab"))
    def give_away(self, key: str) -> None:
        if (held := self.leases.get(key)) is not None:
            self.leases.drop(held)
            self.believed.discard(key)

    @rule(seconds=st.floats(0.1, 12))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def ask(self) -> None:
        changes = self.leases.take_changes()
        assert len(set(changes.lost)) == len(changes.lost)
        self.believed -= set(changes.lost)
        gained = {lease.key for lease in changes.gained}
        assert not gained & self.believed, "gained twice without a loss between"
        self.believed |= gained

    @invariant()
    def who_asks_believes_what_is_true(self) -> None:
        """After the source asked, it believes in no lease that is not valid."""
        changes = self.leases.take_changes()
        self.believed -= set(changes.lost)
        self.believed |= {lease.key for lease in changes.gained}
        assert self.believed <= self.leases.keys()


TestTold = Told.TestCase
