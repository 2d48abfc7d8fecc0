"""Prepares a writer's schema for fastavro: as plain values as possible, and nothing that a record can abuse.

Times and UUIDs stay what Avro writes: an integer in the unit of its type, which the mapping's ``auto``
recognises, and text. To make a ``datetime`` of it would halve the speed, only to have it taken apart again.

fastavro trusts what it reads. Two kinds of schema let a short record take the whole process:

- A recursive one: each level costs a byte and a C stack frame, and the process dies of it. Such schemas are
  read by fastavro's Python code, which stops at Python's limit.
- An array of what takes no bytes, such as null: a record of ten bytes can announce a billion items. It is
  refused.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from worker.formats.schemas import SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.formats.schemas import Schema

# These need converting: to text, without losing a digit.
_CONVERTED: Final = ("decimal", "date")
_NAMED: Final = ("record", "error", "enum", "fixed")
_RECORDS: Final = ("record", "error")
# Nobody writes by hand what is deeper; what is parsed by recursion must end somewhere.
_DEEPEST: Final = 50


class PreparedSchema(Struct, frozen=True):
    """A writer's schema, ready for fastavro."""

    schema: object
    named: dict[str, Any]
    """The types that it refers to by name."""
    fields: tuple[str, ...]
    """The fields of the top record; empty if the top is not a record."""
    is_recursive: bool
    is_converted: bool
    """Whether fastavro returns values that are not those of JSON."""


def prepare(schema: Schema) -> PreparedSchema:
    """Parse a schema with those that it refers to.

    Raises:
        SchemaError: it is not an Avro schema, or one of those that are refused.
    """
    from fastavro.schema import SchemaParseException, UnknownType, parse_schema  # noqa: PLC0415  of an extra

    walk, named = _Walk(), dict[str, Any]()
    try:
        for each in _in_order(schema):
            parsed = parse_schema(walk.plain(_decoded(each)), named_schemas=named)
    except (SchemaParseException, UnknownType, KeyError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, SchemaError):
            raise
        raise SchemaError(_not_avro(error)) from None
    if isinstance(parsed, list) or not isinstance(parsed, dict) or parsed.get("type") not in _RECORDS:
        fields: tuple[str, ...] = ()
    else:
        fields = tuple(field["name"] for field in parsed["fields"])
    return PreparedSchema(parsed, named, fields, walk.is_recursive, walk.is_converted)


def _in_order(schema: Schema) -> Sequence[Schema]:
    """The schemas that it refers to, then itself; each once."""
    found: dict[str, Schema] = {}

    def add(each: Schema, depth: int) -> None:
        if depth > _DEEPEST:
            msg = "its references are nested too deeply"
            raise SchemaError(msg)
        for _, reference in each.references:
            add(reference, depth + 1)
        found.setdefault(each.text, each)

    add(schema, 0)
    return list(found.values())


def _decoded(schema: Schema) -> object:
    try:
        return json.loads(schema.text)
    except (ValueError, RecursionError):
        msg = "it is not JSON"
        raise SchemaError(msg) from None


def _not_avro(error: Exception) -> str:
    return f"it is not an Avro schema ({type(error).__name__})"


class _Walk:
    """Walks over a schema's types, and copies it without the logical types that are not wanted."""

    def __init__(self) -> None:
        self.is_recursive = False
        self.is_converted = False
        self._open: list[str] = []
        # By name: the fewest bytes that a value of the type takes.
        self._fewest: dict[str, int] = {}

    def plain(self, schema: object) -> Any:  # noqa: ANN401  JSON
        """The copy of a whole schema."""
        return self._copy(schema, "", 0)[0]

    def _copy(self, type_: Any, space: str, depth: int) -> tuple[Any, int]:  # noqa: ANN401, PLR0911  a table: one case per type
        """The copy of a type, and the fewest bytes that a value of it takes."""
        if depth > _DEEPEST:
            msg = "it is nested too deeply"
            raise SchemaError(msg)
        match type_:
            case str():
                return type_, self._fewest_of(type_, space)
            case list():
                return [self._copy(each, space, depth + 1)[0] for each in type_], 1
            case {"type": ("record" | "error")}:
                return self._record(type_, space, depth)
            case {"type": "array", "items": items}:
                copied, fewest = self._copy(items, space, depth + 1)
                if not fewest:
                    msg = "an array whose items take no bytes: a record could announce any number of them"
                    raise SchemaError(msg)
                return type_ | {"items": copied}, 1
            case {"type": "map", "values": values}:
                return type_ | {"values": self._copy(values, space, depth + 1)[0]}, 1
            case {"type": ("enum" | "fixed") as kind}:
                return self._named(type_, kind, space)
            case {"type": inner}:
                return self._logical(type_, inner, space, depth)
            case _:
                msg = "a type that is neither a name, nor an object, nor a list"
                raise SchemaError(msg)

    def _fewest_of(self, name: str, space: str) -> int:
        if name == "null":
            return 0
        full = _full_name(name, space)
        if full in self._open:
            self.is_recursive = True
        return self._fewest.get(full, self._fewest.get(name, 1))

    def _record(self, type_: Mapping[str, Any], space: str, depth: int) -> tuple[Any, int]:
        full = _full_name(str(type_.get("name")), str(type_.get("namespace", space)))
        within = full.rpartition(".")[0]
        self._open.append(full)
        fields, fewest = [], 0
        for field in type_["fields"]:
            copied, least = self._copy(field["type"], within, depth + 1)
            # A default is only for readers, and fastavro would check it against its type.
            fields.append({"name": field["name"], "type": copied})
            fewest += least
        self._open.pop()
        self._fewest[full] = fewest
        return {**type_, "fields": fields}, fewest

    def _named(self, type_: Mapping[str, Any], kind: str, space: str) -> tuple[Any, int]:
        fewest = int(type_["size"]) if kind == "fixed" else 1
        self._fewest[_full_name(str(type_.get("name")), str(type_.get("namespace", space)))] = fewest
        return self._without_logical(type_), fewest

    def _logical(self, type_: Mapping[str, Any], inner: object, space: str, depth: int) -> tuple[Any, int]:
        """A type in an object of its own, such as a long that is a timestamp."""
        copied, fewest = self._copy(inner, space, depth + 1)
        if not isinstance(inner, str):
            return copied, fewest
        return self._without_logical({**type_, "type": copied}), fewest

    def _without_logical(self, type_: Mapping[str, Any]) -> dict[str, Any]:
        logical = type_.get("logicalType")
        if logical not in _CONVERTED:
            return {key: value for key, value in type_.items() if key != "logicalType"}
        self.is_converted = True
        return dict(type_)


def _full_name(name: str, space: str) -> str:
    return name if "." in name or not space else f"{space}.{name}"
