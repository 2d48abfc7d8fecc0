"""Compiles how the fields are read: their sources in order, and what is done with the value found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from worker.core.mapping.casts import absent_texts
from worker.core.mapping.compiler.layout import ABSENT, INDEX, constant_slot, within_slot
from worker.core.mapping.compiler.lookups import Reader, compile_lookup, first_present
from worker.core.mapping.compiler.modifiers import compile_modifier, compile_numbered, compile_without
from worker.core.mapping.faults import Field
from worker.core.mapping.grammar.nodes import DOCUMENT, FieldSpec, Member, Path
from worker.core.operations.table import IdList

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.mapping.compiler.lookups import Lookup
    from worker.core.mapping.compiler.modifiers import Modify
    from worker.core.mapping.compiler.steps import Opened
    from worker.core.mapping.grammar.nodes import Source
    from worker.core.model.records import Record
    from worker.core.operations.table import OperationField
    from worker.formats.protocol import Document

    Fill: TypeAlias = Callable[[list[Any], Document, Record, Opened], None]
    """Puts what it finds into the values of the fields, where nothing is yet."""
    LookUp: TypeAlias = Callable[[Document, Record, Opened], list[Any]]
    """One value for each field, in their order; an absent one is None, or text that counts as null."""


class Reading:
    """How one field is read.

    Args:
        field: the field.
        spec: what the mapping says of it.
        slots: the attribute of the document for each member.
        placeholder_ids: texts that are written where there is no id.
        innermost: the innermost level of the fan-out.
    """

    def __init__(
        self,
        field: OperationField,
        spec: FieldSpec,
        slots: Mapping[str, str],
        placeholder_ids: frozenset[str],
        innermost: int,
    ) -> None:
        self._spec = spec
        self._slots = slots
        self._field = Field(field.name, spec.described(), field.required)
        self._numbers_to = innermost if field.unique else DOCUMENT
        self.nothing = absent_texts(field.type, placeholder_ids)
        if isinstance(field.type, IdList):
            of_items = absent_texts(field.type.item, placeholder_ids)
            self._reader = Reader(self._field, slots, of_items, listed=True)
        else:
            self._reader = Reader(self._field, slots, self.nothing)

    def of_element(self) -> bool:
        """Whether it may differ between the elements of a record."""
        return self._spec.level > DOCUMENT or self._numbers_to > DOCUMENT

    def first_member(self) -> str | None:
        """The member that is its first source, if that can be read with those of the other fields at once."""
        match self._spec:
            case FieldSpec(
                sources=(Path(base=Member(name=name, outermost=False), steps=()), *_), absent=absent
            ):
                return None if absent or self.of_element() else name
            case _:
                return None

    def first_attribute(self) -> str:
        """The attribute of a document that is read first."""
        if self._spec.constant is not None:
            return constant_slot(self._field.name)
        member = self.first_member()
        return ABSENT if member is None else self._slots[member]

    def lookups(self) -> list[Lookup]:
        """The look-ups of its sources, except for a member that is read first anyway."""
        sources = self._spec.sources if self.first_member() is None else self._spec.sources[1:]
        return [self._lookup(source) for source in sources]

    def modifier(self) -> Modify | None:
        """What is done with its value."""
        return compile_modifier(self._spec, self._field, self.nothing)

    def _lookup(self, source: Source) -> Lookup:
        lookup = compile_lookup(source, self._reader)
        if self._spec.absent:
            lookup = compile_without(lookup, self._spec.absent)
        if source.level < self._numbers_to:
            slot = INDEX if source.level == DOCUMENT else within_slot(source.level)
            lookup = compile_numbered(lookup, slot, self.nothing)
        return lookup


def compile_fill(readings: Sequence[tuple[int, Reading]]) -> Fill:
    """Compile the reading of these fields, by their positions, except for what is read first."""
    lookups = [(place, each.nothing, found) for place, each in readings if (found := each.lookups())]
    modifiers = [(place, modify) for place, each in readings if (modify := each.modifier())]

    def fill(values: list[Any], document: Document, record: Record, opened: Opened) -> None:
        for place, nothing, sources in lookups:
            value = values[place]
            if value is None or (type(value) is str and value in nothing):
                found = first_present(sources, nothing, document, record, opened)
                values[place] = value if found is None else found
        for place, modify in modifiers:
            values[place] = modify(values[place])

    return fill
