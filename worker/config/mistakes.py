"""What is wrong with a configuration, in words for the one who wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable


class Mistake(Struct, frozen=True):
    """One thing to mend. Holds no text that was given as a value: it may be a secret."""

    key: str
    """Dotted, as in ``kafka.topics``; the file, where all of it is meant."""
    reason: str
    where: str = ""
    """``file:line`` or the environment variable; empty where nothing was given."""

    def __str__(self) -> str:
        """Say it in one line that can be printed, whatever bytes a file's name is made of."""
        line = f"{self.key}: {self.reason}" + (f" ({self.where})" if self.where else "")
        return line.encode("utf-8", "backslashreplace").decode()


class ConfigError(Exception):
    """The configuration can't be used; the operator mends it."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        """Carry every mistake that was found."""
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))
