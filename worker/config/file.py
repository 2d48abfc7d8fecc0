"""Reads the YAML file: its values, and the line of each key; a duplicate key is a mistake.

Whatever the file contains, an error in it becomes a mistake with its line, never an exception of another
kind.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

import yaml

from worker.config.mistakes import ConfigError, Mistake
from worker.config.names import TOP, did_you_mean, known_keys, nearest, nearest_key, sections
from worker.config.reading import Unreadable, read_text
from worker.config.scalars import TooMuch, construct
from worker.config.validation import kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from worker.config.raw_settings import RawSettings

Key: TypeAlias = tuple[str, int, int | None]
"""The dotted name, the line, and the line where the same key occurred before."""


def read_file(path: Path, given: RawSettings) -> None:
    """Store the values of the file, and note its mistakes.

    Raises:
        ConfigError: there is no such file, or it is not valid YAML.
    """
    tree, keys = _parse(path)
    for name, line, first_line in keys:
        if first_line is not None:
            given.mistake(name, f"occurs twice, on lines {first_line} and {line}", f"{path}:{line}")
        given.note_place(name, f"{path}:{line}")
    if not isinstance(tree, dict):
        raise ConfigError([Mistake(str(path), f"is {kind(tree)}, must be a mapping of sections")])
    for section, written in tree.items():
        _put_section(given, section, written)


def read_yaml(path: Path) -> object:
    """Return what a YAML file holds, whatever that is.

    Raises:
        ConfigError: there is no such file, it is not valid YAML, or a key occurs twice.
    """
    tree, keys = _parse(path)
    twice = [
        Mistake(name, f"occurs twice, on lines {first_line} and {line}", f"{path}:{line}")
        for name, line, first_line in keys
        if first_line is not None
    ]
    if twice:
        raise ConfigError(twice)
    return tree


def _put_section(given: RawSettings, section: object, keys: object) -> None:
    if section in sections()[TOP]:
        given.put(TOP, str(section), keys)
    elif not isinstance(section, str) or section not in sections() or section == TOP:
        name = str(section)
        given.mistake(name, "unknown section" + did_you_mean(_nearest_section(name)))
    elif isinstance(keys, dict):
        for key, value in keys.items():
            given.put(section, str(key), value)
    elif keys is not None:
        given.mistake(section, f"is {kind(keys)}, must be a mapping")


def _nearest_section(name: str) -> str | None:
    # A key without its section is spelt right: tracking_id is not tracing.
    whole = next((key for key in known_keys() if key.rpartition(".")[2] == name), None)
    return whole or nearest(name, (*sections(), *sections()[TOP])) or nearest_key(name)


def _parse(path: Path) -> tuple[object, list[Key]]:
    """Parse the file's single document and the positions of its keys; an empty file is an empty mapping."""
    try:
        text = read_text(path)
    except Unreadable as error:
        at = f"{path}:{error.line}" if error.line else ""
        raise ConfigError([Mistake(str(path), str(error), at)]) from None
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return {}, []
        # Keys first, because constructing writes merged keys into the nodes.
        keys = list(_keys(root, "", set()))
        return construct(loader, root), keys
    except Exception as error:  # noqa: BLE001  PyYAML passes on whatever a tag's reader raises, as for !!int ""
        reason, line = _why_no_yaml(error, text)
        at = f"{path}:{line}" if line else ""
        raise ConfigError([Mistake(str(path), f"is not valid YAML: {reason}", at)]) from None


def _why_no_yaml(error: Exception, text: str) -> tuple[str, str]:
    """Return what is wrong and the line, as far as they are known."""
    match error:
        case yaml.MarkedYAMLError():
            mark = error.problem_mark or error.context_mark
            at = f"{mark.line + 1}:{mark.column + 1}" if mark else ""
            return _without_text(error.problem or ""), at
        case yaml.reader.ReaderError(position=int(position)):
            return "a control character", str(text.count("\n", 0, position) + 1)
        case TooMuch():
            return "its aliases make it too large", ""
        case _:
            # An invalid date (2024-13-01) or number (0x), or nested too deep: the exception's text would
            # quote it.
            return type(error).__name__, ""


def _without_text(problem: str) -> str:
    """Strip quotations from YAML's error, because it takes a password like *a or !a for an alias or a tag."""
    if "'\\t'" in problem:
        return "a tab, where YAML takes only spaces"
    return re.sub(r"""(['"])(?!<|\\?.\1).*""", "...", problem)


def _keys(node: yaml.Node, prefix: str, seen: set[int]) -> Iterator[Key]:
    """Yield each key below a node."""
    # An alias leads to a node that has been visited already.
    if not isinstance(node, yaml.MappingNode) or id(node) in seen:
        return
    seen.add(id(node))
    lines: dict[str, int] = {}
    for key, value in node.value:
        # Merged keys (<<) may occur again, because that is what merging is for.
        if isinstance(key, yaml.ScalarNode) and key.value != "<<":
            line = key.start_mark.line + 1
            yield f"{prefix}{key.value}", line, lines.get(key.value)
            lines.setdefault(key.value, line)
            yield from _keys(value, f"{prefix}{key.value}.", seen)
