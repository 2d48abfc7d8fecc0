"""Compiles what a mapping does with a value between look-up and cast: ``absent``, ``values``, ``split``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from worker.core.mapping import faults
from worker.core.mapping.faults import LeftOut
from worker.core.mapping.scalars import scalar_text

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from worker.core.mapping.compiler.lookups import Lookup
    from worker.core.mapping.compiler.steps import Opened
    from worker.core.mapping.faults import Field
    from worker.core.mapping.grammar.nodes import FieldSpec
    from worker.core.model.records import Record
    from worker.formats.protocol import Document

    Modify: TypeAlias = Callable[[object], object]


def compile_without(lookup: Lookup, absent: Container[str]) -> Lookup:
    """The same look-up, for which scalars with one of these texts are absent."""

    def look_up(document: Document, record: Record, opened: Opened) -> object:
        value = lookup(document, record, opened)
        return None if scalar_text(value) in absent else value

    return look_up


def compile_numbered(lookup: Lookup, slot: str, nothing: Container[str]) -> Lookup:
    """The same look-up of an id that several elements share: all but the first get their number appended.

    Args:
        lookup: the look-up of the id.
        slot: the attribute of the document that holds the number, from 0.
        nothing: the texts that count as absent.
    """

    def look_up(document: Document, record: Record, opened: Opened) -> object:
        return numbered(lookup(document, record, opened), getattr(document, slot), nothing)

    return look_up


def numbered(value: object, number: int, nothing: Container[str]) -> object:
    """An id with a number appended, unless that is 0; one that is absent or wrong remains so."""
    if not number or (type(value) is not str and type(value) is not int) or value in nothing:
        return value
    return f"{value}-{number}"


def compile_modifier(spec: FieldSpec, field: Field, nothing: Container[str]) -> Modify | None:
    """Compile what is done with the value that was found; None if nothing is.

    It raises Unmappable or LeftOut for a value that is not among ``values``, as the spec says.
    """
    if spec.values is not None:
        return _exchange(spec, field, nothing)
    if spec.split is not None:
        return _split(spec.split)
    return None


def _exchange(spec: FieldSpec, field: Field, nothing: Container[str]) -> Modify:
    values = spec.values or {}
    rule = f"values:{field.name}"

    def modify(value: object) -> object:
        if value is None or (type(value) is str and value in nothing):
            return value
        new = values.get(scalar_text(value) or "")
        if new is not None or spec.otherwise == "keep":
            return value if new is None else new
        if spec.otherwise == "drop":
            raise LeftOut(rule)
        raise field.broken(faults.UNLISTED, "none of the `values` that the mapping lists")

    return modify


def _split(separator: str) -> Modify:
    def modify(value: object) -> object:
        if type(value) is not str:
            return value
        return [item for each in value.split(separator) if (item := each.strip())] or None

    return modify
