"""Compiles how the fields are read: their sources in order, and what is done with the value found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from worker.core.mapping.casts import absent_texts
from worker.core.mapping.compiler.layout import ABSENT, INDEX, constant_slot, level_slot, within_slot
from worker.core.mapping.compiler.lookups import Reader, combine, compile_lookup, compile_path_walk
from worker.core.mapping.compiler.modifiers import compile_modifier, compile_numbered, compile_without
from worker.core.mapping.faults import Field
from worker.core.mapping.grammar.nodes import DOCUMENT, FieldSpec, LevelElement, Member, Name, Path
from worker.core.operations.table import IdList

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.mapping.compiler.lookups import Lookup
    from worker.core.mapping.compiler.modifiers import Modify
    from worker.core.mapping.compiler.steps import Opened, Walk
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
        """Whether what is read differs between the elements of a record."""
        return self._spec.level > DOCUMENT

    def is_shared_id(self) -> bool:
        """Whether all elements read the same id, which each then needs to have numbered."""
        return self._numbers_to > DOCUMENT and not self.of_element()

    def member_as_it_is(self) -> str | None:
        """The member that is its first source, if no path leads on from there."""
        first = self._first()
        return first.base.name if first and not first.steps and isinstance(first.base, Member) else None

    def first_attribute(self) -> str:
        """The attribute of a document that is read first, with those of the other fields at once."""
        if self._spec.constant is not None:
            return constant_slot(self._field.name)
        first = self._first()
        return self._slots[first.base.name] if first and isinstance(first.base, Member) else ABSENT

    def first_walk(self) -> Walk | None:
        """The walk from the attribute that is read first."""
        first = self._first()
        return compile_path_walk(first, self._reader) if first and first.steps else None

    def lookup(self) -> Lookup | None:
        """The look-up of its sources, except for one that begins at the attribute that is read first."""
        sources = self._spec.sources[1:] if self._first() else self._spec.sources
        return combine([self._lookup(source) for source in sources], self.nothing)

    def _first(self) -> Path | None:
        """Its first source, if that is a path from an attribute, and nothing else is to be done with it."""
        match self._spec:
            case FieldSpec(sources=(Path(base=Member(outermost=False)) as path, *_), absent=absent):
                return None if absent or self.of_element() else path
            case _:
                return None

    def name_in_element(self, level: int) -> str | None:
        """The member of the element of that level which is all that is read."""
        match self._spec:
            case FieldSpec(
                sources=(Path(base=LevelElement(level=of), steps=(Name(name=name),)),), absent=absent
            ):
                return name if of == level and not absent and self.modifier() is None else None
            case _:
                return None

    def modifier(self) -> Modify | None:
        """What is done with its value."""
        return compile_modifier(self._spec, self._field, self.nothing)

    def _lookup(self, source: Source) -> Lookup:
        lookup = compile_lookup(source, self._reader)
        if self._spec.absent:
            lookup = compile_without(lookup, self._spec.absent)
        if source.level < self._numbers_to and not self.is_shared_id():
            slot = INDEX if source.level == DOCUMENT else within_slot(source.level)
            lookup = compile_numbered(lookup, slot, self.nothing)
        return lookup


def compile_fill(readings: Sequence[tuple[int, Reading]]) -> Fill:
    """Compile the reading of these fields, by their positions, from what is read first on."""
    walks = [(place, walk) for place, each in readings if (walk := each.first_walk())]
    lookups = [(place, each.nothing, look_up) for place, each in readings if (look_up := each.lookup())]
    modifiers = [(place, modify) for place, each in readings if (modify := each.modifier())]

    def fill(values: list[Any], document: Document, record: Record, opened: Opened) -> None:
        for place, walk in walks:
            value = values[place]
            if value is not None:
                values[place] = walk(value, opened)
        for place, nothing, look_up in lookups:
            value = values[place]
            if value is None or (type(value) is str and value in nothing):
                found = look_up(document, record, opened)
                values[place] = value if found is None else found
        for place, modify in modifiers:
            values[place] = modify(values[place])

    return fill


def compile_element_fill(readings: Sequence[tuple[int, Reading]], level: int) -> Fill:
    """Compile the same for fields of an element, most of which are its members."""
    slot = level_slot(level)
    names = [(place, name) for place, each in readings if (name := each.name_in_element(level))]
    others = [(place, each) for place, each in readings if not each.name_in_element(level)]
    fill_all, fill_others = compile_fill(readings), compile_fill(others) if others else None

    def fill(values: list[Any], document: Document, record: Record, opened: Opened) -> None:
        element = getattr(document, slot)
        if type(element) is not dict:
            fill_all(values, document, record, opened)
            return
        for place, name in names:
            values[place] = element.get(name)
        if fill_others is not None:
            fill_others(values, document, record, opened)

    return fill
