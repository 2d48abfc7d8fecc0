"""What the worker can't start without, and a person has to make or correct."""

from __future__ import annotations


class MissingPlace(Exception):  # noqa: N818  it names the state; the operator has to act
    """A topic, stream or table is not there, or is another thing; ``str()`` says which.

    Args:
        why: what is said first; a second line is for terminals only.
        command: what puts it right; empty if no single command does.
    """

    def __init__(self, why: str, command: str = "") -> None:
        super().__init__(why)
        self.command = command
