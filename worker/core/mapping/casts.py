"""Casts: each turns a value of a document into what the API accepts, or raises the reason why it cannot.

An id may be text or an integer, and keeps every digit. A boolean is not an id, and neither is a number with a
fraction or an exponent: it may have lost digits on its way, and ``7`` and ``7.0`` would be two users. Null,
empty or blank text and placeholders count as absent, and so do an empty list and an object without keys.
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
_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode
_REFUSALS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


def compile_cast(
    field: Field, field_type: FieldType, *, unit: str, placeholder_ids: frozenset[str], check_characters: bool
) -> Cast:
    """Compile the cast of one field. The cast raises Unmappable for a value that breaks a rule.

    Args:
        field: how reasons name the field, and whether it is required.
        field_type: its type and limits, from the operation's table.
        unit: the unit of a time.
        placeholder_ids: texts that are written where there is no id.
        check_characters: refuse ids with control characters or invalid Unicode. This check is slow.
    """
    absent = absent_texts(field_type, placeholder_ids)
    match field_type:
        case Id():
            return (
                _with_character_check(field, _id(field, field_type, absent))
                if check_characters
                else _id(field, field_type, absent)
            )
        case Time():
            return time(field, unit)
        case Number():
            return _number(field, field_type)
        case JsonObject():
            return _json_object(field, field_type)
        case IdList(item=item):
            item_id = _optional_id(field, absent_texts(item, placeholder_ids), item.max_characters)
            return _id_list(
                field, field_type, _with_character_check(field, item_id) if check_characters else item_id
            )
        case PrintableAscii():
            return _printable_ascii(field, field_type, absent)


def absent_texts(field_type: FieldType, placeholder_ids: frozenset[str]) -> frozenset[str]:
    """The texts that count as null for a type: blank text, and for ids and names the placeholders too."""
    match field_type:
        case Id(reserved=reserved):
            return BLANKS | placeholder_ids | reserved
        case PrintableAscii():
            return BLANKS | placeholder_ids
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
        return _id_from_any(field, value, absent, max_characters)

    return cast


def _required_id(field: Field, absent: frozenset[str], max_characters: int) -> Callable[[object], str]:
    def cast(value: object) -> str:
        if type(value) is str and value not in absent and len(value) <= max_characters:
            return value
        text = _id_from_any(field, value, absent, max_characters)
        if text is None:
            raise _missing_id(field, value)
        return text

    return cast


def _id_from_any(field: Field, value: object, absent: frozenset[str], max_characters: int) -> str | None:
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


def _missing_id(field: Field, value: object) -> faults.Unmappable:
    """The reason for a required id that is absent: its place is empty, or holds a placeholder."""
    if value is None or (isinstance(value, str) and (not value or value.isspace())):
        return field.missing()
    return field.broken(faults.RESERVED_VALUE, "must not be a word for nothing, such as null, None or zeros")


def _with_character_check(
    field: Field, cast: Callable[[object], _MaybeText]
) -> Callable[[object], _MaybeText]:
    """The same cast, which also refuses control characters and invalid Unicode."""

    def cast_and_check(value: object) -> _MaybeText:
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

    return cast_and_check


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
    """The cast of an object, or of its JSON text, to compact JSON text."""
    reserved, max_characters = frozenset(rule.reserved_keys), rule.max_characters

    def cast(value: object) -> str | None:
        if type(value) is str:
            text = value
            # As ``_parse`` does, without its two calls: this runs for nearly every record.
            try:
                value = _decode(text)
            except _REFUSALS:
                value = _parse(field, text)
        if value is None:
            return None
        if type(value) is not dict:
            raise field.broken(faults.WRONG_TYPE, "neither an object nor the JSON text of one")
        if not value:
            return None
        try:
            text = _encode(value).decode()
        except (TypeError, UnicodeError):
            text = _as_json_leniently(field, value)
        if not reserved.isdisjoint(map(str.lower, value)):
            keys = _reserved_among(value, rule)
            raise field.broken(faults.RESERVED_KEY, f"holds {keys}, which the API reserves")
        if len(text) > max_characters:
            raise field.broken(faults.TOO_LONG, f"longer than {max_characters} characters as JSON")
        return text

    return cast


def _parse(field: Field, text: str) -> object:
    """Decode JSON text; None for blank text."""
    try:
        return parse_text(text)
    except (ValueError, RecursionError):
        raise field.broken(faults.WRONG_TYPE, "text that is not JSON") from None


def _as_json_leniently(field: Field, value: dict[str, object]) -> str:
    """Encode a value that holds what only a lenient decoder lets pass."""
    return _encode(_replace_invalid_text(field, value)).decode()


def _replace_invalid_text(field: Field, value: object) -> object:
    """Replace invalid Unicode by U+FFFD, as decoders that carry on do."""
    if isinstance(value, UnusableNumber):
        raise field.broken(value.kind, f"holds what is unfit: {value.rule}")
    if isinstance(value, str):
        return _NOT_UNICODE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_replace_invalid_text(field, each) for each in value]
    if isinstance(value, dict):
        return {
            _replace_invalid_text(field, key): _replace_invalid_text(field, each)
            for key, each in value.items()
        }
    return value


def _reserved_among(given: dict[str, object], rule: JsonObject) -> str:
    """List the reserved keys that are given, in the API's spelling."""
    lowered = {key.lower() for key in given}
    return ", ".join(f"`{name}`" for key, name in rule.reserved_keys.items() if key in lowered)


def _id_list(field: Field, rule: IdList, item_id: OptionalText) -> Callable[[object], list[str] | None]:
    """The cast of a list of ids, or of its JSON text; ``item_id`` casts each."""
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
