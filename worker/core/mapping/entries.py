"""Builds an entry of a call from the values of a record's fields: casts each, and encodes the entry.

The function that does so is generated from the operation's table, as ``dataclasses`` generates ``__init__``.
The table binds every field by its name, and yet a record costs no loop over the fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from worker.core.mapping import faults
from worker.core.mapping.event_ids import derived_event_id
from worker.core.mapping.faults import Unmappable
from worker.core.model.records import Interaction

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from worker.core.mapping.casts import Cast
    from worker.core.model.records import Record
    from worker.core.operations.table import Operation, OperationField

_SOURCE: Final = """
def to_interaction(record, values):
    {names} = values
    entry = Entry({of_entry})
    return Interaction(record, {of_call}event=encode(entry))
"""


def compile_interaction(
    operation: Operation,
    casts: Mapping[str, Cast],
    *,
    cast_before: Container[str] = (),
    derived_id: Callable[[Record], str] = derived_event_id,
) -> Callable[[Record, Sequence[Any]], Interaction]:
    """Generate the function that takes one value for each field, in the order of the table.

    Values of fields in ``cast_before`` are taken as they are. ``derived_id`` gives the id of an entry that
    has none.
    It raises Unmappable for a value that breaks a rule. It raises UnicodeError and RecursionError for a value
    that cannot be encoded; casts that check characters give the reason for such text.
    """
    of_entry = [field for field in operation.fields if not field.of_call]
    source = _SOURCE.format(
        names=", ".join(field.name for field in operation.fields),
        of_entry=", ".join(_expression(each, cast_before) for each in of_entry),
        of_call="".join(
            f"{each.name}={_expression(each, cast_before)}, " for each in operation.fields if each.of_call
        ),
    )
    namespace: dict[str, object] = {
        f"cast_{field.name}": within_structure(field, casts[field.name]) for field in operation.fields
    } | {
        "Entry": _entry_type(of_entry),
        "Interaction": Interaction,
        "derived_id": derived_id,
        "encode": _compile_encode(operation.max_entry_bytes),
    }
    exec(source, namespace)  # noqa: S102  of names in our own table, nothing from outside
    return cast("Callable[[Record, Sequence[Any]], Interaction]", namespace["to_interaction"])


def _expression(field: OperationField, cast_before: Container[str]) -> str:
    value = field.name
    if value in cast_before:
        return value
    if field.unique:
        return f"({value} is not None and cast_{value}({value})) or derived_id(record)"
    if field.required:
        return f"cast_{value}({value})"
    return f"None if {value} is None else cast_{value}({value})"


def _entry_type(fields: Sequence[OperationField]) -> type[msgspec.Struct]:
    """The struct that an entry is encoded from; what is None is left out."""
    return _struct("Entry", {field.name: field.api_name.partition(".")[0] for field in fields})


def _struct(title: str, api_names: Mapping[str, str]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        title,
        [(name, Any, None) for name in api_names],
        rename=dict(api_names),
        frozen=True,
        omit_defaults=True,
        gc=False,
    )


def within_structure(field: OperationField, cast_value: Cast) -> Cast:
    """The cast to the field's value, within a structure of its own if that is where the API has it."""
    outer, _, inner = field.api_name.partition(".")
    if not inner:
        return cast_value
    structure = _struct(outer, {field.name: inner})

    def cast_and_wrap(value: object) -> object:
        member = cast_value(value)
        return None if member is None else structure(member)

    return cast_and_wrap


def _compile_encode(max_bytes: int) -> Callable[[msgspec.Struct], bytes]:
    encode_into = msgspec.json.Encoder().encode_into
    # All entries are encoded in one buffer and copied: bytes that the encoder grows for one entry keep a
    # hundred unused bytes and more.
    buffer = bytearray(max_bytes)

    def encode_within_limit(entry: msgspec.Struct) -> bytes:
        encode_into(entry, buffer)
        if len(buffer) > max_bytes:
            raise Unmappable(faults.TOO_LARGE, f"the event is larger than {max_bytes} bytes as JSON")
        return bytes(buffer)

    return encode_within_limit
