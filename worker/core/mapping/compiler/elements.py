"""Compiles how a record fans out: its elements one after the other, and what is read of each.

A document has an attribute for the current element of each level, and one for its index. So what is read of
an element is looked up like everything else.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from worker.core.mapping import faults
from worker.core.mapping.compiler.filters import compile_filter
from worker.core.mapping.compiler.layout import level_slot, within_slot
from worker.core.mapping.compiler.lookups import Reader, compile_lookup
from worker.core.mapping.compiler.reading import compile_element_fill
from worker.core.mapping.compiler.steps import opened_value
from worker.core.mapping.faults import Field, Unmappable
from worker.core.mapping.grammar.nodes import DOCUMENT
from worker.core.mapping.placeholders import BLANKS
from worker.formats.protocol import LazyValue

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from worker.core.mapping.compiler.filters import Filter
    from worker.core.mapping.compiler.lookups import Lookup
    from worker.core.mapping.compiler.reading import Fill, LookUp, Reading
    from worker.core.mapping.compiler.steps import Opened
    from worker.core.mapping.grammar.nodes import Level, MappingSpec
    from worker.core.model.records import Record
    from worker.formats.protocol import Document

    Size: TypeAlias = Callable[[Document, Record, Opened], int]
    Visit: TypeAlias = Callable[[Document, Record, Opened], Iterable[object]]
    """The elements of the innermost level; the document has those that each is in when it comes."""

MAX_ELEMENTS = 10_000
"""The maximum number of elements of a record."""

_NOTHING = (None,)


class Elements(NamedTuple):
    """How a record fans out."""

    opened: Opened
    """The JSON texts within the record, for all functions here."""
    look_up: LookUp
    """The values of the fields that all elements share; those of others are None."""
    size: Size
    """Raises Unmappable for too many elements."""
    visit: Visit
    slot: str
    """The attribute of the document for the element that is visited, which the visitor sets."""
    left_out_by: Filter | None
    fill: Fill
    """Puts the values of the current element among those that all share."""
    shared: frozenset[str]
    """The fields that all elements share."""
    shared_id: tuple[int, Container[str]] | None
    """The position of an id that all elements read, each to number it, and the texts that count as absent."""


def compile_elements(
    spec: MappingSpec,
    slots: Mapping[str, str],
    readings: Mapping[str, Reading],
    look_up: LookUp,
    opened: Opened,
) -> Elements:
    """Compile the fan-out; ``readings`` by the names of the fields, in their order."""
    size, visit = _compile_visit(spec.levels, slots)
    return Elements(
        opened,
        look_up,
        size,
        visit,
        level_slot(len(spec.levels) - 1),
        compile_filter([rule for rule in spec.rules if rule.level > DOCUMENT], slots),
        compile_element_fill(
            [(place, each) for place, each in enumerate(readings.values()) if each.of_element()],
            len(spec.levels) - 1,
        ),
        frozenset(name for name, each in readings.items() if not (each.of_element() or each.is_shared_id())),
        next(
            ((place, each.nothing) for place, each in enumerate(readings.values()) if each.is_shared_id()),
            None,
        ),
    )


def _compile_visit(levels: Sequence[Level], slots: Mapping[str, str]) -> tuple[Size, Visit]:
    """Compile the size of the fan-out, and the visit of its elements."""
    lookups = [
        compile_lookup(level.path, Reader(Field("each", level.path.described()), slots, BLANKS, whole=False))
        for level in levels
    ]
    *outer, innermost = lookups
    visit = _compile_innermost(innermost)
    for level, look_up in reversed([*enumerate(outer)]):
        visit = _compile_outer(level, look_up, visit)
    return _compile_size(visit if outer else None, lookups[0]), visit


def _compile_size(visit: Visit | None, look_up: Lookup) -> Size:
    """Compile the size: how many elements are visited, or the length of the array if there is one level."""

    def size(document: Document, record: Record, opened: Opened) -> int:
        if visit is None:
            of = len(_elements(look_up(document, record, opened), opened))
        else:
            of = sum(1 for _ in islice(visit(document, record, opened), MAX_ELEMENTS + 1))
        if of > MAX_ELEMENTS:
            raise Unmappable(faults.TOO_MANY, f"each: more than {MAX_ELEMENTS} elements")
        return of

    return size


def _compile_innermost(look_up: Lookup) -> Visit:
    return lambda document, record, opened: _elements(look_up(document, record, opened), opened)


def _compile_outer(level: int, look_up: Lookup, inner: Visit) -> Visit:
    slot, number_slot = level_slot(level), within_slot(level)

    def visit(document: Document, record: Record, opened: Opened) -> Iterator[object]:
        for outer in _elements(look_up(document, record, opened), opened):
            setattr(document, slot, outer)
            for number, element in enumerate(inner(document, record, opened)):
                setattr(document, number_slot, number)
                yield element

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
    return value or _NOTHING
