"""Evaluates JMESPath expressions, ten times as slow as a path: for what paths cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.core.mapping import faults
from worker.core.mapping.compiler.steps import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.core.mapping.compiler.lookups import Lookup
    from worker.core.mapping.compiler.steps import Opened
    from worker.core.mapping.faults import Field
    from worker.core.mapping.grammar.nodes import JmesPath
    from worker.core.model.records import Record
    from worker.formats.protocol import Document


def compile_jmespath(source: JmesPath, field: Field, slots: Mapping[str, str]) -> Lookup:
    """Compile the look-up of an expression. It raises Unmappable where the expression cannot be evaluated."""
    # Imported late, because most mappings do without.
    import jmespath  # noqa: PLC0415  see above

    search = jmespath.compile(source.text).search
    members = [(member.name, slots[member.name]) for member in source.members]

    def look_up(document: Document, _: Record, __: Opened) -> object:
        values = {name: read(getattr(document, slot)) for name, slot in members}
        try:
            return search(values)
        except Exception:  # noqa: BLE001  of somebody else's code, on data that is wrong in any way
            reason = f"{source.described()} cannot be evaluated"
        # Outside of the block, because the exception's text quotes the record.
        raise field.broken(faults.WRONG_TYPE, reason)

    return look_up
