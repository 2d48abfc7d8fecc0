"""Parses sources: a path, ``{join: [...]}``, ``{jmespath: ...}``, or a list of which the first counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeVar

from worker.core.mapping.grammar.jmespaths import parse_jmespath
from worker.core.mapping.grammar.nodes import Join, MadeObject, Source
from worker.core.mapping.grammar.paths import Scope, parse_path

if TYPE_CHECKING:
    from worker.core.mapping.grammar.notes import Notes

_SourceT = TypeVar("_SourceT", bound=Source)

_SEPARATOR: Final = "-"
_KINDS: Final = ("join", "jmespath")


class SourceParser:
    """Parses sources of one scope as far as possible, and notes their mistakes."""

    def __init__(self, scope: Scope, notes: Notes) -> None:
        self.scope = scope
        self._notes = notes

    def several(self, given: object, key: str) -> tuple[Source, ...]:
        """Parse a source or a list of them."""
        if isinstance(given, list | tuple) and given:
            return tuple(source for each in given if (source := self.one(each, key)))
        if isinstance(given, str | Mapping):
            source = self.one(given, key)
            return (source,) if source else ()
        self._notes.note(key, "must be a path, a list of paths, {path: ...} or {value: ...}")
        return ()

    def one(self, given: object, key: str) -> Source | None:
        """Parse one source; None if it has a mistake."""
        if not isinstance(given, Mapping):
            return self._noting(key, lambda: parse_path(given, self.scope))
        kinds = [kind for kind in _KINDS if kind in given]
        match kinds:
            case ["join"]:
                self._notes.refuse_unknown(key, given, ("join", "separator"))
                return self.join(given, key)
            case ["jmespath"]:
                self._notes.refuse_unknown(key, given, kinds)
                return self.jmespath(given["jmespath"], f"{key}.jmespath")
            case _:
                self._notes.note(key, "a source is a path, {join: [...]} or {jmespath: ...}")
                return None

    def join(self, given: Mapping[object, object], key: str) -> Source | None:
        """Parse ``join`` and ``separator``."""
        parts, separator = given["join"], given.get("separator", _SEPARATOR)
        if not isinstance(separator, str) or not (separator.isprintable() or not separator):
            self._notes.note(f"{key}.separator", "must be text without control characters")
            return None
        if not isinstance(parts, list | tuple) or not parts:
            self._notes.note(f"{key}.join", "must be a list of sources")
            return None
        sources = [self.one(part, f"{key}.join") for part in parts]
        known = tuple(source for source in sources if source is not None)
        return Join(known, separator) if len(known) == len(sources) else None

    def jmespath(self, given: object, key: str) -> Source | None:
        """Parse a JMESPath expression."""
        return self._noting(key, lambda: parse_jmespath(given))

    def made_object(self, given: object, key: str) -> Source | None:
        """Parse an object with new names for its members."""
        if not isinstance(given, Mapping) or not given:
            self._notes.note(key, "must name the members: {new_name: path}")
            return None
        members = []
        for name, source in given.items():
            if not isinstance(name, str) or not name or not is_unicode(name):
                self._notes.note(f"{key}.{name}", "a member's name is text")
            members.append((str(name), self.several(source, f"{key}.{name}")))
        return MadeObject(tuple(members))

    def _noting(self, key: str, parse: Callable[[], _SourceT]) -> _SourceT | None:
        try:
            return parse()
        except ValueError as error:
            self._notes.note(key, str(error))
            return None


def is_unicode(text: str) -> bool:
    """Whether text can be encoded, that is, holds no half of a surrogate pair."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
