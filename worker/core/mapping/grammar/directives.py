"""Parses ``unwrap`` and ``each``: which object is the document, and over what a record fans out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from worker.core.mapping.grammar.nodes import Every, Level, OfRecord, Path
from worker.core.mapping.grammar.paths import EACH, RESERVED_NAMES, Scope, parse_path

if TYPE_CHECKING:
    from worker.core.mapping.grammar.notes import Notes

_LEVEL_NAME: Final = re.compile("[a-z][a-z0-9_]{0,39}")


def parse_unwrap(given: object, notes: Notes) -> tuple[Path, ...]:
    """Parse ``unwrap``: a path or a list of them."""
    if given is None:
        return ()
    paths = [given] if isinstance(given, str) else given
    if not isinstance(paths, list | tuple) or not paths:
        notes.note("unwrap", "must be a path or a list of paths")
        return ()
    return tuple(path for each in paths if (path := _path(each, Scope(), "unwrap", notes)))


def parse_levels(given: object, notes: Notes, *, unwraps: bool) -> tuple[Level, ...]:
    """Parse ``each``: a path, or the levels by name, the outermost first."""
    if given is None:
        return ()
    named = given if isinstance(given, Mapping) else {EACH: given}
    if not named:
        notes.note("each", "must be a path, or the levels by name: {order: orders, line: $order.lines}")
    levels: list[Level] = []
    for name, text in named.items():
        key = f"each.{name}" if named is given else "each"
        if named is given:
            _check_name(name, key, notes)
        scope = Scope(tuple(level.name for level in levels), unwraps)
        path = _path(text, scope, key, notes)
        if path:
            _check_path(path, scope, key, notes)
        # With a mistake in its path, a level still is one: what names it is no mistake too.
        levels.append(Level(str(name), path or Path("", OfRecord("key"))))
    return tuple(levels)


def _path(text: object, scope: Scope, key: str, notes: Notes) -> Path | None:
    try:
        return parse_path(text, scope)
    except ValueError as error:
        notes.note(key, str(error))
        return None


def _check_name(name: object, key: str, notes: Notes) -> None:
    if name in RESERVED_NAMES and name != EACH:
        notes.note(key, f"`${name}` means something else; give the level another name")
    elif not isinstance(name, str) or not _LEVEL_NAME.fullmatch(name):
        notes.note(key, "a level's name consists of small letters, digits and underscores")


def _check_path(path: Path, scope: Scope, key: str, notes: Notes) -> None:
    if any(isinstance(step, Every) for step in path.steps):
        notes.note(
            key,
            "leads to several arrays by `[*]`; name a level for each: {order: orders, line: $order.lines}",
        )
    if path.level != len(scope.levels) - 1:
        notes.note(key, f"an inner level begins at the element of the level before: `${scope.levels[-1]}`")
