"""Follows a path from a member of the document to a nested value, also into text that is JSON.

Outbox tables, queues and archives put the event into a member as JSON text, once or twice. Text is decoded
only if a path leads into it; at the end of a path, text stays text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from worker.formats.json.text import open_text
from worker.formats.protocol import LazyValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.core.mapping.paths import Step

    Opened: TypeAlias = dict[str, object]
    """The JSON texts of one record, with the value that each holds."""


# A union of types in the call would be a new object each time.
_NOT_DECODED: Final = (str, LazyValue)


def walk(value: object, steps: Sequence[Step], opened: Opened) -> object:
    """The value at the end of the steps; None if there is none.

    Raises:
        FormatError: something on the way cannot be decoded.
        RecursionError: what stands at the end is nested too deeply.
    """
    for name, index in steps:
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and index is not None and index < len(value):
            value = value[index]
        elif isinstance(value, _NOT_DECODED):
            value = _step_into(value, name, index, opened)
        else:
            return None
    return value.read() if isinstance(value, LazyValue) else value


def _step_into(value: str | LazyValue, name: str, index: int | None, opened: Opened) -> object:
    """Take one step into JSON text, or into a value that is not decoded yet."""
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
