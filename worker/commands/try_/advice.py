"""What ``try`` adds to a dead letter, or to an event that lacks a field: what is there instead.

Reasons name no value, because they go into logs and headers. What is said here is shown to the person who
asked to see the records, and nowhere else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from worker.commands.try_.colours import plain
from worker.commands.try_.pretty import pretty, shortened
from worker.suggest.nearest_paths import named_in, nearest_paths, nearest_words, paths_in
from worker.suggest.time_forms import patterns_of, units_of
from worker.suggest.walking import walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker.commands.try_.colours import Paint

_HEADERS: Final = "$headers."
# Paths of the record itself have nothing near them.
_OF_RECORD: Final = ("$key", "$timestamp", "$topic", "$partition", "$offset", "$index")
_EACH: Final = "$each."
_REASON: Final = re.compile(
    r"(?:element (?P<element>\d+): )?(?P<field>[a-z_]+)(?P<broken> \((?P<places>.*?)\): )?"
)
_WORD: Final = re.compile(r"[^.\[\]$\"]+")
_DECIMAL_COMMA: Final = re.compile(r"-?[0-9][0-9.]*,[0-9]+")
_MOST_MEMBERS: Final = 8
# Without them an event is worth little, so it is worth a line that nothing is at their place.
_WORTH_A_LINE: Final = frozenset({"user_id", "item_id"})
_NOT_THERE: Final = object()
_JSON: Final = (b"{", b"[", b"\xef\xbb\xbf{")
_DELIMITERS: Final = (
    (b"\t", "tsv", "format: tsv"),
    (b";", "csv", 'format: csv, delimiter: ";"'),
    (b"|", "csv", 'format: csv, delimiter: "|"'),
    (b",", "csv", "format: csv"),
)


class Seen:
    """A decoded record, and what can be said of places in it.

    Args:
        document: the record.
        headers: the names of its own headers.
        mapping: the mapping that was tried.
        paint: colours a piece of text.
    """

    def __init__(
        self,
        document: Mapping[str, object],
        headers: Sequence[str],
        mapping: Mapping[str, object],
        paint: Paint,
    ) -> None:
        self._document = document
        self._headers = headers
        self._mapping = mapping
        self._paint = paint
        self._there = paths_in(document)

    def on_reason(self, reason: str) -> Iterator[str]:
        """Yield what is there in place of what a reason misses, or what is wrong with what is there."""
        if names_columns(self._document):
            yield "it names the columns, as the first line of a file does, and is no record"
            return
        found = _REASON.match(reason)
        if found is None or not found["broken"]:
            field = found["field"] if found else ""
            yield from self.on_absent(field, named_in(reason))
            return
        for path in named_in(found["places"]):
            value = self._value(path, int(found["element"] or 0))
            if value is not _NOT_THERE:
                todo = self._todo(found["field"], path, value)
                yield f"{self._paint('name', path)} holds {_shown(value)}{todo}"
                return

    def on_absent(self, field: str, paths: Sequence[str]) -> Iterator[str]:
        """Yield what is there in place of paths that lead nowhere."""
        for path in paths:
            if path.startswith(_OF_RECORD):
                continue
            if near := self._near(path):
                found = ", ".join(self._paint("name", each) for each in near)
                yield f"{path} is not there; near it: {found}"
            elif len(paths) == 1 and self._value(path, 0) is _NOT_THERE:
                yield from self._alone(field, path)

    def _alone(self, field: str, path: str) -> Iterator[str]:
        """Yield what can be said of a path that nothing is near."""
        if field == "event_type" and _WORD.fullmatch(path):
            yield f"{path} is not there; if all events are of this type, say {{value: {path}}}"
        elif field in _WORTH_A_LINE:
            yield f"{path} is not there"

    def _near(self, path: str) -> list[str]:
        if path.startswith(_HEADERS):
            return [_HEADERS + name for name in nearest_words(path.removeprefix(_HEADERS), self._headers)]
        return [self._of_element(each) for each in nearest_paths(path, self._there)]

    def _of_element(self, path: str) -> str:
        """Return a path through the array of ``each`` as that of an element."""
        each = self._mapping.get("each")
        through = f"{each}[*]."
        return f"{_EACH}{path.removeprefix(through)}" if path.startswith(through) else path

    def on_shared(self, field: str, paths: Sequence[str]) -> Iterator[str]:
        """Yield what is of one element although each has its own."""
        for path in paths:
            # A list of items is meant to be that of all elements.
            if field != "impression" and (own := self._of_element(path)) != path:
                yield f"{field}: {path} is that of the first element for all events; say {own}"

    def _value(self, path: str, element: int) -> object:
        """Return what stands at a path; of an element, if there is one level of them."""
        document, each = self._document, self._mapping.get("each")
        if path.startswith(_EACH):
            array = _at(str(each), document) if isinstance(each, str) else _NOT_THERE
            if not isinstance(array, list) or element >= len(array) or not isinstance(array[element], dict):
                return _NOT_THERE
            document, path = array[element], path.removeprefix(_EACH)
        return _at(path, document)

    def _todo(self, field: str, path: str, value: object) -> str:
        if isinstance(value, dict | list):
            place = path.replace("[0]", "[*]")
            inside = [each for each in self._there if each.startswith((f"{place}.", f"{place}["))]
            shown = ", ".join(each.replace(place, path, 1) for each in inside[:_MOST_MEMBERS])
            return f"; in it: {shown}" if inside else ""
        if field == "event_value" and isinstance(value, str) and _DECIMAL_COMMA.fullmatch(value.strip()):
            return f'; with a comma for a decimal point that is {{path: {path}, decimal: ","}}'
        if field == "sent_at" and (units := units_of([value])):
            return f"; that is {{path: {path}, unit: {units[0]}}}"
        if field == "sent_at" and (patterns := patterns_of([value])):
            written = " or ".join(f'"{each}"' for each in patterns)
            return f"; that is {{path: {path}, pattern: {written}}}"
        return ""


def on_undecoded(value: bytes) -> Iterator[str]:
    """Yield what a value seems to be that is no JSON, if it is a line of columns."""
    if value.startswith(_JSON) or b"\0" in value or not _is_text(value):
        return
    for delimiter, name, keys in _DELIMITERS:
        if cells := value.count(delimiter):
            columns = f"columns: [{cells + 1} names]"
            yield f"it may be {name}, {cells + 1} columns: record: {{{keys}, {columns}}}"
            return


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def names_columns(document: Mapping[str, object]) -> bool:
    """Whether each value is the name of its place: the first line of a file with columns."""
    return bool(document) and all(
        isinstance(value, str) and value.lstrip("\ufeff").casefold() == name.casefold()
        for name, value in document.items()
    )


def _at(path: str, document: Mapping[str, object]) -> object:
    for index in re.findall(r"\[(\d+)\]", path):
        if index != "0":
            return _NOT_THERE
    place = path.replace("[0]", "[*]")
    found = next((value for place_, value in walk(document) if place_.path == place), _NOT_THERE)
    if found is _NOT_THERE and place.endswith("[*]"):
        array = _at(place.removesuffix("[*]"), document)
        return array[0] if isinstance(array, list) and array else _NOT_THERE
    return found


def _shown(value: object) -> str:
    match value:
        case dict():
            return "an object"
        case list():
            return "an array"
        case str():
            return shortened(value)
        case _:
            return pretty(value, plain)
