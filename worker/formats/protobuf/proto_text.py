"""Makes a descriptor of a .proto file's text, which registries give that do not know format=serialized.

Only what says how messages are written is kept: messages, enumerations, fields, maps, oneofs, imports.
Services, extensions, reserved names and options (but for a few) are read over. Names of types stay as they
are written; the pool of descriptors needs them in full, which ``resolve`` finds, innermost first.

Source: https://protobuf.dev/reference/protobuf/proto3-spec/ and .../proto2-spec/
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from worker.formats.schemas import SchemaError

if TYPE_CHECKING:
    from collections.abc import Container

    from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto

_TOKEN: Final = re.compile(
    r"""\s+|//[^\n]*|/\*.*?\*/|
    (
        \.?[A-Za-z_][\w.]* | [+-]?[\d.][\w.+-]*
        | "(?:[^"\\]|\\.)*+" | '(?:[^'\\]|\\.)*+'
        | .
    )""",
    re.DOTALL | re.VERBOSE,
)
_SCALARS: Final = {
    name: FieldDescriptorProto.Type.Value(f"TYPE_{name.upper()}")
    for name in (
        "double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string", "bytes",
        "uint32", "sfixed32", "sfixed64", "sint32", "sint64",
    )
}  # fmt: skip
_LABELS: Final = {
    name: FieldDescriptorProto.Label.Value(f"LABEL_{name.upper()}")
    for name in ("optional", "required", "repeated")
}
_PACKED_OPTION: Final = "packed"
_DEEPEST: Final = 50


def parse_proto(text: str) -> FileDescriptorProto:
    """Parse the text of a .proto file; names of types are not in full yet.

    Raises:
        SchemaError: it is not one.
    """
    try:
        return _Parser(text).file()
    except (LookupError, ValueError, SyntaxError, TypeError, OverflowError):
        msg = "it is neither a descriptor in base64 nor the text of a .proto file"
        raise SchemaError(msg) from None


def resolve(file: FileDescriptorProto, known: Container[str]) -> None:
    """Write the names of types in full; ``known`` has those of all files, each with a dot before it."""

    def in_message(message: DescriptorProto, scope: str) -> None:
        for field in message.field:
            if field.type_name and not field.type_name.startswith("."):
                field.type_name = _in_full(field.type_name, scope, known)
        for nested in message.nested_type:
            in_message(nested, f"{scope}.{nested.name}")

    package = f".{file.package}" if file.package else ""
    for message in file.message_type:
        in_message(message, f"{package}.{message.name}")


def type_names(file: FileDescriptorProto) -> set[str]:
    """Return the full names of the file's types, each with a dot before it."""
    found: set[str] = set()

    def add(message: DescriptorProto, scope: str) -> None:
        full = f"{scope}.{message.name}"
        found.update({full}, (f"{full}.{enum.name}" for enum in message.enum_type))
        for nested in message.nested_type:
            add(nested, full)

    package = f".{file.package}" if file.package else ""
    for message in file.message_type:
        add(message, package)
    return found | {f"{package}.{enum.name}" for enum in file.enum_type}


def _in_full(name: str, scope: str, known: Container[str]) -> str:
    while True:
        if (full := f"{scope}.{name}") in known:
            return full
        if not scope:
            return f".{name}"
        scope = scope.rpartition(".")[0]


class _Parser:
    """Reads words from first to last; what does not fit raises LookupError or ValueError."""

    def __init__(self, text: str) -> None:
        self._words: list[str] = [word for word in _TOKEN.findall(text) if word]
        self._at = 0

    def file(self) -> FileDescriptorProto:
        """Parse the whole file."""
        file = FileDescriptorProto(syntax="proto2")
        while self._at < len(self._words):
            match self._next():
                case "syntax":
                    file.syntax = self._assigned()
                case "package":
                    file.package = self._next()
                    self._expect(";")
                case "import":
                    while not (word := self._next()).startswith(('"', "'")):
                        pass
                    file.dependency.append(_unquoted(word))
                    self._expect(";")
                case "message":
                    self._message(file.message_type.add(), file.syntax, 0)
                case "enum":
                    self._enum(file.enum_type.add())
                case ";":
                    pass
                case "option" | "service" | "extend":
                    self._over()
                case _:
                    raise ValueError
        return file

    def _message(  # noqa: C901  a table: one case per statement
        self, message: DescriptorProto, syntax: str, depth: int
    ) -> None:
        if depth > _DEEPEST:
            raise ValueError
        message.name = self._next()
        self._expect("{")
        while (word := self._next()) != "}":
            match word:
                case "message":
                    self._message(message.nested_type.add(), syntax, depth + 1)
                case "enum":
                    self._enum(message.enum_type.add())
                case "oneof":
                    self._oneof(message)
                case "option" | "reserved" | "extensions" | "extend":
                    self._over()
                case ";":
                    pass
                case "map" if self._peek() == "<":
                    self._map(message)
                case "optional" | "required" | "repeated":
                    self._field(message, self._next(), word, syntax)
                case _:
                    self._field(message, word, "optional", "")
        # The oneof that `optional` makes in proto3 stands behind the others.
        for field in message.field:
            if field.proto3_optional:
                field.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{field.name}")

    def _oneof(self, message: DescriptorProto) -> None:
        index = len(message.oneof_decl)
        message.oneof_decl.add(name=self._next())
        self._expect("{")
        while (word := self._next()) != "}":
            if word == "option":
                self._over()
            elif word != ";":
                self._field(message, word, "optional", "").oneof_index = index

    def _field(self, message: DescriptorProto, type_: str, label: str, syntax: str) -> FieldDescriptorProto:
        if type_ == "group":
            raise ValueError  # Of proto2, and deprecated since 2008.
        field = message.field.add(label=_LABELS[label])
        _set_type(field, type_)
        field.name = self._next()
        self._expect("=")
        field.number = int(self._next(), 0)
        self._options(field)
        if label == "optional" and syntax == "proto3":
            field.proto3_optional = True
        return field

    def _map(self, message: DescriptorProto) -> None:
        self._expect("<")
        key = self._next()
        self._expect(",")
        value = self._next()
        self._expect(">")
        field = message.field.add(label=_LABELS["repeated"], name=self._next())
        self._expect("=")
        field.number = int(self._next(), 0)
        self._options(field)
        entry = message.nested_type.add(
            name="".join(word[:1].upper() + word[1:] for word in field.name.split("_")) + "Entry"
        )
        entry.options.map_entry = True
        for number, (name, type_) in enumerate((("key", key), ("value", value)), 1):
            _set_type(entry.field.add(name=name, number=number, label=_LABELS["optional"]), type_)
        _set_type(field, entry.name)
        field.type = FieldDescriptorProto.TYPE_MESSAGE

    def _options(self, field: FieldDescriptorProto) -> None:
        """Read a field's options up to its semicolon: a default and `packed` say how it is read."""
        while (word := self._next()) != ";":
            if word == "default" and self._peek() == "=":
                self._next()
                value = self._next()
                field.default_value = _unquoted(value) if value[0] in "\"'" else value
            elif word == _PACKED_OPTION and self._peek() == "=":
                self._next()
                field.options.packed = self._next() == "true"
            elif word == "{":
                self._at -= 1
                self._braces()

    def _enum(self, enum: EnumDescriptorProto) -> None:
        enum.name = self._next()
        self._expect("{")
        while (word := self._next()) != "}":
            if word == "option" and self._peek(1) == "=" and self._peek() == "allow_alias":
                self._next()
                enum.options.allow_alias = self._assigned() == "true"
            elif word in {"option", "reserved"} and self._peek() != "=":
                self._over()
            elif word != ";":
                self._expect("=")
                sign = -1 if self._peek() == "-" and self._next() else 1
                enum.value.add(name=word, number=sign * int(self._next(), 0))
                self._over()

    def _over(self) -> None:
        """Read over a statement: up to its semicolon, or its closing brace."""
        brackets = 0
        while (word := self._next()) != ";":
            brackets += {"[": 1, "]": -1}.get(word, 0)
            if word == "{":
                self._at -= 1
                self._braces()
                if not brackets and self._peek() != ";":
                    return

    def _braces(self) -> None:
        depth = 0
        while True:
            depth += {"{": 1, "}": -1}.get(self._next(), 0)
            if not depth:
                return

    def _assigned(self) -> str:
        self._expect("=")
        value = self._next()
        self._expect(";")
        return _unquoted(value) if value[0] in "\"'" else value

    def _next(self) -> str:
        self._at += 1
        return self._words[self._at - 1]

    def _peek(self, ahead: int = 0) -> str:
        return self._words[self._at + ahead] if self._at + ahead < len(self._words) else ""

    def _expect(self, word: str) -> None:
        if self._next() != word:
            raise ValueError


def _set_type(field: FieldDescriptorProto, type_: str) -> None:
    # Whether a name is a message's or an enumeration's, the pool finds out.
    if type_ in _SCALARS:
        field.type = _SCALARS[type_]
    else:
        field.type_name = type_


def _unquoted(word: str) -> str:
    text: object = ast.literal_eval(word)
    if not isinstance(text, str):
        raise TypeError
    return text
