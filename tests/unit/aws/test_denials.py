"""Keys are loaded anew for a denied call ever more seldom, and at once for others."""

from __future__ import annotations

from worker.aws.denials import Denials
from worker.aws.signing import Keys

KEYS = Keys("a", "b", None)


def test_a_call_that_is_denied_for_a_day_loads_keys_a_few_hundred_times_at_most() -> None:
    """Every five seconds, a process each time, were 17,280."""
    denials = Denials()
    loads = [now for now in range(24 * 3600) if denials.is_worth_a_load(KEYS, float(now))]
    assert len(loads) < 300
    assert loads[:4] == [0, 5, 15, 35]


def test_other_keys_begin_anew() -> None:
    denials = Denials()
    for now in range(1000):
        denials.is_worth_a_load(KEYS, float(now))
    other = Keys("c", "d", None)
    assert denials.is_worth_a_load(other, 1000.0)
    assert not denials.is_worth_a_load(other, 1001.0)
    assert denials.is_worth_a_load(other, 1005.0)
