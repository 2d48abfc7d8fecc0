"""How well a worker is, in a word that the page shows in a colour."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

Level: TypeAlias = Literal["well", "rest", "care", "bad"]
"""``well``: it delivers. ``rest``: it starts or ends. ``care``: it delivers, and somebody should know
something. ``bad``: it does not deliver."""
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
