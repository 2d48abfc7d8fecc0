"""Checks that a level is given to what logs: a name that fits nothing would change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.config.names import did_you_mean, nearest
from worker.telemetry.log_modules import level_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def log_level_mistakes(
    levels: Mapping[str, str] | None = None,
    **_: object,
) -> Iterator[tuple[str, str]]:
    """Yield the names that no module has."""
    known = level_names()
    for name in levels or {}:
        if name not in known:
            # "kafka" alone, too, is near to nothing but what ends with it.
            meant = next((each for each in sorted(known, key=len) if each.endswith(f".{name}")), None)
            yield f"log.levels.{name}", "is no module that logs" + did_you_mean(meant or nearest(name, known))
