"""What the configuration says under ``record.mapping``, read and checked: each field's places and unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from worker.core.mapping.faults import MappingError, Mistake, unknown
from worker.core.mapping.paths import Place, parse_path
from worker.core.mapping.times import AUTO, UNITS

_DEFAULTS: Final[Mapping[str, Sequence[str]]] = {
    "event_type": ["eventType"],
    "sent_at": ["sentAt", "$timestamp"],
    "session_id": ["sessionId"],
    "user_id": ["userId"],
    "item_id": ["itemId"],
    "event_id": ["eventId"],
    "event_value": ["eventValue"],
    "properties": ["properties"],
    "impression": ["impression"],
    "recommendation_id": ["recommendationId"],
    "event_attribution_source": ["eventAttributionSource"],
}
FIELDS: Final = tuple(_DEFAULTS)
"""The fields of an interaction, in the order in which they are read and checked."""

REQUIRED: Final = {
    "event_type": "every event has a type",
    "sent_at": "every event has its time",
    "session_id": "a record without a session cannot be delivered",
}
"""The fields that no event goes without, and why."""

_EMPTY: Final[Sequence[object]] = (None, "", [], {})


class FieldSpec(Struct, frozen=True):
    """Where one field comes from: the constant, else the first place that holds something, else nowhere."""

    places: tuple[Place, ...] = ()
    unit: str = AUTO
    constant: object = None

    def described(self) -> str:
        """As reasons name it."""
        return " or ".join(f"`{place.text}`" for place in self.places) or "a constant"


def parse_mapping(given: Mapping[str, object]) -> dict[str, FieldSpec]:
    """Every field's spec, in the order of ``FIELDS``: the given one, else the default.

    Raises:
        MappingError: with every mistake.
    """
    mistakes = [Mistake(str(key), unknown("field", key, FIELDS)) for key in given if key not in _DEFAULTS]
    parsers = [_SpecParser(field, given.get(field, _DEFAULTS[field])) for field in FIELDS]
    mistakes += [mistake for parser in parsers for mistake in parser.mistakes]
    if mistakes:
        raise MappingError(mistakes)
    return {parser.field: parser.spec for parser in parsers}


class _SpecParser:
    """Reads one field's spec as far as it can be read, and notes what is wrong with it."""

    def __init__(self, field: str, given: object) -> None:
        self.field = field
        self.mistakes: list[Mistake] = []
        self.spec = self._parse(given)

    def _note(self, reason: str, at: str = "") -> None:
        self.mistakes.append(Mistake(self.field + at, reason))

    def _parse(self, given: object) -> FieldSpec:
        if given is None:
            if self.field in REQUIRED:
                self._note(f"cannot be turned off: {REQUIRED[self.field]}")
            return FieldSpec()
        if not isinstance(given, Mapping):
            return FieldSpec(self._places(given))
        if "value" in given:
            return self._constant(given)
        self._refuse_unknown(given, ("path", "unit") if self.field == "sent_at" else ("path",))
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
        if self.field == "event_id":
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
    """YAML also knows dates, sets, NaN, keys that are numbers and text that is no Unicode."""
    try:
        return bool(msgspec.json.decode(msgspec.json.encode(constant)) == constant)
    except (TypeError, ValueError, msgspec.MsgspecError, RecursionError):
        return False
