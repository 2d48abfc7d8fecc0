"""What ``try`` says of one record: as text for a person, or as a line of JSON for a program."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from worker.commands.try_.advice import Seen, on_undecoded
from worker.commands.try_.mapped_paths import absent_fields, mapped_paths
from worker.commands.try_.pretty import pretty, shortened, shown_bytes
from worker.core.model.records import Interaction, Reason, Skipped, Undecodable, each_of
from worker.dead_letters.letter import OWN_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker.commands.try_.colours import Paint
    from worker.commands.try_.decoding import Document
    from worker.commands.try_.sampled import Sampled
    from worker.core.model.records import Mapped, MappedOne, Record

_INDENT: Final = "  "


class Tried(Struct, frozen=True):
    """A record, and what would become of it."""

    sampled: Sampled
    document: Document
    mapped: Mapped

    @property
    def outcomes(self) -> tuple[MappedOne, ...]:
        """What becomes of it: an outcome for each event that it holds."""
        return each_of(self.mapped)

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


def _elements(outcomes: Sequence[MappedOne]) -> Iterator[dict[str, object]]:
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


def as_text(tried: Tried, mapping: Mapping[str, object], paint: Paint) -> str:
    """Return it as lines: where it stands, the record, what would be sent of it or why not.

    Args:
        tried: the record.
        mapping: the mapping, to say what stands at its places.
        paint: colours a piece of text.
    """
    return "".join(f"{line}\n" for line in _lines(tried, mapping, paint))


def _lines(tried: Tried, mapping: Mapping[str, object], paint: Paint) -> Iterator[str]:
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
    outcomes, seen = tried.outcomes, _seen(tried, mapping, paint)
    for number, outcome in enumerate(outcomes):
        of = f" {number}" if len(outcomes) > 1 else ""
        yield from _outcome(outcome, of, paint)
        yield from (f"{_INDENT * 2}{line}" for line in _advice(outcome, seen, mapping))


def _outcome(outcome: MappedOne, of: str, paint: Paint) -> Iterator[str]:
    match outcome:
        case Interaction():
            user = "no user" if outcome.user_id is None else f"user {shortened(outcome.user_id)}"
            yield f"{_INDENT}{paint('good', f'event{of}')}  session {shortened(outcome.session_id)}, {user}"
            yield f"{_INDENT * 2}{outcome.event.decode()}"
        case Undecodable():
            reason = outcome.reason
            yield f"{_INDENT}{paint('bad', f'dead letter{of}')}  {reason.kind}: {reason.text}"
        case Skipped():
            yield f"{_INDENT}{paint('warn', f'skipped{of}')}  by the rule {outcome.rule}"


def _seen(tried: Tried, mapping: Mapping[str, object], paint: Paint) -> Seen | None:
    """Return the record to be looked into, if it could be decoded."""
    if not isinstance(tried.document, dict):
        return None
    headers = [name for name, _ in _own_headers(tried.sampled.record)]
    return Seen(tried.document, headers, mapping, paint)


def _advice(outcome: MappedOne, seen: Seen | None, mapping: Mapping[str, object]) -> Iterator[str]:
    """Yield what is there in place of what was looked for."""
    match outcome:
        case Undecodable(reason=Reason(kind="not_json")):
            yield from on_undecoded(outcome.record.value or b"")
        case Undecodable() if seen is not None:
            yield from seen.on_reason(outcome.reason.text)
        case Interaction() if seen is not None:
            paths = mapped_paths(mapping)
            for field in sorted(absent_fields(outcome) & paths.keys()):
                yield from (f"no {field}: {line}" for line in seen.on_absent(field, paths[field]))
            for field, named in paths.items():
                yield from seen.on_shared(field, named)
        case _:
            pass


def _own_headers(record: Record) -> list[tuple[str, bytes | None]]:
    """Return the headers without those that a dead letter adds."""
    return [each for each in record.headers if each[0] not in OWN_NAMES]


def _iso8601(epoch_ms: int) -> str:
    try:
        moment = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return f"{epoch_ms} ms"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
