"""Selects the values of the fields from a record's document and from the record itself.

The document is a struct made for the mapping, with an attribute for each member of the top object that a path
begins with. One call reads all constants and all fields whose first source is such a member. Nested values,
fall-backs and places of the record itself are looked up one by one.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from worker.core.mapping.casts import absent_texts
from worker.core.mapping.compiler.layout import ABSENT, constant_slot, document_type, slots_of
from worker.core.mapping.compiler.lookups import Reader, compile_lookup, first_present
from worker.core.mapping.compiler.modifiers import compile_modifier, compile_without
from worker.core.mapping.faults import Field
from worker.core.mapping.grammar.nodes import FieldSpec, Member, Path
from worker.core.operations.table import IdList

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.mapping.compiler.lookups import Lookup
    from worker.core.mapping.compiler.modifiers import Modify
    from worker.core.mapping.compiler.steps import Opened
    from worker.core.mapping.grammar.nodes import MappingSpec
    from worker.core.model.records import Record
    from worker.core.operations.table import Operation, OperationField
    from worker.formats.protocol import Document, DocumentType

    Lookups: TypeAlias = Sequence[tuple[int, frozenset[str], Sequence[Lookup]]]
    """For the field at a position: the texts that count as null, and its sources in their order."""


class Selection(NamedTuple):
    """What a mapping needs of a document, and how it finds the fields' values in it."""

    document: DocumentType
    look_up: Callable[[Document, Record], Sequence[Any]]
    """One value for each field, in their order. An absent value is None, or text that counts as null."""


def compile_selection(operation: Operation, spec: MappingSpec, placeholder_ids: frozenset[str]) -> Selection:
    """Compile the selection of all fields."""
    slots = slots_of(spec)
    firsts = [_first_attribute(field, each, slots) for field, each in spec.fields.items()]
    readings = [
        _Reading(field, spec.fields[field.name], slots, placeholder_ids) for field in operation.fields
    ]
    lookups = [
        (position, each.nothing, found) for position, each in enumerate(readings) if (found := each.lookups())
    ]
    modifiers = [(position, modify) for position, each in enumerate(readings) if (modify := each.modifier())]
    look_up = _compile_look_up(attrgetter(*firsts), lookups)
    return Selection(
        document_type(spec, slots, firsts), _compile_modified(look_up, modifiers) if modifiers else look_up
    )


def _compile_look_up(
    first_values: Callable[[Document], Sequence[Any]], lookups: Lookups
) -> Callable[[Document, Record], list[Any]]:
    # The JSON texts within one record: each is decoded once, however many paths lead into it.
    opened: Opened = {}

    def look_up(document: Document, record: Record) -> list[Any]:
        if opened:
            opened.clear()
        values = list(first_values(document))
        for position, nothing, places in lookups:
            value = values[position]
            if value is None or (type(value) is str and value in nothing):
                found = first_present(places, nothing, document, record, opened)
                values[position] = value if found is None else found
        return values

    return look_up


def _compile_modified(
    look_up: Callable[[Document, Record], list[Any]], modifiers: Sequence[tuple[int, Modify]]
) -> Callable[[Document, Record], list[Any]]:
    def look_up_and_modify(document: Document, record: Record) -> list[Any]:
        values = look_up(document, record)
        for position, modify in modifiers:
            values[position] = modify(values[position])
        return values

    return look_up_and_modify


class _Reading:
    """How one field is read."""

    def __init__(
        self,
        field: OperationField,
        spec: FieldSpec,
        slots: Mapping[str, str],
        placeholder_ids: frozenset[str],
    ) -> None:
        self._spec = spec
        self._field = Field(field.name, spec.described(), field.required)
        self.nothing = absent_texts(field.type, placeholder_ids)
        if isinstance(field.type, IdList):
            of_items = absent_texts(field.type.item, placeholder_ids)
            self._reader = Reader(self._field, slots, of_items, listed=True)
        else:
            self._reader = Reader(self._field, slots, self.nothing)

    def lookups(self) -> list[Lookup]:
        """The look-ups of its sources, except for a member that is read first anyway."""
        sources = self._spec.sources
        found = [
            compile_lookup(source, self._reader)
            for source in (sources if _member_read_first(self._spec) is None else sources[1:])
        ]
        return [compile_without(each, self._spec.absent) for each in found] if self._spec.absent else found

    def modifier(self) -> Modify | None:
        """What is done with its value."""
        return compile_modifier(self._spec, self._field, self.nothing)


def _first_attribute(field: str, spec: FieldSpec, slots: Mapping[str, str]) -> str:
    if spec.constant is not None:
        return constant_slot(field)
    member = _member_read_first(spec)
    return ABSENT if member is None else slots[member]


def _member_read_first(spec: FieldSpec) -> str | None:
    """The member that is a field's first source, and can be read with those of the other fields at once."""
    match spec:
        case FieldSpec(sources=(Path(base=Member(name=name, outermost=False), steps=()), *_)) if (
            not spec.absent
        ):
            return name
        case _:
            return None
