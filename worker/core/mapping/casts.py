"""Casts: each turns a value of a document into what the API accepts, or raises the reason why it cannot.

An id may be text or an integer, and keeps every digit. A boolean is not an id, and neither is a number with a
fraction or an exponent: it may have lost digits on its way, and ``7`` and ``7.0`` would be two users. Null,
empty or blank text and placeholders count as absent, and so do an empty list and an object without keys.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from worker.core.mapping import faults
from worker.core.mapping.header_text import CONTROL
from worker.core.mapping.json_objects import json_object, parse_json
from worker.core.mapping.placeholders import BLANKS
from worker.core.mapping.placeholders import NAN as NAN_WORD
from worker.core.mapping.times import time, time_by_pattern
from worker.core.operations.table import Id, IdList, JsonObject, Number, PrintableAscii, Time
from worker.formats.protocol import NAN, UnusableNumber

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.mapping.faults import Field
    from worker.core.mapping.grammar.nodes import FieldSpec
    from worker.core.operations.table import FieldType

    Cast: TypeAlias = Callable[[object], object]
    OptionalText: TypeAlias = Callable[[object], str | None]

_MaybeText = TypeVar("_MaybeText", str, "str | None")

_WITH_COMMA: Final = re.compile(r"-?(?:[0-9]{1,32}|[0-9]{1,3}(?:\.[0-9]{3}){1,10})(?:,[0-9]{1,32})?")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,64}(\.[0-9]{0,64})?([eE][+-]?[0-9]{1,4})?")
_NOT_UNICODE: Final = re.compile("[\ud800-\udfff]")


def compile_cast(
    field: Field,
    field_type: FieldType,
    spec: FieldSpec,
    *,
    placeholder_ids: frozenset[str],
    check_characters: bool,
) -> Cast:
    """Compile the cast of one field. The cast raises Unmappable for a value that breaks a rule.

    Args:
        field: how reasons name the field, and whether it is required.
        field_type: its type and limits, from the operation's table.
        spec: how the mapping says that its values are read.
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
            return time(field, spec.unit) if spec.pattern is None else time_by_pattern(field, spec.pattern)
        case Number():
            number = _number(field, field_type)
            return number if spec.decimal == "." else _with_decimal_comma(number)
        case JsonObject():
            return json_object(field, field_type, too_long=spec.too_long)
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
            return _one_of(BLANKS | placeholder_ids | reserved)
        case PrintableAscii():
            return _one_of(BLANKS | placeholder_ids)
        case _:
            return BLANKS


@lru_cache(maxsize=16)
def _one_of(texts: frozenset[str]) -> frozenset[str]:
    """Return the first that was equal: nearly all fields have the same texts, and a set of them has 16 KB."""
    return texts


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
        if type(value) is float and -largest <= value <= largest:
            return value
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


def _with_decimal_comma(cast: Callable[[object], float | None]) -> Callable[[object], float | None]:
    """The same for text such as ``1.234,50``, where a point only groups thousands."""

    def cast_with_comma(value: object) -> float | None:
        if not isinstance(value, str):
            return cast(value)
        text = value.strip()
        if _WITH_COMMA.fullmatch(text):
            return cast(text.replace(".", "").replace(",", "."))
        # Anything else with a point would be taken for what it is not: 12.90 is no 1290, and no 12.9 either.
        return cast(value if not text else "not a number")

    return cast_with_comma


def _id_list(field: Field, rule: IdList, item_id: OptionalText) -> Callable[[object], list[str] | None]:
    """The cast of a list of ids, or of its JSON text; ``item_id`` casts each."""
    max_items = rule.max_items

    def cast(value: object) -> list[str] | None:
        if type(value) is str:
            value = parse_json(field, value)
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
