"""Follows the steps of a path from a member of the document, also into text that is JSON.

Outbox tables, queues and archives put the event as JSON text into a member, once or twice. Text is opened
only where a path continues into it; where the path ends, text stays text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from worker.formats.json.text import open_text
from worker.formats.protocol import LazyValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.core.mapping.paths import Step

    Opened: TypeAlias = dict[str, object]
    """The decoded JSON texts of one record, by their text."""


def walk(value: object, steps: Sequence[Step], opened: Opened) -> object:
    """Return what is at the end of the steps; None if nothing is.

    Raises:
        FormatError: something on the way cannot be decoded.
        RecursionError: what is at the end is nested too deeply.
    """
    for name, index in steps:
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and index is not None and index < len(value):
            value = value[index]
        elif isinstance(value, str | LazyValue):
            value = _step_into(value, name, index, opened)
        else:
            return None
    return value.read() if isinstance(value, LazyValue) else value


def _step_into(value: str | LazyValue, name: str, index: int | None, opened: Opened) -> object:
    """Take one step into something not decoded yet: JSON text, or a value that a strict decoder refused."""
    within: object = value
    if isinstance(value, LazyValue):
        within = value.parts()
        if within is None:
            within = value.read()
    if isinstance(within, str):
        if within not in opened:
            opened[within] = open_text(within)
        within = opened[within]
    if isinstance(within, LazyValue):
        within = within.parts()
    if isinstance(within, dict):
        return within.get(name)
    if isinstance(within, list) and index is not None and index < len(within):
        return within[index]
    return None
