"""The cast of an object to JSON text, which is how the API takes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from worker.core.mapping import faults
from worker.formats.json.text import parse_text
from worker.formats.protocol import UnusableNumber

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.core.mapping.faults import Field
    from worker.core.operations.table import JsonObject

LEAVE_OUT: Final = "leave_out"

# Each is part of a text of at most 1,024 characters, so all of them together take some hundred kB at most.
_MAX_KNOWN_KEYS: Final = 200

_NOT_UNICODE: Final = re.compile("[\ud800-\udfff]")
_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode
_REFUSALS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


def json_object(field: Field, rule: JsonObject, *, too_long: str) -> Callable[[object], str | None]:
    """Compile the cast of an object, or of its JSON text, to compact JSON text.

    Of one that is too long, the last members are left out if ``too_long`` says so; else it is refused.
    """
    max_characters = rule.max_characters
    # Keys of earlier values that are none of the reserved ones: nearly all records have the same few.
    known: set[str] = set()
    check = _compile_check(field, rule, known, too_long=too_long)

    def cast(value: object) -> str | None:
        if type(value) is str:
            text = value
            # As ``parse_json`` does, without its two calls: this runs for nearly every record.
            try:
                value = _decode(text)
            except _REFUSALS:
                value = parse_json(field, text)
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
        return text if known.issuperset(value) and len(text) <= max_characters else check(value, text)

    return cast


def _compile_check(
    field: Field, rule: JsonObject, known: set[str], *, too_long: str
) -> Callable[[dict[str, object], str], str | None]:
    """Compile what is done with an object and its text that may break a rule; it adds to the known keys."""
    reserved, max_characters = frozenset(rule.reserved_keys), rule.max_characters

    def check(value: dict[str, object], text: str) -> str | None:
        if not reserved.isdisjoint(map(str.lower, value)):
            keys = _reserved_among(value, rule)
            raise field.broken(faults.RESERVED_KEY, f"holds {keys}, which the API reserves")
        if len(text) > max_characters:
            if too_long == LEAVE_OUT:
                return _leave_out(field, value, max_characters)
            raise field.broken(faults.TOO_LONG, f"longer than {max_characters} characters as JSON")
        if len(known) < _MAX_KNOWN_KEYS:
            known.update(value)
        return text

    return check


def parse_json(field: Field, text: str) -> object:
    """Decode JSON text; None for blank text."""
    try:
        return parse_text(text)
    except (ValueError, RecursionError):
        raise field.broken(faults.WRONG_TYPE, "text that is not JSON") from None


def _leave_out(field: Field, value: dict[str, object], max_characters: int) -> str | None:
    """The JSON text of the first members, as many as fit; None if not even one does."""
    length = len("{}")
    members: list[str] = []
    for name, each in value.items():
        member = _as_text(field, {name: each})[1:-1]
        length += len(member) + bool(members)
        if length > max_characters:
            break
        members.append(member)
    return f"{{{','.join(members)}}}" if members else None


def _as_text(field: Field, value: dict[str, object]) -> str:
    try:
        return _encode(value).decode()
    except (TypeError, UnicodeError):
        return _as_json_leniently(field, value)


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
