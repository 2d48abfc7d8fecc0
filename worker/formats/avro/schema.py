"""Makes a codec of a writer's schema.

Times stay what Avro writes: an integer in the unit of its type, which the mapping's ``auto`` recognises.
Decimals and dates become text. A logical type that does not fit its type is left out of account, as Avro's
specification says.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from worker.formats.avro import codecs
from worker.formats.avro.codecs import Codec
from worker.formats.schemas import SchemaError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker.formats.schemas import Schema

# Nobody writes by hand what is deeper; what is parsed by recursion must end somewhere.
_DEEPEST: Final = 50
_UUID_BYTES: Final = 16
# As many digits as any field can hold.
_MOST_SCALE: Final = 1024


def compile_codec(schema: Schema, errors: str = "strict") -> Codec:
    """Compile a schema, with those that it refers to; ``errors`` is for text that is not UTF-8.

    Raises:
        SchemaError: it is not an Avro schema, or one of those that are refused.
    """
    parser = _Parser(errors)
    *before, last = _in_order(schema)
    for each in before:
        parser.parse(_decoded(each), "", 0)
    return parser.parse(_decoded(last), "", 0)


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


class _Parser:
    """Parses the schemas of one record, which may name one another's types."""

    def __init__(self, errors: str) -> None:
        self._primitives = codecs.primitives(errors)
        self._named: dict[str, Codec] = {}

    def parse(self, type_: Any, space: str, depth: int) -> Codec:  # noqa: ANN401, C901, PLR0911  JSON; a table: one case per type
        """Return the codec of a type that stands in the namespace."""
        if depth > _DEEPEST:
            msg = "it is nested too deeply"
            raise SchemaError(msg)
        match type_:
            case str():
                return self._by_name(type_, space)
            case [*branches]:
                return codecs.union([self.parse(each, space, depth + 1) for each in branches])
            case {"type": "record" | "error", "name": str(), "fields": [*fields]}:
                return self._record(type_, fields, space, depth)
            case {"type": "array", "items": items}:
                return self._array(self.parse(items, space, depth + 1))
            case {"type": "map", "values": values}:
                return codecs.map_of(self._primitives["string"], self.parse(values, space, depth + 1))
            case {"type": "enum", "name": str(), "symbols": [*symbols]} if all(
                isinstance(each, str) for each in symbols
            ):
                return self._define(type_, space, codecs.enum(symbols))
            case {"type": "fixed", "name": str(), "size": int(size)} if size >= 0:
                return self._define(type_, space, _logical_fixed(type_, size))
            case {"type": "record" | "error" | "array" | "map" | "enum" | "fixed" as kind}:
                msg = f"it is not an Avro schema: a type `{kind}` without one of its parts"
                raise SchemaError(msg)
            case {"type": inner}:
                return _logical(type_, inner, self.parse(inner, space, depth + 1))
            case _:
                pass
        msg = "it is not an Avro schema: a type that is neither a name, nor an object, nor a list"
        raise SchemaError(msg)

    def _by_name(self, name: str, space: str) -> Codec:
        codec = (
            self._primitives.get(name) or self._named.get(_full_name(name, space)) or self._named.get(name)
        )
        if codec is None:
            msg = f"it is not an Avro schema: nothing defines the type `{name}`"
            raise SchemaError(msg)
        return codec

    def _array(self, items: Codec) -> Codec:
        if not items.fewest:
            msg = "an array whose items take no bytes: a record could announce any number of them"
            raise SchemaError(msg)
        return codecs.array(items)

    def _define(self, type_: Mapping[str, Any], space: str, codec: Codec) -> Codec:
        self._named[_name_of(type_, space)] = codec
        return codec

    def _record(self, type_: Mapping[str, Any], fields: Sequence[Any], space: str, depth: int) -> Codec:
        full = _name_of(type_, space)
        # A record may contain itself, in an array, a map or a union, each of which takes a byte.
        self._named[full] = Codec(
            lambda data, at: itself.read(data, at),  # noqa: PLW0108  not there yet
            lambda data, at: itself.skip(data, at),  # noqa: PLW0108  not there yet
            1,
        )
        within = full.rpartition(".")[0]
        parts: list[tuple[str, Codec]] = []
        for field in fields:
            match field:
                case {"name": str(name), "type": part}:
                    parts.append((name, self.parse(part, within, depth + 1)))
                case _:
                    msg = "it is not an Avro schema: a field without name or type"
                    raise SchemaError(msg)
        itself = self._named[full] = codecs.record(parts)
        return itself


def _logical(type_: Mapping[str, Any], inner: object, codec: Codec) -> Codec:
    """The codec of a type in an object of its own, such as an int that is a date."""
    match type_.get("logicalType"), inner:
        case "decimal", "bytes" if (scale := _scale(type_)) is not None:
            return codecs.decimal(codec, scale)
        case "date", "int":
            return codecs.day(codec)
        case _:
            return codec


def _logical_fixed(type_: Mapping[str, Any], size: int) -> Codec:
    codec = codecs.fixed(size)
    match type_.get("logicalType"):
        case "decimal" if (scale := _scale(type_)) is not None:
            return codecs.decimal(codec, scale)
        case "uuid" if size == _UUID_BYTES:
            return codecs.uuid(codec)
        case _:
            return codec


def _scale(type_: Mapping[str, Any]) -> int | None:
    scale = type_.get("scale", 0)
    return scale if isinstance(scale, int) and 0 <= scale <= _MOST_SCALE else None


def _name_of(type_: Mapping[str, Any], space: str) -> str:
    given = type_.get("namespace", space)
    return _full_name(type_["name"], given if isinstance(given, str) else "")


def _full_name(name: str, space: str) -> str:
    return name if "." in name or not space else f"{space}.{name}"
