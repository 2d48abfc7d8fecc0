"""Compiles the rules of ``keep`` and ``drop`` into one function, which names the rule that applies."""

from __future__ import annotations

import re
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from worker.core.mapping.compiler.lookups import Reader, compile_first
from worker.core.mapping.faults import Field, Unmappable
from worker.core.mapping.placeholders import BLANKS
from worker.core.mapping.scalars import scalar_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from worker.core.mapping.compiler.steps import Opened
    from worker.core.mapping.grammar.nodes import Rule
    from worker.core.model.records import Record
    from worker.formats.protocol import Document

    Test: TypeAlias = Callable[[object], bool]
    Filter: TypeAlias = Callable[[Document, Record, Opened], str | None]
    """The name of the first rule that leaves the record or element out; None if it stays."""

_ORDER: Final = {"above": gt, "below": lt, "at_least": ge, "at_most": le}
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,64}(\.[0-9]{0,64})?([eE][+-]?[0-9]{1,3})?")
_NUMBER_LIKE: Final = (int, float)


def compile_filter(rules: Iterable[Rule], slots: Mapping[str, str]) -> Filter | None:
    """Compile the rules, which are asked in their order; None if there are none."""
    compiled = [_compile_rule(rule, slots) for rule in rules]
    if not compiled:
        return None

    def left_out_by(document: Document, record: Record, opened: Opened) -> str | None:
        for leaves_out in compiled:
            name = leaves_out(document, record, opened)
            if name is not None:
                return name
        return None

    return compiled[0] if len(compiled) == 1 else left_out_by


def _compile_rule(rule: Rule, slots: Mapping[str, str]) -> Filter:
    places = " or ".join(source.described() for source in rule.sources)
    reader = Reader(Field(rule.name, places), slots, BLANKS, listed=rule.op == "contains")
    look_up, test = compile_first(rule.sources, reader), _compile_test(rule.op, rule.operand)
    name, keeps = rule.name, rule.keeps

    def left_out_by(document: Document, record: Record, opened: Opened) -> str | None:
        try:
            value = look_up(document, record, opened)
        except Unmappable:
            value = None  # Nothing can be made of what stands there.
        if type(value) is str and value in BLANKS:
            value = None
        return None if test(value) is keeps else name

    return left_out_by


def _compile_test(op: str, operand: object) -> Test:
    """The test of a value; an absent one is None."""
    match op:
        case "exists":
            return lambda value: (value is not None) is operand
        case "equals" | "in":
            return _among(operand)
        case "not_equals" | "not_in":
            is_among = _among(operand)
            return lambda value: not is_among(value)
        case "contains":
            return _contains(scalar_text(operand) or "")
        case "starts_with":
            start = scalar_text(operand) or ""
            return lambda value: (scalar_text(value) or "").startswith(start)
        case _:
            return _ordered(_ORDER[op], operand)


def _among(operand: object) -> Test:
    texts = frozenset(map(scalar_text, operand if isinstance(operand, list | tuple) else [operand]))
    return lambda value: (value if type(value) is str else scalar_text(value)) in texts


def _contains(part: str) -> Test:
    def test(value: object) -> bool:
        if isinstance(value, list):
            return any(scalar_text(each) == part for each in value)
        return part in (scalar_text(value) or "")

    return test


def _ordered(compare: Callable[[Any, Any], bool], limit: object) -> Test:
    def test(value: object) -> bool:
        if type(value) is str and _NUMBER.fullmatch(value):
            value = float(value)
        return isinstance(value, _NUMBER_LIKE) and not isinstance(value, bool) and compare(value, limit)

    return test
