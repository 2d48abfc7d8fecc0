"""Parses and checks ``record.mapping`` of the configuration: text to ``MappingSpec``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.core.mapping.faults import unknown
from worker.core.mapping.grammar.directives import parse_levels, parse_unwrap
from worker.core.mapping.grammar.fields import parse_field
from worker.core.mapping.grammar.filters import FilterParser
from worker.core.mapping.grammar.nodes import DOCUMENT, MappingSpec
from worker.core.mapping.grammar.paths import Scope
from worker.core.mapping.grammar.sources import SourceParser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.core.mapping.grammar.notes import Notes
    from worker.core.operations.table import Operation

DIRECTIVES: Final = ("unwrap", "each", "keep", "drop")


def parse_mapping(operation: Operation, given: Mapping[str, object], notes: Notes) -> MappingSpec:
    """Parse a mapping as far as possible, and note its mistakes.

    Its fields come in the order of the table, with the default of each that is not given.
    """
    names = [field.name for field in operation.fields]
    for key in given:
        if key not in names and key not in DIRECTIVES:
            notes.note(str(key), unknown("field", key, [*names, *DIRECTIVES]))
    unwrap = parse_unwrap(given.get("unwrap"), notes)
    levels = parse_levels(given.get("each"), notes, unwraps=bool(unwrap))
    sources = SourceParser(Scope(tuple(level.name for level in levels), bool(unwrap)), notes)
    filters = FilterParser(sources, notes)
    rules = (*filters.parse("keep", given.get("keep")), *filters.parse("drop", given.get("drop")))
    fields = {
        field.name: parse_field(field, given.get(field.name, field.default_paths), sources, notes)
        for field in operation.fields
    }
    if levels and not notes and all(field.level == DOCUMENT for field in fields.values()):
        notes.note(
            "each", f"no field is of an element, so all events would be the same; say `${levels[-1].name}.a`"
        )
    return MappingSpec(fields, unwrap, levels, rules)
