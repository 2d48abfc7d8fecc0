"""Parses ``keep`` and ``drop``: lists of rules, each an operator and an operand for what a path leads to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from worker.core.mapping.grammar.nodes import Rule
from worker.core.mapping.scalars import scalar_text

if TYPE_CHECKING:
    from worker.core.mapping.grammar.notes import Notes
    from worker.core.mapping.grammar.sources import SourceParser

_NAME: Final = re.compile("[a-z0-9_-]{1,40}")
_LONGEST_NAME: Final = 40
_TAKEN: Final = ("tombstone", "too_old")
"""What else is skipped is counted by these."""


def _number(given: object) -> str:
    is_number = isinstance(given, int | float) and not isinstance(given, bool) and given == given  # noqa: PLR0124  NaN
    return "" if is_number else "must be a number"


def _scalar(given: object) -> str:
    return "must be text, a number, true or false" if scalar_text(given) is None else ""


def _scalars(given: object) -> str:
    good = isinstance(given, list | tuple) and given and all(scalar_text(each) is not None for each in given)
    return "" if good else "must be a list of texts and numbers"


def _text(given: object) -> str:
    return "must be text or a number" if isinstance(given, bool) or not scalar_text(given) else ""


def _truth(given: object) -> str:
    return "" if isinstance(given, bool) else "must be true or false"


OPERATORS: Final[Mapping[str, Callable[[object], str]]] = {
    "equals": _scalar,
    "not_equals": _scalar,
    "in": _scalars,
    "not_in": _scalars,
    "exists": _truth,
    "above": _number,
    "below": _number,
    "at_least": _number,
    "at_most": _number,
    "contains": _text,
    "starts_with": _text,
}
"""What each operator says of its operand: nothing, or why it cannot be one."""


class FilterParser:
    """Parses the rules of ``keep`` and ``drop``, whose names must differ."""

    def __init__(self, sources: SourceParser, notes: Notes) -> None:
        self._sources = sources
        self._notes = notes
        self._names: set[str] = set()

    def parse(self, directive: str, given: object) -> tuple[Rule, ...]:
        """Parse the rules of one directive, ``keep`` or ``drop``."""
        if given is None:
            return ()
        if not isinstance(given, list | tuple):
            self._notes.note(directive, "must be a list of rules: [{path: ..., equals: ...}]")
            return ()
        rules = (self._rule(directive, f"{directive}.{place}", each) for place, each in enumerate(given))
        return tuple(rule for rule in rules if rule)

    def _rule(self, directive: str, key: str, given: object) -> Rule | None:
        if not isinstance(given, Mapping):
            self._notes.note(key, "a rule is a mapping: {path: ..., equals: ...}")
            return None
        self._notes.refuse_unknown(key, given, ("name", "path", *OPERATORS))
        if "path" not in given:
            self._notes.note(key, "names no path")
            return None
        sources = self._sources.several(given["path"], f"{key}.path")
        operator = self._operator(key, given)
        places = " or ".join(source.described() for source in sources).replace("`", "")
        name = self._name(key, given, default=f"{directive}:{places}"[:_LONGEST_NAME])
        if not operator or not sources:
            return None
        return Rule(name, directive == "keep", sources, operator, given[operator])

    def _operator(self, key: str, given: Mapping[Any, object]) -> str | None:
        found = [name for name in OPERATORS if name in given]
        if len(found) != 1:
            self._notes.note(key, f"a rule has one of {', '.join(OPERATORS)}")
            return None
        (operator,) = found
        reason = OPERATORS[operator](given[operator])
        if reason:
            self._notes.note(f"{key}.{operator}", reason)
        return operator

    def _name(self, key: str, given: Mapping[Any, object], default: str) -> str:
        """The name, which must differ from those of other rules; the default says what is tested."""
        name = given.get("name", default)
        if name is default:
            return default
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            self._notes.note(f"{key}.name", "consists of small letters, digits, - and _, at most 40")
        elif name in self._names or name in _TAKEN:
            self._notes.note(f"{key}.name", f"`{name}` is taken; what is skipped is counted by it")
        else:
            self._names.add(name)
        return str(name)
