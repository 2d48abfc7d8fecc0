"""The rules of PutEvents: what the API refuses, according to its service model and its documentation.

The model is botocore's own, compiled once into checks: whatever it says about a member is enforced, and
nothing of it is repeated here. Rules that only the documentation has are in ``EVENT_RULES``.

The checks are stricter than AWS in two points, so that a bug of the worker shows: a member unknown to the
model is refused, and so is a time after the year 9999, which is milliseconds in place of seconds. Messages
name path and rule, never a value.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, cast

import botocore.session
import msgspec
from botocore.model import ListShape, StructureShape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sized

    from botocore.model import Shape

Check: TypeAlias = "Callable[[object, str], Iterator[str]]"
Event: TypeAlias = dict[str, Any]

# The worker has such a table too. This one is not derived from it, because a judge must not share its
# mistakes. Developer guide, "Item interaction event requirements": "up to 10 KB".
MAX_EVENT_BYTES = 10 * 1024
# Service model, documentation of Event.properties.
RESERVED_KEYS = frozenset({"userid", "sessionid", "eventtype", "timestamp", "recommendationid", "impression"})
FLOAT_MAX = 3.4028234663852886e38
LAST_SECOND = 253_402_300_799
"""The end of the year 9999, in epoch seconds."""


def violation(call: object) -> str | None:
    """Return the first rule that the body of a PutEvents call breaks, or None."""
    found = next(_put_events_check()(call, ""), None)
    return f"1 validation error detected: {found}" if found else None


@cache
def _put_events_check() -> Check:
    """Return the whole check of a call's body, compiled from the model."""
    model = botocore.session.Session().get_service_model("personalize-events")
    of_the_model = _compile(cast("Shape", model.operation_model("PutEvents").input_shape))

    def check(call: object, path: str) -> Iterator[str]:
        yield from of_the_model(call, path)
        # Only a call that satisfies the model gets here, because the caller stops at the first violation.
        for place, event in enumerate(cast("dict[str, list[Event]]", call)["eventList"], start=1):
            for rule in EVENT_RULES:
                yield from rule(event, f"eventList.{place}.member")

    return check


def _compile(shape: Shape) -> Check:
    """Return the check for a shape of the model."""
    if isinstance(shape, StructureShape):
        return _structure(shape)
    if isinstance(shape, ListShape):
        return _list(shape)
    return _SCALARS[shape.type_name](shape)


def _structure(shape: StructureShape) -> Check:
    members = {name: _compile(member) for name, member in shape.members.items()}
    required = tuple(shape.required_members)

    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield _failed(path, "Member must be an object")
            return
        for name in required:
            if value.get(name) is None:
                yield _failed(_join(path, name), "Member must not be null")
        for name, member in value.items():
            if name not in members:
                yield _failed(path, "Member is not known to the service model")
            elif member is not None:
                yield from members[name](member, _join(path, name))

    return check


def _list(shape: ListShape) -> Check:
    member_check = _compile(shape.member)
    length = _length(shape)

    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield _failed(path, "Member must be a list")
            return
        yield from length(value, path)
        for place, member in enumerate(value, start=1):
            if member is None:
                yield _failed(f"{path}.{place}.member", "Member must not be null")
            else:
                yield from member_check(member, f"{path}.{place}.member")

    return check


def _string(shape: Shape) -> Check:
    length = _length(shape)
    pattern = shape.metadata.get("pattern")
    matches = re.compile(pattern).fullmatch if pattern else None

    def check(value: object, path: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield _failed(path, "Member must be a string")
            return
        yield from length(value, path)
        if matches and not matches(value):
            yield _failed(path, f"Member must satisfy regular expression pattern: {pattern}")

    return check


def _length(shape: Shape) -> Callable[[Sized, str], Iterator[str]]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", float("inf"))

    def check(value: Sized, path: str) -> Iterator[str]:
        if len(value) > most:
            yield _failed(path, f"Member must have length less than or equal to {most}")
        if len(value) < least:
            yield _failed(path, f"Member must have length greater than or equal to {least}")

    return check


def _float(_shape: Shape) -> Check:
    def check(value: object, path: str) -> Iterator[str]:
        if not _is_number(value) or abs(value) > FLOAT_MAX:
            yield _failed(path, "Member must be a number that a float of 32 bits holds")

    return check


def _timestamp(_shape: Shape) -> Check:
    def check(value: object, path: str) -> Iterator[str]:
        if not _is_number(value):
            yield _failed(path, "Member must be epoch seconds")
        elif not 0 <= value <= LAST_SECOND:
            yield _failed(path, "Member must be epoch seconds, between the years 1970 and 9999")

    return check


_SCALARS: dict[str, Callable[[Shape], Check]] = {
    "string": _string,
    "float": _float,
    "timestamp": _timestamp,
}


def _event_size(event: Event, path: str) -> Iterator[str]:
    if len(msgspec.json.encode(event)) > MAX_EVENT_BYTES:
        yield _failed(path, f"Event must be at most {MAX_EVENT_BYTES} bytes")


def _properties(event: Event, path: str) -> Iterator[str]:
    text = event.get("properties")
    if text is None:
        return
    path = _join(path, "properties")
    try:
        properties = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        yield _failed(path, "Member must be JSON")
        return
    if not isinstance(properties, dict):
        yield _failed(path, "Member must be the JSON of an object")
    elif any(key.lower() in RESERVED_KEYS for key in properties):
        yield _failed(path, "Member must not hold a reserved keyword")


EVENT_RULES: tuple[Callable[[Event, str], Iterator[str]], ...] = (_event_size, _properties)


def _is_number(value: object) -> TypeGuard[float]:
    # True and False are ints to Python.
    return isinstance(value, int | float) and not isinstance(value, bool)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _failed(path: str, constraint: str) -> str:
    return f"Value at '{path}' failed to satisfy constraint: {constraint}"
