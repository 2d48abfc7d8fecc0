"""The last ten minutes in a few figures, for the curves of the page.

A ring with a fixed number of samples, one each five seconds: at most 50 kB, and nothing is done for a record.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

SAMPLE_SECONDS: Final = 5.0
SAMPLES: Final = 121
# A rate "now" is the mean of at least so long: shorter ones jump with each batch that comes.
_RATE_SECONDS: Final = 7.5


class Sample(Struct, frozen=True, gc=False):
    """What had been counted by one moment, and what there was at it."""

    at: float
    """By the loop's clock."""
    received: int = 0
    accepted: int = 0
    dead_lettered: int = 0
    calls: int = 0
    oldest_age_seconds: float = 0.0
    """Of the oldest unsettled record, by its own timestamp, or since it came where that is more."""
    lag: float | None = None
    """In records, of Kinesis in seconds; None while unknown."""

    def rate(self, before: Sample, field: str) -> float:
        """Return how many a second a counter went up since ``before``."""
        seconds = self.at - before.at
        counted: float = getattr(self, field) - getattr(before, field)
        return counted / seconds if seconds > 0 else 0.0


class History:
    """Takes a sample each ``SAMPLE_SECONDS``.

    Args:
        take: takes one.
    """

    def __init__(self, take: Callable[[], Sample]) -> None:
        self._take = take
        self._samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._timer: asyncio.TimerHandle | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; the first sample is taken now."""
        self._samples.append(self._take())
        self._timer = loop.call_later(SAMPLE_SECONDS, self.start, loop)

    def stop(self) -> None:
        """Take no more."""
        if self._timer is not None:
            self._timer.cancel()

    def samples(self) -> tuple[Sample, ...]:
        """Return what there is, the oldest first, and last a sample of this moment."""
        return (*self._samples, self._take())


def steps(samples: Sequence[Sample]) -> tuple[tuple[Sample, Sample], ...]:
    """Return the pairs of neighbours between which rates are computed; the last one ends now."""
    if len(samples) < 2:  # noqa: PLR2004  a pair
        return ()
    now = samples[-1]
    # The newest samples are too near to tell a rate by.
    early = tuple(each for each in samples[:-1] if now.at - each.at >= _RATE_SECONDS) or samples[:1]
    return (*pairwise(early), (early[-1], now))
