"""The casts of all fields, and the check of what the mapping itself puts into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.mapping.casts import compile_cast
from worker.core.mapping.faults import Field, Unmappable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.core.mapping.casts import Cast
    from worker.core.mapping.grammar.nodes import FieldSpec, MappingSpec
    from worker.core.mapping.grammar.notes import Notes
    from worker.core.operations.table import Operation


def compile_casts(
    operation: Operation, spec: MappingSpec, placeholder_ids: frozenset[str], *, check_characters: bool
) -> dict[str, Cast]:
    """Compile one cast for each field, by name."""
    return {
        field.name: compile_cast(
            Field(field.name, spec.fields[field.name].described(), field.required),
            field.type,
            spec.fields[field.name],
            placeholder_ids=placeholder_ids,
            check_characters=check_characters,
        )
        for field in operation.fields
    }


def check_constants(spec: MappingSpec, casts: Mapping[str, Cast], notes: Notes) -> None:
    """Note the constants that break a rule: they would make every record a dead letter."""
    for name, field in spec.fields.items():
        for key, constant in _constants(name, field):
            try:
                if casts[name](constant) is None:
                    notes.note(key, "a constant that stands for nothing")
            except Unmappable as fault:
                notes.note(key, fault.reason.text)


def _constants(name: str, field: FieldSpec) -> Iterator[tuple[str, object]]:
    if field.constant is not None:
        yield f"{name}.value", field.constant
    for value, constant in (field.values or {}).items():
        yield f"{name}.values.{value}", constant
