"""Parses the spec of one field: where it comes from, and how its value is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker.core.mapping.grammar.nodes import FieldSpec, Source
from worker.core.mapping.grammar.patterns import check_pattern
from worker.core.mapping.scalars import scalar_text
from worker.core.mapping.times import AUTO, UNITS
from worker.core.operations.table import Id, IdList, JsonObject, Number, PrintableAscii, Time

if TYPE_CHECKING:
    from worker.core.mapping.grammar.notes import Notes
    from worker.core.mapping.grammar.sources import SourceParser
    from worker.core.operations.table import FieldType, OperationField

_EMPTY: Final[Sequence[object]] = (None, "", [], {})
KINDS: Final = ("path", "value", "join", "jmespath", "object")
_OTHERWISE: Final = ("refuse", "keep", "drop")
_DECIMAL: Final = (".", ",")
_TOO_LONG: Final = ("refuse", "leave_out")


def parse_field(field: OperationField, given: object, sources: SourceParser, notes: Notes) -> FieldSpec:
    """Parse one field's spec as far as possible, and note its mistakes."""
    return _FieldParser(field, sources, notes).parse(given)


class _FieldParser:
    def __init__(self, field: OperationField, sources: SourceParser, notes: Notes) -> None:
        self._field = field
        self._sources = sources
        self._notes = notes

    def parse(self, given: object) -> FieldSpec:
        if given is None:
            if self._field.required:
                self._note(f"cannot be turned off: {self._field.required}")
            return FieldSpec()
        if not isinstance(given, Mapping):
            return FieldSpec(self._sources.several(given, self._field.name))
        if "value" in given:
            return self._constant(given)
        kinds = [kind for kind in KINDS if kind in given]
        self._refuse_unknown(given, (*(kinds or ["path"]), *self._modifiers(kinds)))
        if len(kinds) > 1:
            self._note(f"has both `{kinds[0]}` and `{kinds[1]}`; several sources are a list: path: [...]")
        if not kinds:
            self._note("names neither a path nor a value")
            return FieldSpec()
        return FieldSpec(self._parse_sources(kinds[0], given), **self._parse_modifiers(given))

    def _note(self, reason: str, at: str = "") -> None:
        self._notes.note(self._field.name + at, reason)

    def _refuse_unknown(self, given: Mapping[object, object], known: Sequence[str]) -> None:
        self._notes.refuse_unknown(self._field.name, given, known)

    def _modifiers(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """The keys that may stand beside the source."""
        joins = ("separator",) if "join" in kinds else ()
        return (*joins, *_modifiers(self._field.type))

    def _parse_sources(self, kind: str, given: Mapping[Any, object]) -> tuple[Source, ...]:
        name = self._field.name
        if kind == "path":
            return self._sources.several(given["path"], f"{name}.path")
        if kind == "join":
            source = self._sources.join(given, name)
        elif kind == "jmespath":
            source = self._sources.jmespath(given["jmespath"], f"{name}.jmespath")
        elif isinstance(self._field.type, JsonObject):
            source = self._made_object(self._field.type, given["object"])
        else:
            self._note("this field is no object; say {path: ...}", ".object")
            source = None
        return (source,) if source else ()

    def _made_object(self, rule: JsonObject, given: object) -> Source | None:
        for name in given if isinstance(given, Mapping) else ():
            reserved = rule.reserved_keys.get(str(name).lower())
            if reserved:
                self._note(f"the API reserves `{reserved}`; give the member another name", f".object.{name}")
        return self._sources.made_object(given, f"{self._field.name}.object")

    def _parse_modifiers(self, given: Mapping[Any, object]) -> dict[str, Any]:
        """The modifiers that the field's type takes; others are unknown keys and noted already."""
        parse: dict[str, Callable[[object], object]] = {
            "unit": self._unit,
            "pattern": self._pattern,
            "absent": self._absent,
            "values": self._values,
            "otherwise": self._otherwise,
            "decimal": self._decimal,
            "split": self._split,
            "too_long": self._too_long,
        }
        if "unit" in given and "pattern" in given:
            self._note("give either a pattern or a unit", ".pattern")
        if "otherwise" in given and "values" not in given:
            self._note("says what becomes of other values than `values`, which is not given", ".otherwise")
        return {name: parse[name](given[name]) for name in _modifiers(self._field.type) if name in given}

    def _otherwise(self, given: object) -> str:
        return self._notes.choose(f"{self._field.name}.otherwise", given, _OTHERWISE, "word", _OTHERWISE[0])

    def _decimal(self, given: object) -> str:
        return self._notes.choose(f"{self._field.name}.decimal", given, _DECIMAL, "mark", _DECIMAL[0])

    def _too_long(self, given: object) -> str:
        return self._notes.choose(f"{self._field.name}.too_long", given, _TOO_LONG, "word", _TOO_LONG[0])

    def _unit(self, given: object) -> str:
        return self._notes.choose(f"{self._field.name}.unit", given, UNITS, "unit", AUTO)

    def _pattern(self, given: object) -> str | None:
        try:
            return check_pattern(given)
        except ValueError as error:
            self._note(str(error), ".pattern")
            return None

    def _split(self, given: object) -> str | None:
        if isinstance(given, str) and given:
            return given
        self._note("must be the text between two items", ".split")
        return None

    def _absent(self, given: object) -> frozenset[str]:
        texts = [scalar_text(each) for each in (given if isinstance(given, list | tuple) else [given])]
        known = frozenset(text for text in texts if text is not None)
        if not texts or None in texts:
            self._note("must be a list of texts and numbers", ".absent")
        return known

    def _values(self, given: object) -> dict[str, object] | None:
        if not isinstance(given, Mapping) or not given:
            self._note("must say what becomes of each value: {value: new value}", ".values")
            return None
        found: dict[str, object] = {}
        for key, value in given.items():
            text = scalar_text(key)
            if text is None:
                self._note("a value is text, a number, true or false", f".values.{key}")
            elif text in found:
                self._note("stands there twice, as text and as a number or a truth value", f".values.{key}")
            else:
                found[text] = value
        return found

    def _constant(self, given: Mapping[object, object]) -> FieldSpec:
        self._refuse_unknown(given, ("value",))
        if self._field.unique:
            self._note("one id for all events: Personalize would learn from the first only")
        constant = given["value"]
        if constant in _EMPTY:
            self._note("an empty constant; to turn the field off, give null itself", ".value")
        elif not is_json(constant):
            self._note("a constant that JSON cannot hold; put it in quotes", ".value")
        else:
            return FieldSpec(constant=constant)
        return FieldSpec()


def _modifiers(field_type: FieldType) -> tuple[str, ...]:
    """The keys that say how a value of that type is read."""
    match field_type:
        case Time():
            return ("unit", "pattern", "absent")
        case Number():
            return ("absent", "values", "otherwise", "decimal")
        case Id() | PrintableAscii():
            return ("absent", "values", "otherwise")
        case JsonObject():
            return ("absent", "too_long")
        case IdList():
            return ("absent", "split")


def is_json(constant: object) -> bool:
    """Whether JSON can hold it: YAML also has dates, sets, NaN, numbers as keys and invalid Unicode."""
    try:
        return bool(msgspec.json.decode(msgspec.json.encode(constant)) == constant)
    except (TypeError, ValueError, msgspec.MsgspecError, RecursionError):
        return False
