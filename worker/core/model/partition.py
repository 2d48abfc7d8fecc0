"""A partition of a topic, by name."""

from __future__ import annotations

from typing import NamedTuple


class Partition(NamedTuple):
    """The key of everything that is kept by partition; prints itself as ``topic[number]``.

    A named tuple and not a struct: it is looked up for each record, and the plain tuple of what a message
    says finds it, without one of these being made.
    """

    topic: str
    number: int

    def __str__(self) -> str:
        """Name it as it is named in logs, in complaints and on the status page."""
        return f"{self.topic}[{self.number}]"
