"""Selects the values of the fields from a record's document and from the record itself.

The document is a struct made for the mapping, with an attribute for each member of the top object that a path
begins with. One call reads all constants and all fields whose first source is such a member. Nested values,
fall-backs and places of the record itself are looked up one by one.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from msgspec.structs import astuple

from worker.core.mapping.compiler.elements import compile_elements
from worker.core.mapping.compiler.filters import compile_filter
from worker.core.mapping.compiler.layout import document_struct, looks_outside, slots_of
from worker.core.mapping.compiler.reading import Reading, compile_fill
from worker.core.mapping.compiler.unwrapping import compile_unwrap
from worker.core.mapping.grammar.nodes import DOCUMENT
from worker.core.model.records import Skipped
from worker.formats.protocol import DocumentType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.mapping.compiler.elements import Elements
    from worker.core.mapping.compiler.reading import LookUp
    from worker.core.mapping.compiler.steps import Opened
    from worker.core.mapping.grammar.nodes import MappingSpec
    from worker.core.model.records import Record
    from worker.core.operations.table import Operation
    from worker.formats.protocol import Document

    Select: TypeAlias = Callable[[Document, Record], Any]
    Prepare: TypeAlias = Callable[[Document, Record, Opened], Document | Skipped]
    """From the record's document to that of the paths, or that it is skipped."""


class Selection(NamedTuple):
    """What a mapping needs of a document, and how it finds the fields' values in it."""

    document: DocumentType
    select: Select
    """One value for each field, in their order; an absent one is None, or text that counts as null.

    For a mapping that fans out, the document of the paths. Skipped, if a rule leaves the record out.
    """
    elements: Elements | None
    """How the record fans out; None if it does not."""
    skips: bool
    """Whether there are rules that leave records out."""


def compile_selection(operation: Operation, spec: MappingSpec, placeholder_ids: frozenset[str]) -> Selection:
    """Compile the selection of all fields."""
    slots = slots_of(spec)
    struct = document_struct(spec, slots)
    readings = {
        field.name: Reading(field, spec.fields[field.name], slots, placeholder_ids, len(spec.levels) - 1)
        for field in operation.fields
    }
    whole = frozenset(name for each in readings.values() if (name := each.member_as_it_is()) is not None)
    look_up = _compile_look_up(list(readings.values()), struct)
    prepare = _compile_prepare(spec, struct, slots, whole)
    # The JSON texts within one record: each is decoded once, however many paths lead into it.
    opened: Opened = {}
    elements = compile_elements(spec, slots, readings, look_up, opened) if spec.levels else None
    return Selection(
        DocumentType(struct, slots, frozenset() if spec.unwrap else whole),
        _compile_select(None if elements else look_up, prepare, opened),
        elements,
        skips=any(rule.level == DOCUMENT for rule in spec.rules),
    )


def _compile_look_up(readings: Sequence[Reading], struct: type[Document]) -> LookUp:
    """Compile the look-up of the fields that are the same for all elements of a record."""
    attributes = tuple(each.first_attribute() for each in readings)
    # Where each field begins at a member of its own, these are all attributes, in the same order.
    first_values = astuple if attributes == struct.__struct_fields__ else attrgetter(*attributes)
    fill = compile_fill([(place, each) for place, each in enumerate(readings) if not each.of_element()])

    def look_up(document: Document, record: Record, opened: Opened) -> list[Any]:
        values = list(first_values(document))
        fill(values, document, record, opened)
        return values

    return look_up


def _compile_prepare(
    spec: MappingSpec, struct: type[Document], slots: Mapping[str, str], whole: frozenset[str]
) -> Prepare | None:
    """Compile what comes before the fields: the document is unwrapped, and the rules are asked."""
    unwrap = (
        compile_unwrap(spec.unwrap, struct, slots, whole, keeps_outermost=looks_outside(spec))
        if spec.unwrap
        else None
    )
    left_out_by = compile_filter([rule for rule in spec.rules if rule.level == DOCUMENT], slots)
    if unwrap is None and left_out_by is None:
        return None

    def prepare(document: Document, record: Record, opened: Opened) -> Document | Skipped:
        if unwrap is not None:
            document = unwrap(document, record, opened)
        if left_out_by is not None:
            rule = left_out_by(document, record, opened)
            if rule is not None:
                return Skipped(record, rule)
        return document

    return prepare


def _compile_select(look_up: LookUp | None, prepare: Prepare | None, opened: Opened) -> Select:
    values_of = look_up or _document_itself

    def select(document: Document, record: Record) -> Document | list[Any]:
        if opened:
            opened.clear()
        return values_of(document, record, opened)

    if prepare is None:
        return select

    def select_prepared(document: Document, record: Record) -> Document | Skipped | list[Any]:
        if opened:
            opened.clear()
        prepared = prepare(document, record, opened)
        return prepared if isinstance(prepared, Skipped) else values_of(prepared, record, opened)

    return select_prepared


def _document_itself(document: Document, _: Record, __: Opened) -> Document:
    return document
