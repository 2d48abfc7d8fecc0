"""Formats a worker's status as a page of text: reasons first, then the numbers, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.status.words import ago, amount, counted, mebibytes, waiting, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.core.model.worker_status import (
        DoneStatus,
        MemoryStatus,
        PartitionStatus,
        ScalingStatus,
        SendingStatus,
        SessionStatus,
        WorkerStatus,
    )

_SHOWN_PARTITIONS: Final = 20
# The API gives its time in whole seconds.
_KNOWN_TO_SECONDS: Final = 2.0
# In calls per second; less is not shown.
_WORTH_A_WORD: Final = 0.05
_GAP: Final = "  "

Row = tuple[str, ...]


def page(status: WorkerStatus, members: str | None) -> Iterator[str]:
    """Yield the lines of the page; ``members`` is what Kafka said about the group, if it was asked."""
    yield from _why(status)
    yield ""
    yield from _numbers(status, members)
    if status.partitions:
        yield ""
        yield from _partitions(status)
    if status.sessions:
        yield ""
        yield from _sessions(status.sessions)


def _why(status: WorkerStatus) -> Iterator[str]:
    if status.ready:
        yield f"READY  {oldest(status)}"
    yield from _said("NOT READY", status.reasons)
    yield from _said("WARNING", status.warnings)


def _said(head: str, sentences: Sequence[str]) -> Iterator[str]:
    for number, sentence in enumerate(sentences):
        what, *more = sentence.split("; ")
        yield f"{head if number == 0 else '':9}{_GAP}{what}"
        yield from (f"{'':11}{each}" for each in more)


def oldest(status: WorkerStatus) -> str:
    """Describe the oldest record, where it is and what it waits for."""
    if not status.partitions:
        return "nothing waits"
    worst = status.partitions[0]
    if not worst.unsettled_records:
        return f"nothing is unsettled; the next record waits for {waiting(worst.waits_for)}"
    where = f"{worst.topic}[{worst.partition}]"
    came = f"the oldest record came {ago(worst.oldest_seconds)} ago"
    if worst.oldest_age_seconds is not None:
        came += f" and is {ago(worst.oldest_age_seconds)} old"
    return f"{came}, in {where}, and waits for {waiting(worst.waits_for)}"


def _numbers(status: WorkerStatus, members: str | None) -> Iterator[str]:
    yield f"worker     {status.version}, up {ago(status.up_seconds)}"
    yield f"group      {status.group}{f': {members}' if members else ''}"
    if status.sending is not None:
        yield f"sending    {_sending(status.sending, is_held=bool(status.holds))}"
    if status.memory is not None:
        yield f"memory     {_memory(status.memory)}"
    if status.scaling is not None:
        yield f"wanted     {_wanted(status.scaling)}"
    if status.done is not None:
        yield f"done       {_done(status.done)}"
    yield f"clock      {clock(status.clock_ahead_seconds)}"
    if lost := _lost(status):
        yield f"lost       {lost}"


def _sending(sending: SendingStatus, *, is_held: bool) -> str:
    return (
        f"{sending.share_ratio:.1%} of the quota of {sending.quota_calls_per_second:,.6g} calls/s, "
        f"{pace(sending, is_held=is_held)}; "
        f"{amount(sending.in_flight)} of {amount(sending.max_in_flight)} calls in flight, "
        f"{amount(sending.batches)} batches under way, {amount(sending.retrying)} tried again"
    )


def pace(sending: SendingStatus, *, is_held: bool) -> str:
    """Describe the present limit."""
    rate = f"{sending.rate_calls_per_second:,.1f} calls/s"
    if is_held:
        return "held: no calls but probes"
    if sending.throttled_seconds is not None:
        return f"throttled to {rate} for {ago(sending.throttled_seconds)}"
    if sending.borrowed_calls_per_second >= _WORTH_A_WORD:
        return f"at most {rate}, {sending.borrowed_calls_per_second:,.1f} of them borrowed from other pods"
    return f"at most {rate}"


def _memory(memory: MemoryStatus) -> str:
    has_several = memory.unsettled_elements > memory.unsettled_records
    events = f" ({amount(memory.unsettled_elements)} events)" if has_several else ""
    return (
        f"{amount(memory.unsettled_records)} of {amount(memory.max_unsettled_records)} records{events}, "
        f"{mebibytes(memory.unsettled_bytes)} of {mebibytes(memory.max_unsettled_bytes)} MiB"
        f"{'; receiving is paused' if memory.paused else ''}{_not_mapped(memory)}"
    )


def _wanted(scaling: ScalingStatus) -> str:
    return f"workers of the whole group: {wanted(scaling)}"


def _done(done: DoneStatus) -> str:
    return (
        f"{amount(done.delivered)} delivered, {counted(done.dead_lettered, 'dead letters')}, "
        f"{counted(done.skipped, 'skipped')}, since the start"
    )


def clock(ahead_seconds: float | None) -> str:
    """Describe how right this host's clock is."""
    if ahead_seconds is None:
        return "not known: no answer from the API yet"
    if abs(ahead_seconds) < _KNOWN_TO_SECONDS:
        return "right, to about a second"
    return f"{abs(ahead_seconds):.0f} s {'ahead of' if ahead_seconds > 0 else 'behind'} the API's"


def _lost(status: WorkerStatus) -> str:
    """Describe what retention deleted; empty if nothing."""
    where = [
        f"{each.topic}[{each.partition}] {amount(each.lost_records)}"
        for each in status.partitions
        if each.lost_records
    ]
    if not where and not status.records_lost:
        return ""
    lost = f"{amount(status.records_lost)} records, deleted by Kafka before they were read"
    return f"{lost}; of partitions that are ours: {', '.join(where)}" if where else lost


def _partitions(status: WorkerStatus) -> Iterator[str]:
    offsets = ("COMMITTED", "SETTLED", "RECEIVED", "END", "LAG")
    head = ("PARTITION", *offsets, "UNSETTLED", "OLDEST", "AGE", "WAITS FOR")
    shown = status.partitions[:_SHOWN_PARTITIONS]
    yield from _table(head, [_partition(each) for each in shown])
    if (more := status.partitions_total - len(shown)) > 0:
        yield f"and {amount(more)} more partitions, none of them worse"


def _partition(each: PartitionStatus) -> Row:
    offsets = (each.committed_offset, each.settled_offset, each.received_offset, each.end_offset)
    return (
        f"{each.topic}[{each.partition}]",
        *map(amount, offsets),
        amount(each.lag_records) if each.behind_seconds is None else ago(each.behind_seconds),
        amount(each.unsettled_records),
        ago(each.oldest_seconds) if each.unsettled_records else "-",
        "-" if each.oldest_age_seconds is None else ago(each.oldest_age_seconds),
        waiting(each.waits_for),
    )


def _sessions(sessions: Sequence[SessionStatus]) -> Iterator[str]:
    head = ("SESSION", "OLDEST RECORD", "EVENTS", "OLDEST", "WAITS FOR")
    yield from _table(head, [_session(each) for each in sessions])


def _session(each: SessionStatus) -> Row:
    offset = amount(each.offset) if isinstance(each.offset, str) else each.offset
    where = f"{each.topic}[{each.partition}]@{offset}"
    return each.hash, where, amount(each.events), ago(each.oldest_seconds), waiting(each.waits_for)


def _table(head: Row, rows: Sequence[Row]) -> Iterator[str]:
    """Format a table with columns as wide as needed; the first and last are left-aligned, the rest right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        first, *middle, last = (
            cell.ljust(width) if column in {0, len(head) - 1} else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield _GAP.join((first, *middle, last)).rstrip()


def _not_mapped(memory: MemoryStatus) -> str:
    """Say what of it only waits to be mapped."""
    parts = (
        (memory.parked_records, "wait for a schema"),
        (memory.unmappable_records, "can't be mapped"),
    )
    return "".join(f"; {amount(records)} of them {why}" for records, why in parts if records)
