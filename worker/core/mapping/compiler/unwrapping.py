"""Compiles ``unwrap``: the document of the paths is an object within the record's, or JSON text of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from worker.core.mapping.compiler.layout import OUTERMOST
from worker.core.mapping.compiler.lookups import Reader, compile_lookup
from worker.core.mapping.compiler.steps import opened_value, read
from worker.core.mapping.faults import Field
from worker.core.mapping.placeholders import BLANKS
from worker.formats.protocol import LazyValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.core.mapping.compiler.steps import Opened
    from worker.core.mapping.grammar.nodes import Path
    from worker.core.model.records import Record
    from worker.formats.protocol import Document

    Unwrap: TypeAlias = Callable[[Document, Record, Opened], Document]


def compile_unwrap(
    paths: Sequence[Path],
    struct: type[Document],
    slots: Mapping[str, str],
    whole: frozenset[str],
    *,
    keeps_outermost: bool,
) -> Unwrap:
    """Compile the function from the record's document to that of the paths, which is never the same object.

    Args:
        paths: where the object may be.
        struct: the type of both.
        slots: the attribute for each member.
        whole: the members that fields take as they are, and so decoded.
        keeps_outermost: whether paths lead into the record's document too.
    """
    reader = Reader(Field("unwrap", ""), slots, BLANKS, whole=False)
    lookups = [compile_lookup(path, reader) for path in paths]

    def read_if_whole(name: str, value: object) -> object:
        return read(value) if name in whole else value

    def unwrap(document: Document, record: Record, opened: Opened) -> Document:
        within = None
        for look_up in lookups:
            within = opened_value(look_up(document, record, opened), opened)
            if type(within) is dict:
                break
        else:
            within = {name: getattr(document, slot) for name, slot in slots.items()}
        values = map(within.get, slots)
        if _is_lazy(within):
            values = map(read_if_whole, slots, values)
        unwrapped = struct(*values)
        if keeps_outermost:
            setattr(unwrapped, OUTERMOST, document)
        return unwrapped

    return unwrap


def _is_lazy(members: Mapping[str, object]) -> bool:
    """Whether the members are not decoded yet: all of them, or none."""
    first = next((each for each in members.values() if each is not None), None)
    return isinstance(first, LazyValue)
