"""Validates the given values against the types of ``worker.settings``, leaf by leaf, to find all mistakes.

Text is checked before its type: no name, address or path contains a control character (such as a newline that
came with a secret), and no library accepts a lone surrogate, which is how a byte that is not UTF-8 shows.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import inspect

from worker.config.names import OPEN_KEYS, TOP, did_you_mean, dotted, nearest, nearest_key, sections
from worker.config.record_source import needed_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from worker.config.raw_settings import RawSettings

_NO_TEXT: Final = re.compile(r"[\x00\ud800-\udfff]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
_MAX_DEPTH: Final = 20
_NUMBERS: Final = ("parse_int", "parse_float", "parse_constant")
# Nobody wants to read a number with more digits.
_SHOWN_UP_TO: Final = 10**15


def validate(given: RawSettings) -> dict[str, dict[str, object]]:
    """Return the valid values by section and key; the others are noted as mistakes."""
    values: dict[str, dict[str, object]] = {}
    for section, keys in sections().items():
        written = given.sections.get(section, {})
        values[section] = {}
        for key, field in keys.items():
            name = dotted(section, key)
            if key in written:
                found = dict(_odd_text(written[key], name)) or dict(faults(written[key], field.type, name))
                for at, reason in found.items():
                    given.mistake(at, reason)
                values[section] |= _right(key, written[key], field.type, name, found)
            elif field.required or name in needed_by(str(values[TOP].get("source", "kafka"))):
                given.mistake(name, f"is missing, must be {_must(field.type)}")
        for key in written.keys() - keys.keys():
            given.mistake(
                dotted(section, key), "unknown key" + did_you_mean(nearest_key(dotted(section, key)))
            )
    return values


def _right(key: str, value: object, type_: object, name: str, found: Mapping[str, str]) -> dict[str, object]:
    """Return the key with its value if that is valid; where a mapping is wanted, its valid entries."""
    if found and isinstance(value, dict) and get_origin(bare(type_)) is dict:
        return {key: {entry: item for entry, item in value.items() if f"{name}.{entry}" not in found}}
    return {} if found else {key: value}


def _odd_text(value: object, name: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Find unusable text anywhere within a value."""
    if depth > _MAX_DEPTH:
        yield name, "is nested too deep"
    elif isinstance(value, str):
        if _NO_TEXT.search(value):
            yield name, "contains a NUL or bytes that are not UTF-8"
        elif not name.startswith(tuple(OPEN_KEYS)) and _CONTROL.search(value):
            yield name, "contains a newline or another control character"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _odd_text(item, f"{name}[{index}]", depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _odd_text(key, name)
            yield from _odd_text(item, f"{name}.{key}", depth + 1)


def faults(value: object, type_: object, name: str) -> Iterator[tuple[str, str]]:
    """Yield the mistakes in a value, each with the dotted name of its position within it."""
    plain = bare(type_)
    if get_origin(plain) is tuple and isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults(item, get_args(plain)[0], f"{name}[{index}]")
        if value:
            return
    elif isinstance(value, set):
        # YAML's !!set, which msgspec takes for a list; but it has no order, and nobody has looked into it.
        yield name, _reason(value, type_)
        return
    elif get_origin(plain) is dict and isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                yield f"{name}.{key}", f"has {kind(key)} as its name, must have text: put it in quotes"
            yield from faults(item, get_args(plain)[1], f"{name}.{key}")
        return
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError:
        yield name, _reason(value, type_)


def from_text(text: str, type_: object) -> object:
    """Return the value that a text stands for, as YAML would; the text itself if it stands for none."""
    plain = bare(type_)
    if not text and type(None) in get_args(plain):
        # A chart sets an empty variable when it has no value.
        return None
    if get_origin(plain) is tuple and not text.startswith("["):
        return [each.strip() for each in text.split(",") if each.strip()]
    if get_origin(plain) in {tuple, dict}:
        return from_json(text, numbers_as_text=wants_text(item_type(plain)))
    for number in (int, float):
        if number in (plain, *map(bare, get_args(plain))) and not wants_text(type_):
            return _or_text(number, text)
    return {"true": True, "false": False}.get(text.lower(), text) if plain is bool else text


def from_json(text: str, *, numbers_as_text: bool = False) -> object:
    """Return the value of JSON text; the text itself if it is not JSON."""
    # A password written 0.10 or 1e5 has to stay as it is.
    digits: dict[str, Any] = dict.fromkeys(_NUMBERS, str) if numbers_as_text else {}
    try:
        return json.loads(text, **digits)
    except (ValueError, RecursionError):
        return text


def wants_text(type_: object) -> bool:
    """Return whether a value of this type is, or may be, text."""
    plain = bare(type_)
    return get_origin(plain) is Literal or str in (plain, *map(bare, get_args(plain)))


def item_type(plain: object) -> object:
    """Return the type of the items of a list or a mapping."""
    return get_args(plain)[0 if get_origin(plain) is tuple else 1]


def kind(value: object) -> str:  # noqa: PLR0911  a table: one case per kind
    """Describe the kind of a value, never the value itself."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true/false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return f"a {type(value).__name__}"


def bare(type_: object) -> object:
    """Return the type without its limits."""
    while get_origin(type_) is Annotated:
        type_ = get_args(type_)[0]
    return type_


def _or_text(read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except ValueError:
        return text


def _reason(value: object, type_: object) -> str:
    """Say why a value does not have its type. Only numbers are shown, and only where a number is wanted."""
    plain = bare(type_)
    must = f"must be {_must(type_)}"
    if get_origin(plain) is Literal:
        choices = get_args(plain) if isinstance(value, str) and len(get_args(plain)) > 1 else ()
        return must + did_you_mean(nearest(str(value), choices))
    if value in ("", []):
        return f"is empty, {must}"
    if plain in {int, float} and isinstance(value, int | float) and not isinstance(value, bool):
        return f"is {kind(value) if isinstance(value, int) and abs(value) > _SHOWN_UP_TO else value}, {must}"
    is_leaf = get_origin(plain) not in {tuple, dict}
    return must if isinstance(value, str) and is_leaf and wants_text(plain) else f"is {kind(value)}, {must}"


def _must(type_: object) -> str:
    """Describe in words what a type requires."""
    return _words(inspect.type_info(type_))


def _words(info: inspect.Type) -> str:  # noqa: PLR0911  a table: one case per type
    match info:
        case inspect.Metadata(extra={"must": str(must)}):
            return must
        case inspect.Metadata(type=inner):
            return _words(inner)
        case inspect.UnionType(types=types):
            return " or ".join(_words(each) for each in types if not isinstance(each, inspect.NoneType))
        case inspect.LiteralType(values=values):
            return " or ".join(map(str, values))
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return f"a whole number from {info.ge} to {info.le}"
        case inspect.FloatType():
            return (
                f"a number above {info.gt:g}, {info.le:g} at most"
                if info.gt is not None
                else (f"a number from {info.ge:g} to {info.le:g}")
            )
        case inspect.StrType(max_length=longest):
            return "text" + (f" of 1 to {longest} characters" if longest else "")
        case inspect.VarTupleType(item_type=item):
            return f"a list, each {_words(item)}"
        case _:
            return "a mapping"
