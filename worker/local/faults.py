"""The faults that the local PutEvents injects: a plan, and the random choices made by it.

A plan is a value; a new one may be set while calls come in. One random number per call picks at most one of
the random faults.
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
    """A plan of faults. Without arguments, nothing goes wrong."""

    calls_per_second: float | None = None
    """Above this rate, calls are throttled."""
    burst_calls: float | None = None
    """How many calls may come at once; by default, those of one second."""
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
    """How long an answer takes: at random between half and one and a half times this."""
    poison: str | None = None
    """A call with this text in an event type or an item id is refused because of its content."""
    clock_ahead_seconds: float = 0
    """How far the endpoint's clock is ahead; it is used for signatures, and sent in each answer."""
    refuse: str | None = None
    """Every call is refused with this error code."""
    access_key: str = "local"
    """The only known access key; with any other, the client is not recognised."""
    secret_key: str = "local"  # noqa: S105  of the local endpoint; nothing is behind it
    any_keys: bool = False
    """Whether any access key is accepted instead, whatever its secret."""
    tracking_id: str | None = None
    """The only tracking id that exists; None: every one does."""
    unknown_tracker: str = "ResourceNotFoundException"
    """The error code for a tracking id that does not exist."""

    def __post_init__(self) -> None:
        """Reject invalid probabilities.

        Raises:
            ValueError: one is negative, or together they exceed 1.
        """
        chances = [getattr(self, fate) for fate in FATES]
        if min(chances) < 0 or sum(chances) > 1:
            msg = f"the probabilities of {', '.join(FATES)} must be 0 or more and sum up to 1 at most"
            raise ValueError(msg)

    def changed(self, changes: bytes) -> Self:
        """Return this plan with some fields changed, from a JSON object.

        Raises:
            msgspec.MsgspecError: not JSON, an unknown field, or a value of a wrong type or out of range.
        """
        fields = msgspec.to_builtins(self) | msgspec.json.decode(changes, type=dict)
        return msgspec.convert(fields, type(self))

    def fate(self, random: Random) -> Fate | None:
        """Choose the fate of a call with one random number."""
        throw = random.random()
        for fate in FATES:
            throw -= getattr(self, fate)
            if throw < 0:
                return fate
        return None


class TokenBucket:
    """A token bucket.

    Args:
        rate: tokens per second.
        burst: the most tokens it can hold; it starts full.
        now: the time at the start, in seconds.
    """

    def __init__(self, rate: float, burst: float, now: float) -> None:
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
