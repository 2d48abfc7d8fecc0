"""Removes what may surround a record's JSON object, or reports what is there instead."""

from __future__ import annotations

from typing import Final

from worker.formats.json.lenient import NotJson, loads
from worker.formats.protocol import NOT_AN_OBJECT, FormatError, UnusableNumber
from worker.formats.signatures import describe_signature

# .NET writes it in front, and RFC 8259 allows a reader to ignore it.
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_BLANKS: Final = " \t\n\r"


def unwrap(value: bytes) -> str | None:
    """Return the text of an object, without byte order mark and without the quotes of a JSON text around it.

    None for JSON's null. What is not UTF-8 becomes lone surrogates.

    Raises:
        FormatError: it is JSON, but not an object.
        NotJson: it does not begin like JSON.
    """
    text = value.removeprefix(_BYTE_ORDER_MARK).decode(errors="surrogateescape").strip(_BLANKS)
    if text.startswith('"'):
        text = _quoted(text)
    if text.startswith("{"):
        return text
    if text == "null":
        return None
    raise FormatError(NOT_AN_OBJECT, f"the value is JSON, but {_kind(text)}, not an object")


def _quoted(text: str) -> str:
    """Return the object's text from a JSON text: somebody has serialised it twice."""
    try:
        within = str(loads(text)).strip(_BLANKS)
    except ValueError:
        msg = "a text that does not end, or more than one"
        raise NotJson(msg) from None
    if within.startswith('"'):
        raise FormatError(NOT_AN_OBJECT, "the value is JSON text within JSON text within JSON")
    if not within.startswith("{"):
        raise FormatError(NOT_AN_OBJECT, "the value is JSON, but text, and no object in it")
    return within


def _kind(text: str) -> str:
    try:
        found = loads(text)
    except ValueError:
        msg = "single quotes, not double ones" if text.startswith("'") else "it does not begin as JSON does"
        raise NotJson(msg) from None
    match found:
        case list():
            return "an array"
        case bool():
            return "true or false"
        case UnusableNumber(rule=rule):
            raise NotJson(rule)
        case _:
            return "a number"


def why_not_json(value: bytes, fault: NotJson) -> str:
    """Describe what the value is instead, as far as its form shows it; never its content."""
    if not value.strip():
        return "the value is empty"
    if signature := describe_signature(value):
        return f"the value is {signature}, not plain JSON"
    return f"the value is not JSON: {fault.found}"
