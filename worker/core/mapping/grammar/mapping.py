"""Parses and checks ``record.mapping`` of the configuration: text to ``MappingSpec``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.mapping.faults import unknown
from worker.core.mapping.grammar.fields import parse_field
from worker.core.mapping.grammar.nodes import MappingSpec
from worker.core.mapping.grammar.notes import Notes
from worker.core.mapping.grammar.paths import Scope
from worker.core.mapping.grammar.sources import SourceParser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.core.operations.table import Operation


def parse_mapping(operation: Operation, given: Mapping[str, object]) -> MappingSpec:
    """Parse a mapping; its fields come in the order of the table, with the default of each not given.

    Raises:
        MappingError: lists every mistake.
    """
    notes = Notes()
    names = [field.name for field in operation.fields]
    for key in given:
        if key not in names:
            notes.note(str(key), unknown("field", key, names))
    sources = SourceParser(Scope(), notes)
    fields = {
        field.name: parse_field(field, given.get(field.name, field.default_paths), sources, notes)
        for field in operation.fields
    }
    notes.raise_if_any()
    return MappingSpec(fields)
