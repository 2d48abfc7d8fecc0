"""A partition of a topic, by name."""

from __future__ import annotations

from typing import NamedTuple


class Partition(NamedTuple):
    """The key of everything that is kept by partition; prints itself as ``topic[number]``.

    It is a named tuple and not a struct, because it is looked up for each record: a plain tuple from a
    message finds it, without creating an instance.
    """

    topic: str
    number: int

    def __str__(self) -> str:
        """Format it as in logs, complaints and on the status page."""
        return f"{self.topic}[{self.number}]"
