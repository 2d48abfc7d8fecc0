"""What the calls of the last minute came to: which part of them failed, and of what most of those did.

Counted in slices of ten seconds, so that it costs a call next to nothing and no more memory however many
there are.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_SLICE_SECONDS: Final = 10.0
_SLICES: Final = 6
# Whoever answers chooses the code: of a slice no more than so many are told apart.
_MAX_CODES: Final = 20
_OTHER: Final = "other"
# A cause that has changed is to be seen soon.
_JUST_NOW_SECONDS: Final = 20.0


class _Slice:
    __slots__ = ("began", "calls", "failed", "throttled")

    def __init__(self, now: float) -> None:
        self.began = now
        self.calls = 0
        self.failed: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()


class RecentCalls:
    """Times are seconds of the caller's clock."""

    def __init__(self) -> None:
        """Begin without a call."""
        self._slices: deque[_Slice] = deque(maxlen=_SLICES)

    def came_through(self, now: float) -> None:
        """A call was answered by somebody who looked at it."""
        self._now(now).calls += 1

    def failed(self, code: str, now: float) -> None:
        """A call failed in a way that may pass."""
        slice_ = self._now(now)
        slice_.calls += 1
        _count(slice_.failed, code)

    def throttled(self, code: str, now: float) -> None:
        """A call was throttled."""
        slice_ = self._now(now)
        slice_.calls += 1
        _count(slice_.throttled, code)

    def count(self, now: float) -> int:
        """How many calls there were."""
        return sum(each.calls for each in self._lately(now))

    def failed_part(self, now: float) -> float:
        """Which part of the calls failed, 0 to 1; those that were throttled not counted."""
        return sum(each.failed.total() for each in self._lately(now)) / max(1, self.count(now))

    def throttled_part(self, now: float) -> float:
        """Which part of the calls was throttled, 0 to 1."""
        return sum(each.throttled.total() for each in self._lately(now)) / max(1, self.count(now))

    def most_failed(self, now: float) -> tuple[str, bool] | None:
        """The code that most calls failed with just now, and whether that is throttling; None: with none."""
        latest = [each for each in self._lately(now) if now - each.began < _JUST_NOW_SECONDS]
        failed, throttled = (_sum(each.failed for each in latest), _sum(each.throttled for each in latest))
        most, is_throttled = (throttled, True) if throttled.total() > failed.total() else (failed, False)
        return (most.most_common(1)[0][0], is_throttled) if most else None

    def most_failed_code(self, now: float) -> str:
        """The code that most calls failed with, but for those that were throttled; empty: with none."""
        failed = _sum(each.failed for each in self._lately(now))
        return failed.most_common(1)[0][0] if failed else ""

    def _now(self, now: float) -> _Slice:
        if not self._slices or now - self._slices[-1].began >= _SLICE_SECONDS:
            self._slices.append(_Slice(now))
        return self._slices[-1]

    def _lately(self, now: float) -> list[_Slice]:
        return [each for each in self._slices if now - each.began < _SLICE_SECONDS * _SLICES]


def _count(codes: Counter[str], code: str) -> None:
    codes[code if code in codes or len(codes) < _MAX_CODES else _OTHER] += 1


def _sum(counters: Iterable[Counter[str]]) -> Counter[str]:
    return sum(counters, Counter())
