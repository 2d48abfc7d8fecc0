"""Holds what was given against the types of ``worker.settings``, leaf by leaf: every mistake is found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal, get_args, get_origin

import msgspec
from msgspec import inspect

from worker.config.names import meant, nearest, nearest_key, sections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from worker.config.given import Given


def validate(given: Given) -> dict[str, dict[str, object]]:
    """The values that are right, by section and key; the others are noted as mistakes."""
    values: dict[str, dict[str, object]] = {}
    for section, keys in sections().items():
        written = given.sections.get(section, {})
        values[section] = {}
        for key, field in keys.items():
            name = f"{section}.{key}"
            if key in written:
                found = dict(faults(written[key], field.type, name))
                for at, reason in found.items():
                    given.mistake(at, reason)
                values[section] |= _right(key, written[key], name, found)
            elif field.required:
                given.mistake(name, f"is missing, must be {_must(field.type)}")
        for key in written.keys() - keys.keys():
            given.mistake(f"{section}.{key}", "unknown key" + meant(nearest_key(f"{section}.{key}")))
    return values


def _right(key: str, value: object, name: str, found: Mapping[str, str]) -> dict[str, object]:
    """The key with its value, if that is right; of a mapping the entries that are."""
    if found and isinstance(value, dict):
        return {key: {entry: item for entry, item in value.items() if f"{name}.{entry}" not in found}}
    return {} if found else {key: value}


def faults(value: object, type_: object, name: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a value, each with the dotted name of where within it."""
    bare = _bare(type_)
    if get_origin(bare) is tuple and isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults(item, get_args(bare)[0], f"{name}[{index}]")
        if value:
            return
    elif get_origin(bare) is dict and isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                yield f"{name}.{key}", f"is named by {kind(key)}, must be named by text: put it in quotes"
            yield from faults(item, get_args(bare)[1], f"{name}.{key}")
        return
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError:
        yield name, _reason(value, type_)


def from_text(text: str, type_: object) -> object:
    """The value that a text stands for, as YAML would give it; the text itself if it stands for none."""
    bare = _bare(type_)
    if get_origin(bare) is tuple and not text.lstrip().startswith("["):
        return [each.strip() for each in text.split(",") if each.strip()]
    if get_origin(bare) in {tuple, dict}:
        return _or_text(json.loads, text)
    if bare in {int, float}:
        return _or_text(bare, text)
    if bare is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    # An empty variable is how a chart says that it has nothing to say.
    return None if not text and type(None) in get_args(bare) else text


def kind(value: object) -> str:  # noqa: PLR0911  a table, a case a kind
    """What sort of value was given, never the value."""
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


def _bare(type_: object) -> object:
    """The type without its limits."""
    while get_origin(type_) is Annotated:
        type_ = get_args(type_)[0]
    return type_


def _or_text(read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except ValueError:
        return text


def _reason(value: object, type_: object) -> str:
    """Why a value is not of its type. Only numbers are shown, and only where a number is wanted."""
    bare = _bare(type_)
    must = f"must be {_must(type_)}"
    if get_origin(bare) is Literal:
        choices = get_args(bare) if isinstance(value, str) and len(get_args(bare)) > 1 else ()
        return must + meant(nearest(str(value), choices))
    if value in ("", []):
        return f"is empty, {must}"
    if bare in {int, float} and isinstance(value, int | float) and not isinstance(value, bool):
        return f"is {value}, {must}"
    wants_text = get_origin(bare) not in {tuple, dict} and str in (bare, *map(_bare, get_args(bare)))
    return must if isinstance(value, str) and wants_text else f"is {kind(value)}, {must}"


def _must(type_: object) -> str:
    """What a type wants, in words."""
    return _words(inspect.type_info(type_))


def _words(info: inspect.Type) -> str:  # noqa: PLR0911  a table, a case a type
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
