"""Compiles how a record fans out: its elements one after the other, and what is read of each.

A document has an attribute for the current element of each level, and one for its index. So what is read of
an element is looked up like everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from worker.core.mapping import faults
from worker.core.mapping.compiler.filters import compile_filter
from worker.core.mapping.compiler.layout import level_slot, within_slot
from worker.core.mapping.compiler.lookups import Reader, compile_lookup
from worker.core.mapping.compiler.reading import compile_fill
from worker.core.mapping.compiler.steps import opened_value
from worker.core.mapping.faults import Field, Unmappable
from worker.core.mapping.grammar.nodes import DOCUMENT
from worker.core.mapping.placeholders import BLANKS
from worker.formats.protocol import LazyValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from worker.core.mapping.compiler.filters import Filter
    from worker.core.mapping.compiler.lookups import Lookup
    from worker.core.mapping.compiler.reading import Fill, LookUp, Reading
    from worker.core.mapping.compiler.steps import Opened
    from worker.core.mapping.grammar.nodes import Level, MappingSpec
    from worker.core.model.records import Record
    from worker.formats.protocol import Document

    Visit: TypeAlias = Callable[[Document, Record, Opened], Iterator[None]]
    """Makes one element after the other the document's current one, and yields each time."""

MAX_ELEMENTS = 10_000
"""The maximum number of elements of a record."""

_NOTHING = (None,)


class Elements(NamedTuple):
    """How a record fans out."""

    opened: Opened
    """The JSON texts within the record, for all functions here."""
    look_up: LookUp
    """The values of the fields that all elements share; those of others are None."""
    visit: Visit
    """Raises Unmappable for too many elements."""
    left_out_by: Filter | None
    fill: Fill
    """Puts the values of the current element among those that all share."""
    shared: frozenset[str]
    """The fields that all elements share."""


def compile_elements(
    spec: MappingSpec,
    slots: Mapping[str, str],
    readings: Mapping[str, Reading],
    look_up: LookUp,
    opened: Opened,
) -> Elements:
    """Compile the fan-out; ``readings`` by the names of the fields, in their order."""
    return Elements(
        opened,
        look_up,
        _compile_visit(spec.levels, slots),
        compile_filter([rule for rule in spec.rules if rule.level > DOCUMENT], slots),
        compile_fill([(place, each) for place, each in enumerate(readings.values()) if each.of_element()]),
        frozenset(name for name, each in readings.items() if not each.of_element()),
    )


def _compile_visit(levels: Sequence[Level], slots: Mapping[str, str]) -> Visit:
    visit: Visit | None = None
    for level, each in reversed(list(enumerate(levels))):
        reader = Reader(Field("each", each.path.described()), slots, BLANKS, whole=False)
        visit = _compile_level(compile_lookup(each.path, reader), level, visit)
    if visit is None:
        msg = "a fan-out has a level"
        raise ValueError(msg)
    return visit


def _compile_level(look_up: Lookup, level: int, inner: Visit | None) -> Visit:
    slot, number_slot = level_slot(level), within_slot(level)

    def visit_innermost(document: Document, record: Record, opened: Opened) -> Iterator[None]:
        for element in _elements(look_up(document, record, opened), opened):
            setattr(document, slot, element)
            yield

    if inner is None:
        return visit_innermost

    def visit(document: Document, record: Record, opened: Opened) -> Iterator[None]:
        for element in _elements(look_up(document, record, opened), opened):
            setattr(document, slot, element)
            for number, _ in enumerate(inner(document, record, opened)):
                setattr(document, number_slot, number)
                yield

    return visit


def _elements(value: object, opened: Opened) -> Sequence[object]:
    """The elements of an array, or of its JSON text. What is no array is the only one; so is nothing."""
    if type(value) is str:
        if value in BLANKS:
            return _NOTHING
        within = opened_value(value, opened)
        value = within if type(within) is list else value
    elif isinstance(value, LazyValue):
        within = value.parts()
        if within is None:
            return _elements(value.read(), opened)
        value = within if type(within) is list else value
    if type(value) is not list:
        return (value,)
    if len(value) > MAX_ELEMENTS:
        raise too_many()
    return value or _NOTHING


def too_many() -> Unmappable:
    """The reason for a record with too many elements."""
    return Unmappable(faults.TOO_MANY, f"each: more than {MAX_ELEMENTS} elements")
