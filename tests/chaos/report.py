"""What each fault cost: repeats, the stall after it, drains. Pure: from episodes and the books to a table."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.support.evidence import Evidence

NO_FAULT: Final = "(no fault yet)"
HEAD: Final = (
    "What went wrong",
    "times",
    "seconds",
    "repeats",
    "first acceptance",
    "every partition",
    "drain",
)


@dataclass(frozen=True)
class Episode:
    """A fault that was on, in epoch seconds."""

    kind: str
    began_at: float
    ended_at: float
    drains: tuple[float, ...] = ()
    """How long each worker took from SIGTERM to its end."""


@dataclass(frozen=True)
class Acceptances:
    """When events were accepted."""

    by_partition: Mapping[int, Sequence[float]]
    """In order."""
    repeats: Sequence[float]
    """Of those only that were accepted before."""


@dataclass(frozen=True)
class Stall:
    """Seconds from the end of a fault; None where nothing was accepted any more."""

    first: float | None
    """Until the first acceptance."""
    everywhere: float | None
    """Until each partition had one."""


def acceptances(evidence: Evidence) -> Acceptances:
    """Read them out of the books."""
    partition_of = {each.event_id: place[0] for place, each in evidence.produced.items()}
    by_partition: dict[int, list[float]] = {partition: [] for partition in evidence.uncommitted}
    repeats: list[float] = []
    seen: set[str | None] = set()
    for call in evidence.accepted:
        for event_id in call.event_ids:
            if event_id in seen:
                repeats.append(call.at_seconds)
            seen.add(event_id)
            if event_id in partition_of:
                by_partition[partition_of[event_id]].append(call.at_seconds)
    return Acceptances(by_partition, repeats)


def repeats_by_kind(repeats: Iterable[float], episodes: Sequence[Episode]) -> dict[str, int]:
    """Each repeat is put down to the fault that is on, the youngest of several; else to the last one over."""
    count: dict[str, int] = defaultdict(int)
    for at in repeats:
        count[_cause(at, episodes)] += 1
    return dict(count)


def _cause(at: float, episodes: Sequence[Episode]) -> str:
    begun = [each for each in episodes if each.began_at <= at]
    on = [each for each in begun if at <= each.ended_at]
    if on:
        return max(on, key=lambda each: each.began_at).kind
    return max(begun, key=lambda each: each.ended_at).kind if begun else NO_FAULT


def stall(episode: Episode, episodes: Sequence[Episode], accepted: Acceptances) -> Stall | None:
    """How long it took to get going again; None where another fault was on meanwhile, or began too soon."""
    others = [each for each in episodes if each is not episode]
    if any(each.began_at <= episode.ended_at <= each.ended_at for each in others):
        return None
    after = [_next(times, episode.ended_at) for times in accepted.by_partition.values()]
    came = [at - episode.ended_at for at in after if at is not None]
    return Stall(min(came, default=None), max(came) if came and len(came) == len(after) else None)


def _next(times: Sequence[float], at: float) -> float | None:
    place = bisect_left(times, at)
    return times[place] if place < len(times) else None


@dataclass(frozen=True)
class Report:
    """A run, fault by fault."""

    episodes: Sequence[Episode]
    accepted: Acceptances

    def longest_stall(self) -> float:
        """Until the first acceptance, over all faults."""
        return max((each.first or 0.0 for each in self._stalls(self.episodes)), default=0.0)

    def longest_stall_everywhere(self) -> float:
        """Until every partition had one, over all faults."""
        return max((each.everywhere or 0.0 for each in self._stalls(self.episodes)), default=0.0)

    def longest_drain(self) -> float:
        """Over all workers that were told to end."""
        return max(chain.from_iterable(each.drains for each in self.episodes), default=0.0)

    def rows(self) -> Iterator[tuple[str, ...]]:
        """A row for each kind, by name, for a table under ``HEAD``."""
        repeats = repeats_by_kind(self.accepted.repeats, self.episodes)
        kinds: dict[str, list[Episode]] = {kind: [] for kind in sorted({*repeats})}
        for each in self.episodes:
            kinds.setdefault(each.kind, []).append(each)
        for kind, episodes in sorted(kinds.items()):
            stalls = list(self._stalls(episodes))
            yield (
                kind,
                str(len(episodes)),
                _spread([each.ended_at - each.began_at for each in episodes]),
                str(repeats.get(kind, 0)),
                _spread([each.first for each in stalls if each.first is not None]),
                _spread([each.everywhere for each in stalls if each.everywhere is not None]),
                _spread([drain for each in episodes for drain in each.drains]),
            )

    def _stalls(self, episodes: Iterable[Episode]) -> Iterator[Stall]:
        found = (stall(each, self.episodes, self.accepted) for each in episodes)
        return (each for each in found if each is not None)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown, its columns aligned."""
    lines = [tuple(head), *map(tuple, rows)]
    # Three dashes make a rule.
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    cells = [_aligned(line, widths) for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in (cells[0], rule, *cells[1:]))


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = zip(line, widths, strict=True)
    return [f"{first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in others)]


def _spread(seconds: Sequence[float]) -> str:
    """The median and the longest."""
    if not seconds:
        return ""
    middle, longest = f"{median(seconds):.1f}", f"{max(seconds):.1f}"
    return middle if len(seconds) == 1 else f"{middle} / {longest}"
