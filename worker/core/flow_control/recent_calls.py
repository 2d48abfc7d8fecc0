"""The results of the last minute's calls: which part of them failed, and with which code most did.

Calls are counted in slices of ten seconds, so a call costs next to nothing, and memory does not grow with
their number.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_SLICE_SECONDS: Final = 10.0
_SLICES: Final = 6
# The server chooses the code, so no more than this many are kept apart in a slice.
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
    """Counts calls and their failures by code. Times are seconds of the caller's clock."""

    def __init__(self) -> None:
        self._slices: deque[_Slice] = deque(maxlen=_SLICES)

    def came_through(self, now: float) -> None:
        """Note that a call was answered by a server that examined it."""
        self._now(now).calls += 1

    def failed(self, code: str, now: float) -> None:
        """Note that a call failed in a way that may pass."""
        slice_ = self._now(now)
        slice_.calls += 1
        _count(slice_.failed, code)

    def throttled(self, code: str, now: float) -> None:
        """Note that a call was throttled."""
        slice_ = self._now(now)
        slice_.calls += 1
        _count(slice_.throttled, code)

    def count(self, now: float) -> int:
        """Count the calls."""
        return sum(each.calls for each in self._lately(now))

    def failed_part(self, now: float) -> float:
        """Return which part of the calls failed, 0 to 1, not counting those that were throttled."""
        return sum(each.failed.total() for each in self._lately(now)) / max(1, self.count(now))

    def throttled_part(self, now: float) -> float:
        """Return which part of the calls was throttled, 0 to 1."""
        return sum(each.throttled.total() for each in self._lately(now)) / max(1, self.count(now))

    def most_failed(self, now: float) -> tuple[str, bool] | None:
        """Return the most frequent recent error code, and whether it is throttling; None with none."""
        latest = [each for each in self._lately(now) if now - each.began < _JUST_NOW_SECONDS]
        failed, throttled = (_sum(each.failed for each in latest), _sum(each.throttled for each in latest))
        most, is_throttled = (throttled, True) if throttled.total() > failed.total() else (failed, False)
        return (most.most_common(1)[0][0], is_throttled) if most else None

    def most_failed_code(self, now: float) -> str:
        """Return the code that most calls failed with, ignoring throttled ones; empty with none."""
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
