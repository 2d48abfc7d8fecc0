"""The page docs/spellings.md, made by ``python -m tests.unit.core.mapping.spellings > docs/spellings.md``.

Each line of its tables is tried: what the page says becomes of a spelling is what the mapping made of it.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from tests.support.builders import record
from worker.core.mapping import compile_mapping
from worker.core.mapping.placeholders import TABLE
from worker.core.model.records import Interaction, Undecodable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from worker.core.model.records import Mapped

OTHER_IDS: Final = (
    '""', '" "', '"\\t"', '"\\u3000"', '"0"', '"-1"', '"id"', '"guest"', '"true"', '"N/A"', '"unknown"',
    '"[]"', '"s-1"', '" s-1"', '"caf\\u00e9"', '"\\ud83d\\ude00"', '"\\ud83d"', '"a\\u0000b"', '"a\\nb"',
    '"a\\u007fb"', '"a\\u200bb"', "0", "7", "-1", "18446744073709551617", "7.0", "1e3", "1e999", "NaN",
    "Infinity", "01", "None", "undefined", "true", "null", '{"id": "x"}', '["x"]',
)  # fmt: skip
KEYS: Final = (
    b"s-1", b'"s-1"', b"42", b"null", b'"null"', b"", b'""', (42).to_bytes(8, "big"),
    (1000).to_bytes(8, "big"), (42).to_bytes(4, "big"), b"\x00\x00\x00\x00\x01s-1", b"\xff",
    b'{"id":"s-1"}', b"a\nb",
)  # fmt: skip
TIMES: Final = (
    "1764000000", "1764000000.5", "1.764e9", "1764000000123", "1764000000123456", "1764000000123456789",
    '"1764000000"', '"1764000000.5"', '"1.764E9"', '"1764000000123"', '" 1764000000"', '"1,764,000,000"',
    "0", "-1", '"-1"', "-0", "99999999", "4102444800", "1e999", "NaN", "true", "null", '""', '"null"',
    '"NaN"', '"2025-11-24T16:00:00Z"', '"2025-11-24t16:00:00z"', '"2025-11-24 16:00:00Z"',
    '"2025-11-24  16:00:00Z"', '"2025-11-24T16:00:00"', '"2025-11-24T16:00Z"', '"2025-11-24T16:00"',
    '"2025-11-24T16Z"', '"2025-11-24"', '"20251124T160000Z"', '"2025-11-24T16:00:00.1Z"',
    '"2025-11-24T16:00:00.123456789Z"', '"2025-11-24T16:00:00.1234567890123Z"',
    '"2025-11-24T16:00:00,123Z"', '"2025-11-24t16:00:00,5z"', '"2025-11-24T17:00:00+01:00"',
    '"2025-11-24T17:00:00+0100"', '"2025-11-24T17:00:00+01"', '"2025-11-24 17:00:00 +01:00"',
    '"2025-11-24T16:00:00-00:00"', '"2025-11-24T17:00:00+01:00:00"',
    '"2025-11-24T17:00:00+01:00[Europe/Berlin]"', '"2025-11-24T17:00+01:00[Europe/Berlin]"',
    '"2025-11-24T16:00:00Z[UTC]"', '"2025-11-24T16:00:00[UTC]"', '"2025-11-24T17:00:00[Europe/Berlin]"',
    '"2025-11-24 16:00:00.123 UTC"', '"2025-11-24 16:00:00 GMT"', '"2025-11-24 16:00:00 utc"',
    '"2025-11-24 17:00:00 CET"', '"2025-11-24 17:00:00 Europe/Berlin"', '"2025-11-24 04:00:00 PM"',
    '"2025-11-24 16:00:00.123456789 +0000 UTC m=+0.000012"', '"2025-11-24 17:00:00 +0100 CET"',
    '"Mon Nov 24 16:00:00 UTC 2025"', '"Mon Nov 24 17:00:00 CET 2025"', '"Mon Nov 24 16:00:00 2025"',
    '"Mon, 24 Nov 2025 16:00:00 GMT"', '"Mon, 24 Nov 2025 17:00:00 +0100"', '"24 Nov 2025 16:00:00 GMT"',
    '"Mon Nov 24 2025 17:00:00 GMT+0100 (Central European Standard Time)"', '"2025-11-24T23:59:60Z"',
    '"2025-11-24T24:00:00Z"', '"2025-11-24T24:00:01Z"', '"2025-11-24T25:00:00Z"', '"2025-02-30T16:00:00Z"',
    '" 2025-11-24T16:00:00Z "', '"2025-11-24T16:00:00.Z"', '"2025-11-24T16:00:60.5Z"', '"2025-W48-1"',
    '"2025-328"', '"24/11/2025"', '"11/24/2025 16:00:00"', '"yesterday"', "[2025, 11, 24, 16, 0]",
    '{"$date": "2025-11-24T16:00:00Z"}',
)  # fmt: skip
NUMBERS: Final = (
    "5", "-0", "-0.0", "2.5", "1e3", "1E+3", "3.4e38", "3.5e38", "1e999", "-1e999", "9" * 400, "9" * 5000,
    '"5"', '"-2.5e1"', '"12."', '".5"', '"+5"', '" 5"', '"1_000"', '"1,5"', '"NaN"', '"1e999"', '""', "null",
    "NaN", "Infinity", "-Infinity", "01", "+1", "1.", ".5", "0x1F", "None", "true", "[5]",
)  # fmt: skip
_GOOD: Final = '"eventType":"view","sentAt":1764000000,"sessionId":"s-1"'
_OBJECT: Final = f"{{{_GOOD}}}"
VALUES: Final[Mapping[str, bytes | None]] = {
    "no value": None,
    "`null`": b"null",
    "blanks and `null`": b" null\n",
    "nothing (0 bytes)": b"",
    "blanks": b" \n",
    "an object": _OBJECT.encode(),
    "a byte order mark, an object": _OBJECT.encode("utf-8-sig"),
    "the object as JSON text": json.dumps(_OBJECT).encode(),
    "the object as JSON text in JSON text": json.dumps(json.dumps(_OBJECT)).encode(),
    "an array of the object": f"[{_OBJECT}]".encode(),
    "two objects": f"{_OBJECT}\n{_OBJECT}".encode(),
    "an object, a NUL": _OBJECT.encode() + b"\0",
    "half of an object": _OBJECT.encode()[:-9],
    "a comma before the brace": f"{{{_GOOD},}}".encode(),
    "a comment": f"{{{_GOOD} /* x */}}".encode(),
    "single quotes": _OBJECT.replace('"', "'").encode(),
    "names without quotes": b"{eventType: 'view'}",
    "`None` where a path leads": f'{{{_GOOD},"userId":None}}'.encode(),
    "`None` elsewhere": f'{{{_GOOD},"other":None}}'.encode(),
    "UTF-16, with or without its mark": _OBJECT.encode("utf-16"),
    "UTF-32": _OBJECT.encode("utf-32"),
    "gzip": gzip.compress(_OBJECT.encode(), mtime=0),
    "Base64": b64encode(_OBJECT.encode()),
    "gzip in Base64": b64encode(gzip.compress(_OBJECT.encode(), mtime=0)),
    "zstd": b"\x28\xb5\x2f\xfd\x04",
    "a schema registry's frame": b"\x00\x00\x00\x00\x07" + _OBJECT.encode(),
    "AWS Glue's frame": b"\x03\x00" + bytes(16) + _OBJECT.encode(),
    "an Avro container file": b"Obj\x01\x04",
    "MessagePack": b"\x83\xa9eventType",
    "CBOR": b"\xa3\x69eventType",
    "XML": b"<event/>",
    "plain text": b"view s-1",
    "a number": b"17",
}
ELSEWHERE: Final[Mapping[str, str]] = {
    "half of a surrogate pair": '"\\ud83d"',
    "bytes that are not UTF-8": '"\udcff"',
    "a raw line break in a text": '"a\nb"',
    "an escape that JSON does not have": '"\\x41"',
    "`NaN`, `Infinity`": "[NaN, -Infinity]",
    "`1e999`": "1e999",
    "a number of 5,000 digits": "9" * 5000,
    "`01`, `+1`, `None`": "01",
    "100,000 arrays in one another": "[" * 100_000 + "]" * 100_000,
}


def markdown() -> str:
    """The whole page."""
    return "".join(_page())


def _page() -> Iterator[str]:
    yield _HEAD
    yield from _table(
        "Ids",
        _IDS,
        ("as JSON has it", "as `userId` (`itemId`, `eventId` alike)", "as `sessionId` (`eventType` alike)"),
        ((_code(each), _of_user(each), _of_session(each)) for each in [*_builtin_ids(), *OTHER_IDS]),
    )
    yield from _table(
        "Keys and headers", _KEYS, ("the bytes", "as an id"), ((_bytes(k), _of_key(k)) for k in KEYS)
    )
    yield from _table(
        "Times", _TIMES, ("as JSON has it", "becomes"), ((_code(t), _of_time(t)) for t in TIMES)
    )
    yield from _table(
        "Numbers",
        _NUMBERS,
        ("as JSON has it", "as `eventValue`", "in `properties`"),
        ((_code(each), _of_value(each), _of_property(each)) for each in NUMBERS),
    )
    yield from _table(
        "Where no path leads",
        _ELSEWHERE,
        ("what stands there", "the record", "in `properties`"),
        (
            (what, _outcome(_with("other", each), _delivered), _of_property(each))
            for what, each in ELSEWHERE.items()
        ),
    )
    yield from _table(
        "Whole values",
        _VALUES,
        ("the value is", "becomes"),
        ((w, _outcome(v, _delivered)) for w, v in VALUES.items()),
    )


_HEAD: Final = """\
# Spellings

What becomes of each spelling of an id, a time, a number and a whole value that was tried. "Refused" is a
dead letter of that kind, with that reason.

<!-- Made by `python -m tests.unit.core.mapping.spellings > docs/spellings.md`: change it there. -->
"""
_IDS: Final = """\
What languages write for nothing is nobody's id, in small letters, in capitals and with one capital too.
"Absent" is as good as `null`: the next path of a list counts, and an `eventId` is derived. Attribution
sources and `recommendationId` are read like a user's id; in an `impression`, what is absent is refused. Words
that may be real ids (`0`, `id`, `guest`, `true`; also `N/A` and `unknown`) are ids, unless
`record.placeholder_ids` has them. With `record.builtin_placeholder_ids: false` every word is an id, but for a
session's `null`, which the API ignores."""
_KEYS: Final = """\
Of `$key` and `$headers.NAME`. A JSON text loses its quotes, for they are the serializer's."""
_TIMES: Final = """\
With unit `auto`; `iso8601` takes the texts and no numbers, the others take numbers of their unit. Between
1973-03-03 and the end of 2099; what is less than a second is cut off; no zone is UTC. It does not depend on
the version of Python."""
_NUMBERS: Final = "The last column has the number as a property, in an object."
_ELSEWHERE: Final = """\
Into a member that no path begins with nobody looks, nor into one beside the path, at whatever depth. The last
column has the same in `properties`, which are sent whole: what is not Unicode is replaced by U+FFFD there."""
_VALUES: Final = """\
Nothing is guessed into JSON; the reason says what it seems to be. The dead letter is the record as it was."""


def _table(title: str, said: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"\n## {title}\n\n{said}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}\n"
    for row in rows:
        yield f"| {' | '.join(row)} |\n"


def _builtin_ids() -> Iterable[str]:
    return dict.fromkeys(json.dumps(word) for words in TABLE.values() for word in words)


def _of_user(text: str) -> str:
    return _outcome(_with("userId", text), lambda found: _id_or_absent(found.user_id))


def _of_session(text: str) -> str:
    value = f'{{"eventType":"view","sentAt":1764000000,"sessionId":{text}}}'
    return _outcome(value.encode(), lambda found: _id_or_absent(found.session_id))


def _of_key(key: bytes) -> str:
    value = b'{"eventType":"view","sentAt":1764000000}'
    return _outcome(value, lambda found: _id_or_absent(found.session_id), {"session_id": "$key"}, key)


def _of_time(text: str) -> str:
    value = f'{{"eventType":"view","sessionId":"s-1","sentAt":{text}}}'

    def shown(found: Interaction) -> str:
        return f"{datetime.fromtimestamp(json.loads(found.event)['sentAt'], UTC):%Y-%m-%d %H:%M:%S}"

    return _outcome(value.encode(), shown, {"sent_at": "sentAt"})


def _of_value(text: str) -> str:
    return _outcome(_with("eventValue", text), lambda found: _member(found, "eventValue"))


def _of_property(text: str) -> str:
    return _outcome(_with("properties", f'{{"a":{text}}}'), lambda found: _member(found, "properties"))


def _member(found: Interaction, name: str) -> str:
    event: dict[str, Any] = json.loads(found.event)
    return "absent" if name not in event else _code(str(event[name]))


def _delivered(_: Interaction) -> str:
    return "delivered"


def _id_or_absent(text: str | None) -> str:
    return "absent" if text is None else _code(json.dumps(text, ensure_ascii=False))


def _with(name: str, text: str) -> bytes:
    return f'{{{_GOOD},"{name}":{text}}}'.encode(errors="surrogateescape")


def _outcome(
    value: bytes | None,
    shown: Callable[[Interaction], str],
    mapping: Mapping[str, object] | None = None,
    key: bytes | None = None,
) -> str:
    outcome: Mapped = compile_mapping(mapping or {})(record(value=value, key=key))
    if isinstance(outcome, Interaction):
        return shown(outcome)
    if isinstance(outcome, Undecodable):
        return f"refused: `{outcome.reason.kind}`, {_cell(_FIELD.sub('', outcome.reason.text))}"
    return f"skipped: `{outcome.rule}`"


_FIELD: Final = re.compile(r"^\w+(?: \([^)]*\))?: ")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    """As a table can show it: short, without line breaks and pipes."""
    short = text if len(text) <= 80 else f"{text[:8]}... ({len(text):,} characters)"
    shown = "".join(each if each.isprintable() or each == " " else f"\\u{ord(each):04x}" for each in short)
    return f"`{shown.replace('|', '&#124;')}`"


def _bytes(raw: bytes) -> str:
    return f"`{str(raw)[2:-1]}`" if raw else "none"


if __name__ == "__main__":
    sys.stdout.write(markdown())
