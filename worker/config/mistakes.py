"""What is wrong with a configuration, worded for its author."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable


class Mistake(Struct, frozen=True):
    """One thing to fix. It contains no given value, because that may be a secret."""

    key: str
    """The dotted key, as in ``kafka.topics``; the file's name if the whole file is meant."""
    reason: str
    where: str = ""
    """``file:line`` or the environment variable; empty where nothing was given."""

    def __str__(self) -> str:
        """Format it as one line that can be printed, whatever bytes a file's name contains."""
        line = f"{self.key}: {self.reason}" + (f" ({self.where})" if self.where else "")
        return line.encode("utf-8", "backslashreplace").decode()


class ConfigError(Exception):
    """The configuration can't be used; the operator must fix it.

    Args:
        mistakes: every mistake that was found.
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))
