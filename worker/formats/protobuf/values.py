"""Turns a field of a message into the values that the mapping takes, those of JSON.

Messages of Google's own become what Protobuf's JSON makes of them: a Timestamp its text, a wrapper its value,
a Struct an object. Enumerations become their names, and whole numbers keep every digit.

A field that is not set is absent, unless proto2 gives it a default. Without ``optional``, proto3 does not
write zero, false or empty text, so these are absent too: nobody can tell them from what was never set. A zero
would make one user of all who have none. Only an enumeration's first name is a value, unless it says itself
that it stands for none (UNSPECIFIED, by Google's style guide).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.message_factory import GetMessageClass

from worker.formats.numbers import decimal_text, from_double, from_single
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

_NO_VALUE: Final = "UNSPECIFIED"
# As many digits as any field can hold.
_MOST_SCALE: Final = 1024
_SCALE_OUT_OF_RANGE: Final = UnusableNumber(OUT_OF_RANGE, "a decimal number with too many digits")
_OUT_OF_RANGE: Final = UnusableNumber(OUT_OF_RANGE, "a Timestamp or Duration out of its range")
# From here on not every whole number has a double of its own.
_EXACT: Final = 2**53
_WRAPPERS: Final = ("Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")


def compile_get(field: FieldDescriptor) -> Get:
    """Compile what returns a field of a message; None if it is not set."""
    name, convert = field.name, _conversion(field)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return _get_map(name, _conversion(field.message_type.fields_by_name["value"]))
    if field.is_repeated:
        return lambda message: [convert(each) for each in getattr(message, name)] or None
    if field.has_presence:
        default = convert(field.default_value) if field.has_default_value else None
        return lambda message: convert(getattr(message, name)) if message.HasField(name) else default
    if field.enum_type is not None:
        return _get_enum(name, convert)

    def get(message: Message) -> object:
        value = getattr(message, name)
        return convert(value) if value else None

    return get


def _get_enum(name: str, convert: Convert) -> Get:
    first = convert(0)
    none = None if str(first).endswith(_NO_VALUE) else first

    def get(message: Message) -> object:
        number = getattr(message, name)
        return convert(number) if number else none

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
        return _CONVERSIONS.get(field.message_type.full_name) or _object_of(field.message_type)
    return _SCALARS.get(field.type, _as_it_is)


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
            if number - number != 0.0:
                return from_double(number)
            # Its numbers are doubles: what was written as 7 is an id, and 7.0 would be refused as one.
            return int(number) if abs(number) < _EXACT and number.is_integer() else number
        case kind:
            return getattr(message, kind)


def _any(message: Any) -> object:  # noqa: ANN401  made of a descriptor
    """The message within, if its type is known, and the name of its type, as Protobuf's own JSON has it."""
    pool = message.DESCRIPTOR.file.pool
    try:
        inner = pool.FindMessageTypeByName(message.type_url.rpartition("/")[2])
    except KeyError:
        return {"@type": message.type_url}
    value = (_CONVERSIONS.get(inner.full_name) or _object_of(inner))(
        GetMessageClass(inner).FromString(message.value)
    )
    within = value if isinstance(value, dict) and inner.full_name not in _CONVERSIONS else {"value": value}
    return {"@type": message.type_url, **within}


def _decimal(message: Any) -> object:  # noqa: ANN401  as above
    scale = message.scale
    return decimal_text(message.value, scale) if 0 <= scale <= _MOST_SCALE else _SCALE_OUT_OF_RANGE


_SCALARS: Final[Mapping[int, Convert]] = {
    FieldDescriptorProto.TYPE_DOUBLE: from_double,
    FieldDescriptorProto.TYPE_FLOAT: from_single,
}
_CONVERSIONS: Final[Mapping[str, Convert]] = {
    "google.protobuf.Timestamp": _text,
    "google.protobuf.Duration": _text,
    "google.protobuf.Struct": _struct,
    "google.protobuf.ListValue": _list,
    "google.protobuf.Value": _value,
    "google.protobuf.Any": _any,
    # confluent/type/decimal.proto of Confluent's serialisers.
    "confluent.type.Decimal": _decimal,
    "google.protobuf.DoubleValue": lambda message: from_double(message.value),
    "google.protobuf.FloatValue": lambda message: from_single(message.value),
    **{f"google.protobuf.{kind}Value": lambda message: message.value for kind in _WRAPPERS},
}
