"""Follows the steps of a path, also into text that is JSON and into values that are not decoded yet.

Outbox tables, queues and archives put the event into a member as JSON text, once or twice. Text is decoded
only if a path leads into it; at the end of a path, text stays text.

``compile_walk`` makes a function for the steps of one path. Where objects stand in objects, which is nearly
everywhere, it only looks members up; ``_step`` does the rest.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from worker.core.mapping.grammar.nodes import Every, Match, Name
from worker.core.mapping.scalars import scalar_text
from worker.formats.json.text import open_text
from worker.formats.protocol import LazyValue

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    from worker.core.mapping.grammar.nodes import Step

    Opened: TypeAlias = dict[str, object]
    """The JSON texts of one record, with the value that each holds."""
    Walk: TypeAlias = Callable[[object, Opened], object]
    """From where the steps begin to what is at their end; None if there is nothing.

    It raises FormatError for something on the way that cannot be decoded, and RecursionError for what is
    nested too deeply.
    """

# A union of types in the call would be a new object each time.
_NOT_DECODED: Final = (str, LazyValue)
# What else than text may have this text; `[key=5]` is also true of the number.
_IS_OTHER_SCALAR: Final = re.compile("true|false|[-+.0-9eE]+")
_Names: TypeAlias = "Sequence[tuple[str, int | None]]"


def compile_walk(
    steps: Sequence[Step], nothing: Container[str], *, listed: bool = False, whole: bool = True
) -> Walk:
    """Compile the walk along the steps.

    Args:
        steps: the steps.
        nothing: the texts that count as absent, which matters where ``[*]`` leads to several values.
        listed: whether several values become a list, of those that are present, or the first of them.
        whole: whether what is at the end is decoded, or may be lazy.
    """
    names = _leading_names(steps)
    if len(names) == len(steps):
        return _compile_names(names, whole=whole)
    before = _compile_names(names, whole=False) if names else _stay
    step, after = (
        steps[len(names)],
        compile_walk(steps[len(names) + 1 :], nothing, listed=listed, whole=whole),
    )
    if isinstance(step, Match):
        return _compile_match(before, step, after)
    if listed:
        return _compile_all(
            before, after, nothing, flat=any(isinstance(each, Every) for each in steps[len(names) + 1 :])
        )
    return _compile_first(before, after, nothing)


def elements_of(value: object, opened: Opened) -> Iterable[object]:
    """The elements of an array, or the values of an object."""
    value = opened_value(value, opened)
    if type(value) is list:
        return value
    return value.values() if type(value) is dict else ()


def opened_value(value: object, opened: Opened) -> object:
    """The object or array that the value is or holds: JSON text is opened, a lazy value taken apart."""
    if isinstance(value, LazyValue):
        parts = value.parts()
        value = value.read() if parts is None else parts
    if isinstance(value, str):
        if value not in opened:
            opened[value] = open_text(value)
        value = opened[value]
        if isinstance(value, LazyValue):
            value = value.parts()
    return value


def read(value: object) -> object:
    """Decode a value that is not decoded yet."""
    return value.read() if isinstance(value, LazyValue) else value


def _leading_names(steps: Sequence[Step]) -> list[tuple[str, int | None]]:
    names = []
    for step in steps:
        if not isinstance(step, Name):
            break
        names.append((step.name, step.index))
    return names


def _stay(value: object, _: Opened) -> object:
    return value


def _compile_names(names: _Names, *, whole: bool) -> Walk:
    """Compile the walk along names; ``whole`` says whether what is at its end is decoded."""
    walk_on = _walk_and_read if whole else _walk

    match names:
        case []:
            return (lambda value, _: read(value)) if whole else _stay
        case [(only, _)]:
            return lambda value, opened: (
                value.get(only) if type(value) is dict else walk_on(value, names, opened)
            )
        case [(_, int(index)), (name, _)]:
            return _compile_name_of_element(index, name, names, walk_on)
        case [(first, _), (second, _)]:
            return _compile_two_names(first, second, names, walk_on)
        case _:
            return _compile_many_names(names, walk_on)


def _compile_many_names(names: _Names, walk_on: Callable[[object, _Names, Opened], object]) -> Walk:
    def walk(value: object, opened: Opened) -> object:
        for place, (name, _) in enumerate(names):
            if type(value) is not dict:
                return walk_on(value, names[place:], opened)
            value = value.get(name)
        return value

    return walk


def _compile_two_names(
    first: str, second: str, names: _Names, walk_on: Callable[[object, _Names, Opened], object]
) -> Walk:
    rest = names[1:]

    def walk(value: object, opened: Opened) -> object:
        if type(value) is not dict:
            return walk_on(value, names, opened)
        value = value.get(first)
        return value.get(second) if type(value) is dict else walk_on(value, rest, opened)

    return walk


def _compile_name_of_element(
    index: int, name: str, names: _Names, walk_on: Callable[[object, _Names, Opened], object]
) -> Walk:
    rest = names[1:]

    def walk(value: object, opened: Opened) -> object:
        if type(value) is not list:
            return walk_on(value, names, opened)
        value = value[index] if index < len(value) else None
        return value.get(name) if type(value) is dict else walk_on(value, rest, opened)

    return walk


def _compile_match(before: Walk, match: Match, after: Walk) -> Walk:
    key, text = match.key, match.text
    key_of = _compile_names([(key, None)], whole=True)
    stays, only_text = before is _stay, not _IS_OTHER_SCALAR.fullmatch(text)

    def walk(value: object, opened: Opened) -> object:
        value = value if stays else before(value, opened)
        for each in value if type(value) is list else elements_of(value, opened):
            if type(each) is dict:
                found = each.get(key)
                if found == text:
                    return after(each, opened)
                if only_text:
                    continue
            else:
                found = key_of(each, opened)
            if scalar_text(found) == text:
                return after(each, opened)
        return None

    return _compile_match_of_objects(key, text, after, walk) if stays and only_text else walk


def _compile_match_of_objects(key: str, text: str, after: Walk, walk_unusual: Walk) -> Walk:
    """Compile the same at half the cost, where all are objects with this key, as they nearly always are."""

    def walk(value: object, opened: Opened) -> object:
        if type(value) is not list:
            return walk_unusual(value, opened)
        try:
            for each in value:
                if each[key] == text:
                    break
            else:
                return None
        except (KeyError, TypeError):
            return walk_unusual(value, opened)
        return after(each, opened)

    return walk


def _compile_first(before: Walk, after: Walk, nothing: Container[str]) -> Walk:
    def walk(value: object, opened: Opened) -> object:
        for each in elements_of(before(value, opened), opened):
            found = after(each, opened)
            if found is not None and not (type(found) is str and found in nothing):
                return found
        return None

    return walk


def _compile_all(before: Walk, after: Walk, nothing: Container[str], *, flat: bool) -> Walk:
    """Compile the walk to the list of all that is present; ``flat`` if ``after`` gives lists itself."""

    def walk(value: object, opened: Opened) -> object:
        found: list[object] = []
        for each in elements_of(before(value, opened), opened):
            value = after(each, opened)
            if flat and type(value) is list:
                found += value
            elif value is not None and not (type(value) is str and value in nothing):
                found.append(value)
        return found or None

    return walk


def _walk(value: object, names: _Names, opened: Opened) -> object:
    for name, index in names:
        if value is None:
            return None
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list):
            value = value[index] if index is not None and index < len(value) else None
        elif isinstance(value, _NOT_DECODED):
            value = _step_into(opened_value(value, opened), name, index)
        else:
            return None
    return value


def _walk_and_read(value: object, names: _Names, opened: Opened) -> object:
    value = _walk(value, names, opened)
    return value.read() if isinstance(value, LazyValue) else value


def _step_into(within: object, name: str, index: int | None) -> object:
    """Take one step into what was opened."""
    if isinstance(within, dict):
        return within.get(name)
    if isinstance(within, list) and index is not None and index < len(within):
        return within[index]
    return None
