"""What the local PutEvents does wrong on purpose: a plan, and the dice that are thrown by it.

A plan is a value; a new one may be set while calls come in. One throw a call picks at most one of the random
faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from random import Random
    from typing import Self

Fate: TypeAlias = Literal["throttle", "fail", "reset", "lose", "silence"]
FATES: tuple[Fate, ...] = get_args(Fate)


class Faults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong. Without arguments: nothing."""

    calls_per_second: float | None = None
    """Over it, calls are throttled."""
    burst_calls: float | None = None
    """How many calls may come at once; one second's worth unless given."""
    throttle: float = 0
    """Probability of a ThrottlingException."""
    fail: float = 0
    """Probability of a 500 or a 503."""
    reset: float = 0
    """Probability that the connection is cut before the call is read: it is not accepted."""
    lose: float = 0
    """Probability that the call is accepted and the connection cut instead of an answer."""
    silence: float = 0
    """Probability that the call is accepted and the answer never comes."""
    answer_seconds: float = 0
    """How long an answer takes: at random between half of it and one and a half times it."""
    poison: str | None = None
    """A call with this text within an event type or an item id is refused, as for its content."""
    clock_ahead_seconds: float = 0
    """How far the endpoint's clock is ahead: it goes by it for signatures, and says so in each answer."""
    refuse: str | None = None
    """Every call is refused with this error code."""
    access_key: str = "local"
    """The one access key that is known; any other is an unrecognised client."""
    secret_key: str = "local"  # noqa: S105  of the local endpoint; nothing is behind it
    any_keys: bool = False
    """Whether any access key is known, instead, whatever its secret."""
    tracking_id: str | None = None
    """The one tracking id that exists; None: any does."""
    unknown_tracker: str = "ResourceNotFoundException"
    """The error code for a tracking id that does not exist."""

    def __post_init__(self) -> None:
        """Refuse probabilities that are none.

        Raises:
            ValueError: one is negative, or together they exceed 1.
        """
        chances = [getattr(self, fate) for fate in FATES]
        if min(chances) < 0 or sum(chances) > 1:
            msg = f"the probabilities of {', '.join(FATES)} must be 0 or more and sum up to 1 at most"
            raise ValueError(msg)

    def changed(self, changes: bytes) -> Self:
        """This plan with some of its fields set anew, from the JSON of an object.

        Raises:
            msgspec.MsgspecError: no JSON, an unknown field, a value of the wrong type or out of bounds.
        """
        fields = msgspec.to_builtins(self) | msgspec.json.decode(changes, type=dict)
        return msgspec.convert(fields, type(self))

    def fate(self, random: Random) -> Fate | None:
        """What becomes of a call, by one throw of the dice."""
        throw = random.random()
        for fate in FATES:
            throw -= getattr(self, fate)
            if throw < 0:
                return fate
        return None


class TokenBucket:
    """``rate`` tokens a second, ``burst`` of them at most saved up."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """Begin full, at ``now`` in seconds."""
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._now = now

    def take(self, now: float) -> bool:
        """Take a token if there is one."""
        self._tokens = min(self._burst, self._tokens + (now - self._now) * self._rate)
        self._now = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
