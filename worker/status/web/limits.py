"""What bounds the worker, and how much of it is used: quota, calls in flight, memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.status.page import pace
from worker.status.web.markup import Markup, element
from worker.status.words import amount, mebibytes

if TYPE_CHECKING:
    from worker.core.model.worker_status import MemoryStatus, SendingStatus, WorkerStatus


def limits(status: WorkerStatus) -> Markup:
    """Return the section."""
    rows: list[Markup] = []
    if status.sending is not None:
        rows += _sending(status.sending, is_held=bool(status.holds))
    if status.memory is not None:
        rows += _memory(status.memory)
    return element(
        "section.limits",
        element("h2", "Limits", id="limits-h"),
        element("dl.bars", *rows) if rows else element("p.none", "Known once it has started."),
        aria_labelledby="limits-h",
    )


def _sending(sending: SendingStatus, *, is_held: bool) -> list[Markup]:
    share = f"{sending.share_ratio:.1%} of {sending.quota_calls_per_second:,.6g} calls/s"
    retried = f", {amount(sending.retrying)} tried again" if sending.retrying else ""
    return [
        _bar("Share of the quota", share, sending.share_ratio, pace(sending, is_held=is_held)),
        _bar(
            "Calls in flight",
            f"{amount(sending.in_flight)} of {amount(sending.max_in_flight)}",
            sending.in_flight / max(sending.max_in_flight, 1),
            f"{amount(sending.batches)} batches under way{retried}",
        ),
    ]


def _memory(memory: MemoryStatus) -> list[Markup]:
    return [
        _bar(
            "Records in memory",
            f"{amount(memory.unsettled_records)} of {amount(memory.max_unsettled_records)}",
            memory.unsettled_records / max(memory.max_unsettled_records, 1),
            "receiving is paused until there is room" if memory.paused else "received and not settled yet",
        ),
        _bar(
            "Their size",
            f"{mebibytes(memory.unsettled_bytes)} of {mebibytes(memory.max_unsettled_bytes)} MiB",
            memory.unsettled_bytes / max(memory.max_unsettled_bytes, 1),
            _kept(memory),
        ),
    ]


def _kept(memory: MemoryStatus) -> str | None:
    parts = ((memory.parked_records, "wait for a schema"), (memory.unmappable_records, "can't be mapped"))
    said = [f"{amount(records)} {why}" for records, why in parts if records]
    return ", ".join(said) or None


def _bar(name: str, value: str, part: float, more: str | None) -> Markup:
    width = f"{100 * min(max(part, 0.0), 1.0):.1f}"
    # Said in words beside it.
    drawn = element(
        "svg.bar",
        element("rect.room", width="100", height="6"),
        element("rect.used", width=width, height="6"),
        viewBox="0 0 100 6",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
    return element(
        "div",
        element("dt", name),
        element("dd.value", value),
        element("dd.drawn", drawn),
        element("dd.more", more) if more else None,
    )
