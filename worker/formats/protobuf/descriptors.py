"""Finds the type of a record's message: in the registry's schema by its index, or in a file by its name.

A schema is the descriptor of a .proto file in base64, which most registries give for ``format=serialized``,
or else the file's text (``proto_text``). What it imports that nobody has is taken for empty: mostly it holds
options, which say nothing about how a message is written.
"""

from __future__ import annotations

import base64
from importlib import import_module
from typing import TYPE_CHECKING, Final

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from worker.formats.protobuf.proto_text import parse_proto, resolve, type_names
from worker.formats.schemas import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from google.protobuf.descriptor import Descriptor, FileDescriptor
    from google.protobuf.message import Message

    from worker.formats.schemas import Schema

_WELL_KNOWN: Final = (
    "any", "api", "descriptor", "duration", "empty", "field_mask", "source_context", "struct", "timestamp",
    "type", "wrappers",
)  # fmt: skip
_DEEPEST: Final = 50


def messages_of_schema(schema: Schema) -> FileDescriptor:
    """Return the file that a schema of the registry describes.

    Raises:
        SchemaError: it is not a descriptor, or something that it imports is missing.
    """
    files: dict[str, FileDescriptorProto] = {}

    def add(name: str, each: Schema, depth: int) -> None:
        if depth > _DEEPEST:
            msg = "its imports are nested too deeply"
            raise SchemaError(msg)
        for imported, reference in each.references:
            add(imported, reference, depth + 1)
        if name not in files:
            files[name] = _file(each.text, name)

    # The name under which nothing imports it.
    add("", schema, 0)
    files[""].name = "record.proto"
    return _build(files.values()).FindFileByName("record.proto")


def message_by_index(file: FileDescriptor, index: Sequence[int]) -> type[Message]:
    """Return the message type at an index of the frame, first among the file's messages, then nested.

    Raises:
        SchemaError: the file has none there.
    """
    by_number: list[Descriptor] = list(file.message_types_by_name.values())
    found: Descriptor | None = None
    for number in index:
        if not 0 <= number < len(by_number):
            msg = "it has no message of that index"
            raise SchemaError(msg)
        found = by_number[number]
        by_number = list(found.nested_types)
    if found is None:
        msg = "it has no message"
        raise SchemaError(msg)
    return GetMessageClass(found)


def message_by_name(descriptors: bytes, name: str) -> type[Message]:
    """Return the message type of that name in a FileDescriptorSet, as ``protoc`` makes it.

    Raises:
        SchemaError: it is not such a set, an import is missing, or it has no such message.
    """
    try:
        files = list(FileDescriptorSet.FromString(descriptors).file)
    except DecodeError:
        files = []
    if not files:
        msg = (
            "it is not a set of descriptors; make one with protoc --include_imports --descriptor_set_out=FILE"
        )
        raise SchemaError(msg)
    try:
        return GetMessageClass(_build(files).FindMessageTypeByName(name))
    except KeyError:
        known = sorted(f"{each.package}.{m.name}".lstrip(".") for each in files for m in each.message_type)
        msg = f"it has no message {name}; it has: {', '.join(known[:10])}"
        raise SchemaError(msg) from None


def _file(text: str, name: str) -> FileDescriptorProto:
    try:
        file = FileDescriptorProto.FromString(base64.b64decode(text, validate=True))
    except (ValueError, DecodeError):
        file = parse_proto(text)
    file.name = name
    return file


def _build(files: Iterable[FileDescriptorProto]) -> DescriptorPool:
    """A pool of these files, with Google's own where they import them."""
    waiting = {each.name: each for each in files}
    pool, added, types = DescriptorPool(), set[str](), set[str]()
    absent: list[str] = []

    def add(name: str, depth: int) -> None:
        if name in added:
            return
        file = waiting.get(name) or _well_known(name)
        if file is None:
            absent.append(name)
            file = FileDescriptorProto(name=name)
        added.add(name)
        if depth > _DEEPEST:
            msg = "its imports are nested too deeply"
            raise SchemaError(msg)
        for imported in file.dependency:
            add(imported, depth + 1)
        types.update(type_names(file))
        resolve(file, types)
        try:
            pool.Add(file)
            # Only now the pool looks whether it all fits.
            pool.FindFileByName(name)
        except (TypeError, KeyError):
            missing = f": it imports {', '.join(absent)}, which is not there" if absent else ""
            msg = f"its descriptor contradicts itself{missing}"
            raise SchemaError(msg) from None

    for name in list(waiting):
        add(name, 0)
    return pool


def _well_known(name: str) -> FileDescriptorProto | None:
    word = name.removeprefix("google/protobuf/").removesuffix(".proto")
    if word not in _WELL_KNOWN or name != f"google/protobuf/{word}.proto":
        return None
    file: FileDescriptor = import_module(f"google.protobuf.{word}_pb2").DESCRIPTOR
    return FileDescriptorProto.FromString(file.serialized_pb)
