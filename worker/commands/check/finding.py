"""One line of the ``check`` command."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

Level: TypeAlias = Literal["ok", "warn", "FAIL"]


class Finding(Struct, frozen=True):
    """What was checked, and the result. ``warn`` is worth reading, but the worker would run."""

    level: Level
    what: str
    found: str

    def __str__(self) -> str:
        """Format it as one line."""
        return f"{self.level:<5} {self.what}: {self.found}"


def fine(what: str, found: str) -> Finding:
    """Return a finding for something that works."""
    return Finding("ok", what, found)


def failed(what: str, why: str) -> Finding:
    """Return a finding for something that fails; ``why`` ends with what to do next."""
    return Finding("FAIL", what, why)
