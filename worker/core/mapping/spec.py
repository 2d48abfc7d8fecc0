"""Parses and checks the configuration under ``record.mapping``: each field's places and unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from worker.core.mapping.faults import MappingError, Mistake, unknown
from worker.core.mapping.paths import Place, parse_path
from worker.core.mapping.times import AUTO, UNITS
from worker.core.operations.table import Time

if TYPE_CHECKING:
    from worker.core.operations.table import Operation, OperationField

_EMPTY: Final[Sequence[object]] = (None, "", [], {})


class FieldSpec(Struct, frozen=True):
    """Where a field's value comes from: the constant, or the first place that holds something."""

    places: tuple[Place, ...] = ()
    unit: str = AUTO
    constant: object = None

    def described(self) -> str:
        """Describe it as in reasons."""
        return " or ".join(f"`{place.text}`" for place in self.places) or "a constant"


def parse_mapping(operation: Operation, given: Mapping[str, object]) -> dict[str, FieldSpec]:
    """Return every field's spec, in the order of the operation's table: configured or default.

    Raises:
        MappingError: with every mistake.
    """
    names = [field.name for field in operation.fields]
    mistakes = [Mistake(str(key), unknown("field", key, names)) for key in given if key not in names]
    parsers = [_SpecParser(field, given.get(field.name, field.default_paths)) for field in operation.fields]
    mistakes += [mistake for parser in parsers for mistake in parser.mistakes]
    if mistakes:
        raise MappingError(mistakes)
    return {parser.field.name: parser.spec for parser in parsers}


class _SpecParser:
    """Parses one field's spec as far as possible, and collects the mistakes in it."""

    def __init__(self, field: OperationField, given: object) -> None:
        self.field = field
        self.mistakes: list[Mistake] = []
        self.spec = self._parse(given)

    def _note(self, reason: str, at: str = "") -> None:
        self.mistakes.append(Mistake(self.field.name + at, reason))

    def _parse(self, given: object) -> FieldSpec:
        if given is None:
            if self.field.required:
                self._note(f"cannot be turned off: {self.field.required}")
            return FieldSpec()
        if not isinstance(given, Mapping):
            return FieldSpec(self._places(given))
        if "value" in given:
            return self._constant(given)
        self._refuse_unknown(given, ("path", "unit") if isinstance(self.field.type, Time) else ("path",))
        if "path" not in given:
            self._note("names neither a path nor a value")
            return FieldSpec()
        return FieldSpec(self._places(given["path"], ".path"), self._unit(given.get("unit", AUTO)))

    def _places(self, paths: object, at: str = "") -> tuple[Place, ...]:
        texts = [paths] if isinstance(paths, str) else paths
        if not isinstance(texts, list | tuple) or not texts:
            self._note("must be a path, a list of paths, {path: ...} or {value: ...}", at)
            return ()
        places = []
        for text in texts:
            try:
                places.append(parse_path(text))
            except ValueError as error:
                self._note(str(error), at)
        return tuple(places)

    def _unit(self, unit: object) -> str:
        if isinstance(unit, str) and unit in UNITS:
            return unit
        self._note(unknown("unit", unit, UNITS), ".unit")
        return AUTO

    def _constant(self, given: Mapping[object, object]) -> FieldSpec:
        self._refuse_unknown(given, ("value",))
        if self.field.unique:
            self._note("one id for all events: Personalize would learn from the first only")
        constant = given["value"]
        if constant in _EMPTY:
            self._note("an empty constant; to turn the field off, give null itself", ".value")
        elif not _is_json(constant):
            self._note("a constant that JSON cannot hold; put it in quotes", ".value")
        else:
            return FieldSpec(constant=constant)
        return FieldSpec()

    def _refuse_unknown(self, given: Mapping[object, object], known: Sequence[str]) -> None:
        for key in given:
            if key not in known:
                self._note(unknown("key", key, known), f".{key}")


def _is_json(constant: object) -> bool:
    """Whether it is JSON: YAML also has dates, sets, NaN, numeric keys and text that is not Unicode."""
    try:
        return bool(msgspec.json.decode(msgspec.json.encode(constant)) == constant)
    except (TypeError, ValueError, msgspec.MsgspecError, RecursionError):
        return False
