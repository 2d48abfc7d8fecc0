"""A session whose call failed in a way that may pass: what is known of it until a call comes to an end."""

from __future__ import annotations


class RetryState:
    """Written by those who try, read by those who ask."""

    __slots__ = ("calls", "code", "since")

    def __init__(self, code: str, since: float) -> None:
        """The first call has failed with ``code``, at ``since`` of the loop's clock."""
        self.calls = 1
        self.code = code
        """Of the last failure."""
        self.since = since
