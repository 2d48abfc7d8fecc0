"""Colours for a terminal; plain text elsewhere, and where NO_COLOR is set (https://no-color.org)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

Role: TypeAlias = Literal["place", "name", "text", "number", "dim", "good", "bad", "warn"]
Paint: TypeAlias = "Callable[[Role, str], str]"

_CODES: Final[Mapping[Role, str]] = {
    "place": "1",
    "name": "36",
    "text": "32",
    "number": "33",
    "dim": "2",
    "good": "1;32",
    "bad": "1;31",
    "warn": "1;33",
}


def plain(_role: Role, text: str) -> str:
    """Return the text as it is."""
    return text


def coloured(role: Role, text: str) -> str:
    """Return the text in the colour of its role."""
    return f"\x1b[{_CODES[role]}m{text}\x1b[0m"


def paint_for(out: TextIO, environ: Mapping[str, str]) -> Paint:
    """Choose by where the text goes."""
    wanted = out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return coloured if wanted else plain
