"""``dead-letters show`` and ``export``: single letters as text and as JSON."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from worker.core.model.places import shown_place, written_place
from worker.core.model.reason_texts import rule_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.dead_letters.reading import Letter

_NAME_CHARACTERS = 10


def as_text(letter: Letter, *, payload: bool) -> str:
    """Format one field per line; key, value, headers and the API's message need ``payload``."""
    return "".join(f"{name:<{_NAME_CHARACTERS}}  {value}\n" for name, value in _rows(letter, payload=payload))


def as_json(letter: Letter) -> bytes:
    """Return the whole letter as one line; bytes that are not text get ``_base64`` appended to their name."""
    partition, offset = letter.place
    origin = {
        **msgspec.structs.asdict(letter.origin),
        "offset": written_place(letter.origin.offset),
        "element": letter.element,
    }
    return msgspec.json.encode(
        {
            "letter": {"partition": partition, "offset": written_place(offset)},
            "original": origin,
            "reason": {"class": letter.reason.kind, "text": letter.reason.text},
            "tries": letter.tries,
            "replays": letter.replays,
            "failed_at": None if letter.failed_at_seconds is None else _iso8601(letter.failed_at_seconds),
            "version": letter.version,
            "headers": [{"name": name, **_member("value", value)} for name, value in letter.own_headers],
            **_member("key", letter.record.key),
            **_member("value", letter.record.value),
        }
    )


def _rows(letter: Letter, *, payload: bool) -> Iterator[tuple[str, str]]:
    (partition, offset), origin, reason = letter.place, letter.origin, letter.reason
    time = "" if origin.timestamp_ms is None else f", {_iso8601(origin.timestamp_ms / 1000)}"
    failed_at = letter.failed_at_seconds
    yield "letter", f"{partition}:{shown_place(offset)}"
    element = "" if letter.element is None else f", element {letter.element}"
    yield "original", f"{origin.topic}[{origin.partition}]@{shown_place(origin.offset)}{element}{time}"
    yield "failed at", "unknown" if failed_at is None else _iso8601(failed_at)
    yield "reason", f"{reason.kind}: {reason.text if payload else rule_of(reason)}"
    yield "tries", f"{letter.tries}, replayed {letter.replays} times"
    yield "version", letter.version
    yield "key", _shown(letter.record.key, payload=payload)
    for name, value in letter.own_headers:
        yield "header", f"{json.dumps(name)} {_shown(value, payload=payload)}"
    yield "value", _shown(letter.record.value, payload=payload)


def _shown(value: bytes | None, *, payload: bool) -> str:
    """Return the value's size, or the value in a form that is harmless on a terminal."""
    if value is None:
        return "none"
    if not payload:
        return f"{len(value):,} bytes"
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return f"base64 {b64encode(value).decode()}"
    return text if text.isprintable() else json.dumps(text)


def _member(name: str, value: bytes | None) -> dict[str, Any]:
    if value is None:
        return {name: None}
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": b64encode(value).decode()}


def _iso8601(seconds: float) -> str:
    """Format with milliseconds; a time out of the calendar's range as a number."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, OSError, ValueError):
        return f"{seconds:g}"
