"""Casts a JSON value to what the API takes, or reports why that fails: one cast a field.

Ids may be text or integers, which keep every digit. A boolean is not an id, and neither is a number with a
fraction or an exponent: it may have lost digits on its way, and ``7`` and ``7.0`` would be two users. Null,
empty and blank text and placeholders count as absent, and so do an empty impression and properties without a
key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import msgspec

from worker.core.mapping import faults
from worker.core.mapping.header_text import CONTROL
from worker.core.mapping.placeholders import BLANKS
from worker.core.mapping.placeholders import NAN as NAN_WORD
from worker.core.mapping.times import time
from worker.core.operations.table import Id, IdList, JsonObject, Number, PrintableAscii, Time
from worker.formats.json.text import parse_text
from worker.formats.protocol import NAN, UnusableNumber

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.mapping.faults import Field
    from worker.core.operations.table import FieldType

    Cast: TypeAlias = Callable[[object], object]
    OptionalText: TypeAlias = Callable[[object], str | None]

_MaybeText = TypeVar("_MaybeText", str, "str | None")

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,64}(\.[0-9]{0,64})?([eE][+-]?[0-9]{1,4})?")
_NOT_UNICODE: Final = re.compile("[\ud800-\udfff]")
_encode: Final = msgspec.json.Encoder().encode


def compile_cast(
    field: Field, field_type: FieldType, *, unit: str, nobody: frozenset[str], close: bool
) -> Cast:
    """Compile the cast of a field to its type; it raises Unmappable for a value that breaks a rule.

    Args:
        field: as named in reasons; it also says whether the field is required.
        field_type: from the operation's table, with its limits.
        unit: the unit of a time.
        nobody: the ids that stand for nobody.
        close: whether to look for what no id may hold: control characters, and text that is not Unicode.
            Slower.
    """
    absent = absent_texts(field_type, nobody)
    match field_type:
        case Id():
            return (
                _closely(field, _id(field, field_type, absent)) if close else _id(field, field_type, absent)
            )
        case Time():
            return time(field, unit)
        case Number():
            return _number(field, field_type)
        case JsonObject():
            return _json_object(field, field_type)
        case IdList(item=item):
            item_id = _optional_id(field, absent_texts(item, nobody), item.max_characters)
            return _id_list(field, field_type, _closely(field, item_id) if close else item_id)
        case PrintableAscii():
            return _printable_ascii(field, field_type, absent)


def absent_texts(field_type: FieldType, nobody: frozenset[str]) -> frozenset[str]:
    """Return the texts that count as null: blanks, and for ids and names, placeholders too."""
    match field_type:
        case Id(reserved=reserved):
            return BLANKS | nobody | reserved
        case PrintableAscii():
            return BLANKS | nobody
        case _:
            return BLANKS


def _id(field: Field, rule: Id, absent: frozenset[str]) -> OptionalText:
    if field.need:
        return _required_id(field, absent, rule.max_characters)
    return _optional_id(field, absent, rule.max_characters)


def _optional_id(field: Field, absent: frozenset[str], max_characters: int) -> OptionalText:
    def cast(value: object) -> str | None:
        if type(value) is str and value not in absent and len(value) <= max_characters:
            return value
        return _unusual_id(field, value, absent, max_characters)

    return cast


def _required_id(field: Field, absent: frozenset[str], max_characters: int) -> Callable[[object], str]:
    def cast(value: object) -> str:
        if type(value) is str and value not in absent and len(value) <= max_characters:
            return value
        text = _unusual_id(field, value, absent, max_characters)
        if text is None:
            raise _nobody(field, value)
        return text

    return cast


def _unusual_id(field: Field, value: object, absent: frozenset[str], max_characters: int) -> str | None:
    if value is None or (value is NAN and NAN_WORD in absent):
        return None
    if isinstance(value, UnusableNumber):
        raise field.broken(value.kind, value.rule)
    if isinstance(value, bytes):
        raise field.broken(faults.NOT_TEXT, "bytes that are no text, such as a number in binary form")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise field.broken(faults.WRONG_TYPE, "neither text nor an integer")
    text = str(value)
    if text in absent:
        return None
    if len(text) > max_characters:
        raise field.broken(faults.TOO_LONG, f"longer than {max_characters} characters")
    return text


def _nobody(field: Field, value: object) -> faults.Unmappable:
    """Return why a required id is absent: there is nothing in its place, or a word for nothing."""
    if value is None or (isinstance(value, str) and (not value or value.isspace())):
        return field.missing()
    return field.broken(faults.RESERVED_VALUE, "must not be a word for nothing, such as null, None or zeros")


def _closely(field: Field, cast: Callable[[object], _MaybeText]) -> Callable[[object], _MaybeText]:
    """Return the cast with a check for what no id holds: control characters, or text that is not Unicode."""

    def look_closely(value: object) -> _MaybeText:
        text = cast(value)
        if not text or text.isprintable():
            return text
        if not text.strip(" \t\r\n\v\f"):
            return cast("")
        if _NOT_UNICODE.search(text):
            raise field.broken(
                faults.NOT_TEXT, "not Unicode: half of a surrogate pair, or bytes that are not UTF-8"
            )
        if CONTROL.search(text):
            raise field.broken(faults.NOT_TEXT, "holds control characters")
        return text

    return look_closely


def _number(field: Field, rule: Number) -> Callable[[object], float | None]:
    largest = rule.max_magnitude

    def cast(value: object) -> float | None:
        if isinstance(value, str):
            if not value or value.isspace():
                return None
            value = float(value) if _NUMBER.fullmatch(value) else value
        if isinstance(value, UnusableNumber):
            raise field.broken(value.kind, value.rule)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise field.broken(faults.WRONG_TYPE, "neither a number nor the text of one")
        if not -largest <= value <= largest:
            raise field.broken(faults.OUT_OF_RANGE, "not a finite number of 32 bits")
        return float(value)

    return cast


def _json_object(field: Field, rule: JsonObject) -> OptionalText:
    """Return the cast of an object, or of its JSON text, to JSON text: encoded once, without spaces."""
    reserved, max_characters = frozenset(rule.reserved_keys), rule.max_characters

    def cast(value: object) -> str | None:
        if type(value) is str:
            value = _parse(field, value)
        if value is None:
            return None
        if type(value) is not dict:
            raise field.broken(faults.WRONG_TYPE, "neither an object nor the JSON text of one")
        if not value:
            return None
        text = _as_json(field, value)
        if not reserved.isdisjoint(map(str.lower, value)):
            keys = _reserved_among(value, rule)
            raise field.broken(faults.RESERVED_KEY, f"holds {keys}, which the API reserves")
        if len(text) > max_characters:
            raise field.broken(faults.TOO_LONG, f"longer than {max_characters} characters as JSON")
        return text

    return cast


def _parse(field: Field, text: str) -> object:
    """Parse JSON text; None for blank text."""
    try:
        return parse_text(text)
    except (ValueError, RecursionError):
        raise field.broken(faults.WRONG_TYPE, "text that is not JSON") from None


def _as_json(field: Field, value: dict[str, object]) -> str:
    try:
        return _encode(value).decode()
    except (TypeError, UnicodeError):
        # Something that only a lenient decoder accepts; everything else that JSON is decoded to can be
        # encoded.
        return _encode(_mended(field, value)).decode()


def _mended(field: Field, value: object) -> object:
    """Return ``value`` with U+FFFD for what is not Unicode, as every lenient decoder does."""
    if isinstance(value, UnusableNumber):
        raise field.broken(value.kind, f"holds what is unfit: {value.rule}")
    if isinstance(value, str):
        return _NOT_UNICODE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mended(field, each) for each in value]
    if isinstance(value, dict):
        return {_mended(field, key): _mended(field, each) for key, each in value.items()}
    return value


def _reserved_among(given: dict[str, object], rule: JsonObject) -> str:
    """List the reserved keys among these, in the API's own spelling."""
    lowered = {key.lower() for key in given}
    return ", ".join(f"`{name}`" for key, name in rule.reserved_keys.items() if key in lowered)


def _id_list(field: Field, rule: IdList, item_id: OptionalText) -> Callable[[object], list[str] | None]:
    """Return the cast of a list of item ids, or of its JSON text; each id is cast by ``item_id``."""
    max_items = rule.max_items

    def cast(value: object) -> list[str] | None:
        if type(value) is str:
            value = _parse(field, value)
        if value is None:
            return None
        if type(value) is not list:
            raise field.broken(faults.WRONG_TYPE, "not a list of item ids")
        if len(value) > max_items:
            raise field.broken(faults.TOO_MANY, f"more than {max_items} items")
        items = [item for each in value if (item := item_id(each))]
        if len(items) != len(value):
            raise field.broken(faults.EMPTY, "holds an empty item, or a word for nothing")
        return items or None

    return cast


def _printable_ascii(field: Field, rule: PrintableAscii, absent: frozenset[str]) -> OptionalText:
    to_text = _optional_id(field, absent, rule.max_characters)

    def cast(value: object) -> str | None:
        text = to_text(value)
        if text is None or text.isspace():
            return None
        if not (text.isascii() and text.isprintable()):
            raise field.broken(faults.NOT_PRINTABLE, "must be printable ASCII")
        return text

    return cast
