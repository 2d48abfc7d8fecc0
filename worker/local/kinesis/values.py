"""DynamoDB's attribute values: what is one, how numbers are kept, and when two are equal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

from worker.local.kinesis.failures import validation

Value: TypeAlias = Mapping[str, Any]
"""A value as it is in JSON: an object with one member, which is named after its type."""
Item: TypeAlias = dict[str, Value]

MAX_DIGITS: Final = 38
MAX_ITEM_BYTES: Final = 400 * 1024
MAX_DEPTH: Final = 32
_LARGEST_EXPONENT: Final = 125
_SMALLEST_EXPONENT: Final = -130
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_MAX_NUMBER_LENGTH: Final = 1000
_SETS: Final = {"SS": "S", "NS": "N"}


def checked_item(raw: object) -> Item:
    """Return an item with its numbers as they are kept; raise ``AwsError`` if it is none."""
    if not isinstance(raw, dict):
        raise validation("An item is an object.")
    item = {name: checked_value(value) for name, value in raw.items()}
    if "" in item:
        raise validation("One or more parameter values were invalid: an attribute's name is empty")
    if item_bytes(item) > MAX_ITEM_BYTES:
        raise validation("Item size has exceeded the maximum allowed size")
    return item


def checked_value(raw: object, depth: int = 0) -> Value:
    """Return a value with its numbers as they are kept; raise ``AwsError`` if it is none."""
    if not isinstance(raw, dict) or not raw:
        raise validation(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
        )
    if len(raw) > 1:
        raise validation(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
            "supported datatypes"
        )
    if depth > MAX_DEPTH:
        raise validation("Nesting Levels have exceeded supported limits")
    ((kind, content),) = raw.items()
    return {kind: _content(kind, content, depth)}


def _content(kind: str, content: Any, depth: int) -> Any:  # noqa: ANN401  JSON
    match kind, content:
        case ("S", str()) | ("BOOL", bool()) | ("NULL", True):
            return content
        case "N", str():
            return number(content)
        case (("SS" | "NS"), list()):
            return _set(kind, content)
        case "L", list():
            return [checked_value(each, depth + 1) for each in content]
        case "M", dict():
            return {name: checked_value(each, depth + 1) for name, each in content.items()}
        case _:
            # Binary values too: no lease has one.
            raise validation(f"Unsupported value of type {kind[:8]!r}")


def _set(kind: str, content: list[Any]) -> list[Any]:
    elements = [_content(_SETS[kind], each, 0) for each in content]
    if not elements:
        raise validation("One or more parameter values were invalid: An string set  may not be empty")
    if len(set(elements)) < len(elements):
        raise validation("One or more parameter values were invalid: Input collection contains duplicates.")
    return elements


def number(text: str) -> str:
    """Return a number as it is kept: without an exponent and zeros that say nothing."""
    if len(text) > _MAX_NUMBER_LENGTH or _NUMBER.fullmatch(text) is None:
        raise validation(f"The parameter cannot be converted to a numeric value: {text[:50]}")
    sign, digits, exponent = Decimal(text).as_tuple()
    if not isinstance(exponent, int):
        raise validation(f"The parameter cannot be converted to a numeric value: {text[:50]}")
    significant = "".join(map(str, digits)).lstrip("0")
    exponent += len(significant) - len(significant.rstrip("0"))
    significant = significant.rstrip("0")
    if not significant:
        return "0"
    if len(significant) > MAX_DIGITS:
        raise validation(f"Attempting to store more than {MAX_DIGITS} significant digits in a Number")
    if len(significant) - 1 + exponent > _LARGEST_EXPONENT:
        raise validation(
            "Number overflow. Attempting to store a number with magnitude larger than supported range"
        )
    if len(significant) - 1 + exponent < _SMALLEST_EXPONENT:
        raise validation(
            "Number underflow. Attempting to store a number with magnitude smaller than supported range"
        )
    return format(Decimal((sign, tuple(map(int, significant)), exponent)), "f")


def are_equal(one: Value, other: Value) -> bool:
    """Whether two values are the same to DynamoDB: of the same type, and sets whatever their order."""
    return _comparable(one) == _comparable(other)


def _comparable(value: Value) -> object:
    ((kind, content),) = value.items()
    if kind in _SETS:
        return kind, frozenset(content)
    if kind == "L":
        return kind, [_comparable(each) for each in content]
    if kind == "M":
        return kind, {name: _comparable(each) for name, each in content.items()}
    return kind, content


def item_bytes(item: Mapping[str, Value]) -> int:
    """Return about how large an item is: names and contents."""
    return sum(len(name.encode(errors="replace")) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Value) -> int:
    ((kind, content),) = value.items()
    match content:
        case str():
            return len(content.encode(errors="replace"))
        case list() if kind in _SETS:
            return sum(len(each.encode(errors="replace")) for each in content)
        case list():
            return 3 + sum(1 + _value_bytes(each) for each in content)
        case dict():
            return 3 + item_bytes(content)
        case _:
            return 1
