"""Turns a field of a message into the values that the mapping takes, those of JSON.

Messages of Google's own become what Protobuf's JSON makes of them: a Timestamp its text, a wrapper its value,
a Struct an object. Enumerations become their names, and whole numbers keep every digit.

A field that is not set is absent. Without ``optional``, proto3 does not write zero, false or empty text, so
these are absent too: nobody can tell them from a field that was never set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.formats.protocol import OUT_OF_RANGE, UnusableNumber

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.message import Message
    from google.protobuf.struct_pb2 import ListValue, Struct, Value
    from google.protobuf.timestamp_pb2 import Timestamp

    Get: TypeAlias = Callable[[Message], object]
    Convert: TypeAlias = Callable[[Any], object]

_OUT_OF_RANGE: Final = UnusableNumber(OUT_OF_RANGE, "a Timestamp or Duration out of its range")
# From here on not every whole number has a double of its own.
_EXACT: Final = 2**53
_WRAPPERS: Final = ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")


def compile_get(field: FieldDescriptor) -> Get:
    """Compile what returns a field of a message; None if it is not set."""
    name, convert = field.name, _conversion(field)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return _get_map(name, _conversion(field.message_type.fields_by_name["value"]))
    if field.is_repeated:
        return lambda message: [convert(each) for each in getattr(message, name)] or None
    if field.has_presence:
        return lambda message: convert(getattr(message, name)) if message.HasField(name) else None

    def get(message: Message) -> object:
        value = getattr(message, name)
        return convert(value) if value else None

    return get


def _get_map(name: str, convert: Convert) -> Get:
    def get(message: Message) -> object:
        found = getattr(message, name)
        # A look-up in a map of messages would add what is missing; items() adds nothing.
        return {_key(key): convert(each) for key, each in found.items()} or None

    return get


def _key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _conversion(field: FieldDescriptor) -> Convert:
    if field.enum_type is not None:
        names = {value.number: value.name for value in reversed(field.enum_type.values)}
        return lambda number: names.get(number, number)
    if field.message_type is not None:
        return _CONVERSIONS.get(field.message_type.full_name, _object_of(field.message_type))
    return _as_it_is


def _as_it_is(value: object) -> object:
    return value


def _object_of(message_type: Descriptor) -> Convert:
    """What makes an object of a message; compiled at the first one, because a type may contain itself."""
    getters: dict[str, Get] = {}

    def convert(message: Message) -> object:
        if not getters:
            getters.update((field.name, compile_get(field)) for field in message_type.fields)
        found = {name: get(message) for name, get in getters.items()}
        return {name: value for name, value in found.items() if value is not None}

    return convert


def _text(message: Timestamp | Duration) -> object:
    try:
        return message.ToJsonString()
    except ValueError:
        return _OUT_OF_RANGE


def _struct(message: Struct) -> object:
    return {key: _value(each) for key, each in message.fields.items()}


def _list(message: ListValue) -> object:
    return [_value(each) for each in message.values]


def _value(message: Value) -> object:
    match message.WhichOneof("kind"):
        case "struct_value":
            return _struct(message.struct_value)
        case "list_value":
            return _list(message.list_value)
        case "null_value" | None:
            return None
        case "number_value":
            number = message.number_value
            # Its numbers are doubles: what was written as 7 is an id, and 7.0 would be refused as one.
            return int(number) if abs(number) < _EXACT and number.is_integer() else number
        case kind:
            return getattr(message, kind)


_CONVERSIONS: Final[Mapping[str, Convert]] = {
    "google.protobuf.Timestamp": _text,
    "google.protobuf.Duration": _text,
    "google.protobuf.Struct": _struct,
    "google.protobuf.ListValue": _list,
    "google.protobuf.Value": _value,
    **{f"google.protobuf.{kind}Value": lambda message: message.value for kind in _WRAPPERS},
}
