"""From a JSON value to what the API takes, or the reason why not: one cast a field.

Ids may be text or integers, which keep every digit. A boolean is no id, and neither is a number with a
fraction or an exponent: it may have lost digits on its way, and ``7`` and ``7.0`` would be two users. Null
and empty text are absent, and so are an empty impression and properties without a key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from worker.core import personalize_limits as limits
from worker.core.mapping import faults
from worker.core.mapping.event import MetricAttribution

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.mapping.faults import Field

    Text: TypeAlias = Callable[[object], str]
    OptionalText: TypeAlias = Callable[[object], str | None]

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,64}(\.[0-9]{0,64})?([eE][+-]?[0-9]{1,4})?")
_RESERVED_PROPERTIES: Final = frozenset(limits.RESERVED_PROPERTIES)
_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def optional_id(field: Field, max_characters: int = limits.ID_CHARACTERS) -> OptionalText:
    """The cast of an id that may be absent."""

    def cast(value: object) -> str | None:
        if type(value) is str and 0 < len(value) <= max_characters:
            return value
        return _unusual_id(field, value, max_characters)

    return cast


def required_id(field: Field, reserved: frozenset[str] = frozenset()) -> Text:
    """The cast of an id that must be there, and must be none of ``reserved``."""

    def cast(value: object) -> str:
        if type(value) is str and 0 < len(value) <= limits.ID_CHARACTERS:
            text = value
        else:
            text = _unusual_id(field, value, limits.ID_CHARACTERS) or ""
            if not text:
                raise field.missing()
        if text in reserved:
            names = " or ".join(f'"{name}"' for name in sorted(reserved))
            raise field.broken(faults.RESERVED_VALUE, f"must not be {names}")
        return text

    return cast


def _unusual_id(field: Field, value: object, max_characters: int) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise field.broken(faults.WRONG_TYPE, "neither text nor an integer")
    text = str(value)
    if len(text) > max_characters:
        raise field.broken(faults.TOO_LONG, f"longer than {max_characters} characters")
    return text


def number(field: Field) -> Callable[[object], float | None]:
    """The cast of a number, or of the text of one."""

    def cast(value: object) -> float | None:
        if value == "":
            return None
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise field.broken(faults.WRONG_TYPE, "neither a number nor the text of one")
        if not -limits.EVENT_VALUE_MAGNITUDE <= value <= limits.EVENT_VALUE_MAGNITUDE:
            raise field.broken(faults.OUT_OF_RANGE, "not a finite number of 32 bits")
        return float(value)

    return cast


def properties(field: Field) -> OptionalText:
    """The cast of an object, or of the JSON text of one, to its JSON text: encoded once, without spaces."""

    def cast(value: object) -> str | None:
        if value == "":
            return None
        if type(value) is str:
            value = _parse(field, value)
        if type(value) is not dict:
            raise field.broken(faults.WRONG_TYPE, "neither an object nor the JSON text of one")
        if not value:
            return None
        if not _RESERVED_PROPERTIES.isdisjoint(map(str.lower, value)):
            raise field.broken(faults.RESERVED_KEY, f"holds {_reserved_among(value)}, which the API reserves")
        text = _encode(value).decode()
        if len(text) > limits.PROPERTIES_CHARACTERS:
            raise field.broken(
                faults.TOO_LONG, f"longer than {limits.PROPERTIES_CHARACTERS} characters as JSON"
            )
        return text

    return cast


def _parse(field: Field, text: str) -> object:
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise field.broken(faults.WRONG_TYPE, "text that is not JSON") from None


def _reserved_among(given: dict[str, object]) -> str:
    """The reserved keys among these, in the API's own spelling."""
    lowered = {key.lower() for key in given}
    return ", ".join(f"`{name}`" for key, name in limits.RESERVED_PROPERTIES.items() if key in lowered)


def item_ids(field: Field) -> Callable[[object], list[str] | None]:
    """The cast of a list of item ids."""
    item_id = optional_id(field)

    def cast(value: object) -> list[str] | None:
        if value == "":
            return None
        if type(value) is not list:
            raise field.broken(faults.WRONG_TYPE, "not a list of item ids")
        if len(value) > limits.IMPRESSION_ITEMS:
            raise field.broken(faults.TOO_MANY, f"more than {limits.IMPRESSION_ITEMS} items")
        items = [item for each in value if (item := item_id(each))]
        if len(items) != len(value):
            raise field.broken(faults.EMPTY, "holds an empty item")
        return items or None

    return cast


def attribution(field: Field) -> Callable[[object], MetricAttribution | None]:
    """The cast of a source's name, in printable ASCII, to what the event holds of it."""
    to_text = optional_id(field, limits.ATTRIBUTION_SOURCE_CHARACTERS)

    def cast(value: object) -> MetricAttribution | None:
        source = to_text(value)
        if source is None:
            return None
        if not (source.isascii() and source.isprintable()):
            raise field.broken(faults.NOT_PRINTABLE, "must be printable ASCII")
        if source.isspace():
            raise field.broken(faults.EMPTY, "holds nothing but spaces")
        return MetricAttribution(source)

    return cast
