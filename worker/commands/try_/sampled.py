"""The records that ``try`` looks at, wherever they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from worker.core.model.records import FanOut

if TYPE_CHECKING:
    from worker.core.model.records import Mapped, Record


class CannotRead(Exception):  # noqa: N818  it names the state
    """The records can't be read; ``str()`` is one line.

    Args:
        what: the topic, the partition, the file.
        why: the reason, and what to do.
    """

    def __init__(self, what: object, why: str) -> None:
        super().__init__(f"{what}: {why}")


class Sampled(Struct, frozen=True):
    """One record, and where it stands: ``TOPIC[PARTITION]@OFFSET`` or ``FILE:LINE``."""

    at: str
    record: Record
    original: str = ""
    """Of a dead letter: where its record stood first."""
    has_time: bool = True
    """Whether its timestamp is its own, and does not stand in for one."""


def outcomes_of(mapped: Mapped | FanOut) -> tuple[Mapped, ...]:
    """Return what a record became, one outcome for each event that it holds."""
    return mapped.outcomes if isinstance(mapped, FanOut) else (mapped,)
