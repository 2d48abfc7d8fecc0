"""What ``try`` says of one record: as text for a person, or as a line of JSON for a program."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from worker.commands.try_.mapped_paths import absent_fields
from worker.commands.try_.pretty import pretty, shortened, shown_bytes
from worker.commands.try_.sampled import outcomes_of
from worker.core.model.records import Interaction, Skipped, Undecodable
from worker.dead_letters.letter import OWN_NAMES
from worker.suggest.nearest_paths import named_in, nearest_paths, nearest_words, paths_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker.commands.try_.colours import Paint
    from worker.commands.try_.decoding import Document
    from worker.commands.try_.sampled import Sampled
    from worker.core.model.records import FanOut, Mapped, Record

_INDENT: Final = "  "
_HEADERS: Final = "$headers."
# Paths of the record itself have nothing near them.
_OF_RECORD: Final = ("$key", "$timestamp", "$topic", "$partition", "$offset", "$index")


class Tried(Struct, frozen=True):
    """A record, and what would become of it."""

    sampled: Sampled
    document: Document
    mapped: Mapped | FanOut

    @property
    def outcomes(self) -> tuple[Mapped, ...]:
        """What becomes of it: an outcome for each event that it holds."""
        return outcomes_of(self.mapped)

    @property
    def maps(self) -> bool:
        """Whether anything would be sent."""
        return any(isinstance(each, Interaction) for each in self.outcomes)


def as_json(tried: Tried) -> bytes:
    """Return a line of JSON; events stand in it byte for byte as they would be sent."""
    outcomes = tried.outcomes
    line: dict[str, Any] = {
        "at": tried.sampled.at,
        "events": [_event(each) for each in outcomes if isinstance(each, Interaction)],
        "dead_letter": next((_dead_letter(each) for each in outcomes if isinstance(each, Undecodable)), None),
        "skipped": next((each.rule for each in outcomes if isinstance(each, Skipped)), None),
    }
    if tried.sampled.original:
        line["original"] = tried.sampled.original
    if len(outcomes) > 1:
        line["elements"] = list(_elements(outcomes))
    return msgspec.json.encode(line)


def _elements(outcomes: Sequence[Mapped]) -> Iterator[dict[str, object]]:
    events = 0
    for index, outcome in enumerate(outcomes):
        match outcome:
            case Interaction():
                yield {"index": index, "event": events}
                events += 1
            case Undecodable():
                yield {"index": index, "dead_letter": _dead_letter(outcome)}
            case Skipped():
                yield {"index": index, "skipped": outcome.rule}


def _event(interaction: Interaction) -> dict[str, object]:
    return {
        "session_id": interaction.session_id,
        "user_id": interaction.user_id,
        "event": msgspec.Raw(interaction.event),
    }


def _dead_letter(undecodable: Undecodable) -> dict[str, str]:
    return {"kind": undecodable.reason.kind, "text": undecodable.reason.text}


def as_text(tried: Tried, paths: Mapping[str, Sequence[str]], paint: Paint) -> str:
    """Return it as lines: where it stands, the record, what would be sent of it or why not.

    Args:
        tried: the record.
        paths: which paths the mapping names for which field.
        paint: colours a piece of text.
    """
    return "".join(f"{line}\n" for line in _lines(tried, paths, paint))


def _lines(tried: Tried, paths: Mapping[str, Sequence[str]], paint: Paint) -> Iterator[str]:
    record = tried.sampled.record
    is_timed = tried.sampled.has_time and record.timestamp_ms is not None
    time = paint("dim", f"  {_iso8601(record.timestamp_ms or 0)}") if is_timed else ""
    original = f", first at {tried.sampled.original}" if tried.sampled.original else ""
    yield paint("place", tried.sampled.at) + original + time
    if record.key is not None:
        yield f"{_INDENT}{paint('dim', 'key')} {shown_bytes(record.key)}"
    for name, value in _own_headers(record):
        shown = "null" if value is None else shown_bytes(value)
        yield f"{_INDENT}{paint('dim', 'header')} {shortened(name)} {shown}"
    match tried.document:
        case None:
            yield _INDENT + paint("dim", "no value")
        case str():
            yield f"{_INDENT}{paint('dim', 'value')} {shown_bytes(record.value or b'')}"
        case document:
            yield _INDENT + pretty(document, paint, _INDENT)
    outcomes = tried.outcomes
    for number, outcome in enumerate(outcomes):
        of = f" {number}" if len(outcomes) > 1 else ""
        yield from _outcome(tried, outcome, of, paths, paint)


def _outcome(
    tried: Tried, outcome: Mapped, of: str, paths: Mapping[str, Sequence[str]], paint: Paint
) -> Iterator[str]:
    match outcome:
        case Interaction():
            user = "no user" if outcome.user_id is None else f"user {shortened(outcome.user_id)}"
            yield f"{_INDENT}{paint('good', f'event{of}')}  session {shortened(outcome.session_id)}, {user}"
            yield f"{_INDENT * 2}{outcome.event.decode()}"
            for field in sorted(absent_fields(outcome) & paths.keys()):
                yield from _advice(paths[field], tried, paint, f"no {field}: ")
        case Undecodable():
            reason = outcome.reason
            yield f"{_INDENT}{paint('bad', f'dead letter{of}')}  {reason.kind}: {reason.text}"
            yield from _advice(named_in(reason.text), tried, paint)
        case Skipped():
            yield f"{_INDENT}{paint('warn', f'skipped{of}')}  by the rule {outcome.rule}"


def _advice(paths: Sequence[str], tried: Tried, paint: Paint, before: str = "") -> Iterator[str]:
    """Yield what is there in place of the paths that lead nowhere."""
    if not isinstance(tried.document, dict):
        return
    there = paths_in(tried.document)
    headers = [name for name, _ in _own_headers(tried.sampled.record)]
    for path in paths:
        if path.startswith(_OF_RECORD):
            continue
        if path.startswith(_HEADERS):
            near = [_HEADERS + name for name in nearest_words(path.removeprefix(_HEADERS), headers)]
        else:
            near = nearest_paths(path, there)
        if near:
            found = ", ".join(paint("name", each) for each in near)
            yield f"{_INDENT * 2}{before}{path} is not there; near it: {found}"


def _own_headers(record: Record) -> list[tuple[str, bytes | None]]:
    """Return the headers without those that a dead letter adds."""
    return [each for each in record.headers if each[0] not in OWN_NAMES]


def _iso8601(epoch_ms: int) -> str:
    try:
        moment = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return f"{epoch_ms} ms"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
