"""Formats numbers and causes, briefly and the same everywhere on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.core.scaling.demand import Bound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.core.model.snapshot import WaitsFor
    from worker.core.model.worker_status import ScalingStatus

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_MEBIBYTE: Final = 1 << 20
# Of a sequence number of Kinesis, which has 56.
_SHOWN_DIGITS: Final = 8

_CAUSES: Final = {
    "nothing": "nothing",
    "linger": "others of its session (batching.linger_seconds)",
    "quota": "quota",
    "place": "a place: too many calls are in flight or being retried",
    "in_flight": "the answer to its call",
    "dead_letter": "its dead letter to be written",
    "schema": "its schema, for which the registry is asked",
    "memory": "memory: receiving is paused",
    "kafka": "Kafka to send it",
    "kinesis": "its shard to be read that far",
}

_BOUNDS: Final[Mapping[Bound, str]] = {
    Bound.UNKNOWN: "too little was seen",
    Bound.DRAINING: "left as it was while it drains",
    Bound.HELD: "left as it was, as nothing comes through",
    Bound.QUOTA: "the quota is the limit",
    Bound.CPU: "the CPU is nearly used up",
    Bound.IN_FLIGHT: "nearly as many calls are in flight as may be",
    Bound.CATCHING_UP: "there is a backlog to be worked off",
    Bound.ELSEWHERE: "records wait, and more workers would wait as well",
    Bound.PARTITIONS: "more are needed than there are partitions",
    Bound.CALM: "what comes in is delivered",
}


def amount(number: int | str | None) -> str:
    """Format a number, of one that is given as text only the end; a dash if it is not known."""
    if isinstance(number, str):
        return number if len(number) <= _SHOWN_DIGITS else f"...{number[-_SHOWN_DIGITS:]}"
    return "-" if number is None else f"{number:,}"


def ago(seconds: float) -> str:
    """Format a duration in the single most useful unit."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004  below it a tenth counts
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.0f} h" if seconds < 2 * _DAY else f"{seconds / _DAY:.0f} d"


def counted(by_word: Mapping[str, int], what: str) -> str:
    """Format the total, and in brackets the count of each word, the most frequent first."""
    words = sorted((-count, word) for word, count in by_word.items() if count)
    each = ", ".join(f"{word} {-less:,}" for less, word in words)
    return f"{sum(by_word.values()):,} {what}{f' ({each})' if each else ''}"


def mebibytes(size: int) -> str:
    """Bytes as MiB."""
    return f"{size / _MEBIBYTE:,.1f}"


def waiting(waits: WaitsFor) -> str:
    """Describe what it waits for."""
    match waits.cause:
        case "hold":
            text = f"the hold to end: {waits.code}"
        case "retry":
            text = f"try {(waits.calls or 0) + 1} of its call, after {waits.code}"
        case _:
            text = _CAUSES[waits.cause]
    return text if waits.seconds is None else f"{text}, {ago(waits.seconds)}"


def wanted(scaling: ScalingStatus) -> str:
    """Describe how many workers there should be, and what decides that."""
    workers = "not known" if scaling.desired_workers is None else amount(scaling.desired_workers)
    return f"{workers}: {_BOUNDS[scaling.bound]}"
