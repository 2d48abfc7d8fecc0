"""Maps damaged samples: nothing raises, all events are valid (``python -m tests.presets.fuzz --count N``).

Each case is made of its preset, the seed and its number alone, so one that fails can be made again.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any, Final

from tests.presets.cases import call_of, mapping_of, outcomes_of, samples_of
from worker.config.presets import preset_names
from worker.core.mapping import KINDS
from worker.core.model.records import Element, FanOut, Interaction, Record, Skipped, Undecodable
from worker.local.rules import violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.presets.cases import Sample

_RULE: Final = re.compile(r"[ -~]{1,40}")
_ODD: Final[Sequence[object]] = (
    None, True, False, 0, -1, -0.0, 1, 7, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**64, 10**400, 1e308,
    0.1, float("nan"), float("inf"), 1_767_323_045, 1_767_323_045_678, 1_767_323_045_678_901, "", " ",
    "null", "undefined", "0", "-1", "true", "d", "x" * 256, "x" * 257, "x" * 20_000, "\x00", "a\nb",
    "\ud83d", "\u00e9" * 300, "2026-01-02T03:04:05Z", "2026-13-02", "{}", "[]", '{"a": 1}', "[1, 2]",
    '"text"', "{broken", '["a", null]', {}, [], [[]], {"id": "i"}, ["a", "b"], [{"id": "i"}], {"userId":
    "u", "timestamp": 1}, {"a": "x" * 2000}, ["i"] * 26, [{"id": n} for n in range(40)], {"key": "k",
    "value": {}},
)  # fmt: skip
_DAMAGE: Final = (
    b"NaN",
    b"\\ud83d",
    b"\x00",
    b"\xff",
    b"'",
    b"[" * 3000,
    b"01",
    b"\t",
    b"{",
    b"}",
    b'"',
    b"null",
)
_CELLS: Final = (
    "",
    "null",
    "{}",
    "[]",
    "x" * 20_000,
    "\x00",
    "2026-01-02",
    "{broken",
    '{"data":[]}',
    "a\nb",
    "-1",
)


def damaged(sample: Sample, random: Random) -> Record:
    """The sample's record with one to four things changed."""
    record = sample.record()
    try:
        value = json.loads(sample.value)
    except ValueError:
        raw = _damaged_cells(sample.value, random)
    else:
        for _ in range(random.randint(1, 4)):
            # A record that is no object at all says nothing about the mapping.
            value = _mutated(value, random, into=0.99)
        raw = json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")
    if random.random() < 0.05:
        cut = random.randrange(len(raw) + 1)
        raw = raw[:cut] + random.choice(_DAMAGE) + raw[cut + random.randint(0, 3) :]
    headers = tuple(
        (name, random.choice((value, value, None, b"", b"\xff", b"x" * 300, b"2026-01-02T03:04:05Z")))
        for name, value in record.headers
        if random.random() < 0.9
    )
    timestamp_ms = random.choice((record.timestamp_ms, record.timestamp_ms, None, -1, 2**63 - 1))
    return Record(record.assignment, random.randrange(2**40), timestamp_ms, record.key, raw, headers)


def _damaged_cells(raw: bytes, random: Random) -> bytes:
    cells = raw.decode().split("\t")
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(cells))
        match random.randrange(20):
            case 0:
                cells.pop(at)
            case 1:
                cells.insert(at, random.choice(_CELLS))
            case number if number < 10 and cells[at].startswith("{"):
                cells[at] = _mutated_text(cells[at], random)
            case _:
                cells[at] = random.choice(_CELLS)
        cells = cells or [""]
    return "\t".join(cells).encode(errors="surrogatepass")


def _mutated_text(text: str, random: Random) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        # Damaged before.
        return text[1:]
    return json.dumps(_mutated(value, random), ensure_ascii=False)


def _mutated(value: Any, random: Random, *, into: float = 0.85) -> Any:
    """The value with one thing changed: within it mostly, by the chance ``into``, or itself."""
    if isinstance(value, dict) and value and random.random() < into:
        key = random.choice(list(value))
        changed = dict(value)
        match random.randrange(6):
            case 0:
                del changed[key]
            case 1:
                changed[random.choice([*value, "data", "payload", "id", "\ud800"])] = changed.pop(key)
            case _:
                changed[key] = _mutated(value[key], random)
        return changed
    if isinstance(value, list) and value and random.random() < 0.8:
        at = random.randrange(len(value))
        changed_list = list(value)
        match random.randrange(5):
            case 0:
                del changed_list[at]
            case 1:
                changed_list *= random.choice((2, 2, 3, 30))
            case _:
                changed_list[at] = _mutated(value[at], random)
        return changed_list
    return _replaced(value, random)


def _replaced(value: Any, random: Random) -> Any:
    match random.randrange(8):
        case 0:
            return {random.choice(("id", "a", "data")): value}
        case 1:
            return [value] * random.randint(1, 3)
        case 2:
            # A lone surrogate cannot be within JSON text in UTF-8 any other way.
            return json.dumps(value)
        case 3:
            return str(value) if not isinstance(value, str) else value + random.choice(("-x", " ", "\n", "0"))
        case 4 if isinstance(value, int):
            return value * random.choice((-1, 1000, 10**6))
        case _:
            return random.choice(_ODD)


def check(map_record: Callable[[Record], object], record: Record) -> Iterator[str]:
    """Hold what becomes of the record to every rule; yield the kind of each outcome.

    Raises:
        AssertionError: a rule is broken.
    """
    mapped = map_record(record)
    outcomes = outcomes_of(mapped)
    if isinstance(mapped, FanOut):
        assert mapped.record is record
        assert len(outcomes) >= 2
        for index, outcome in enumerate(outcomes):
            assert isinstance(outcome.record, Element)
            assert (outcome.record.index, outcome.record.of) == (index, len(outcomes))
            assert outcome.record.offset == record.offset
    for outcome in outcomes:
        match outcome:
            case Interaction():
                call = call_of(outcome)
                broken = violation(call)
                assert broken is None, broken
                assert outcome.session_id != "null"
                yield "event"
            case Undecodable():
                assert outcome.reason.kind in KINDS
                assert outcome.reason.text
                yield outcome.reason.kind
            case Skipped():
                assert _RULE.fullmatch(outcome.rule), outcome.rule
                yield "skipped"


def run(preset: str, numbers: range, seed: int) -> Counter[str]:
    """Damage and map; return the outcomes by kind.

    Raises:
        AssertionError: names the case that broke a rule, and how.
    """
    map_record, cases = mapping_of(preset), samples_of(preset)
    kinds: Counter[str] = Counter()
    for number in numbers:
        random = Random(f"{preset} {seed} {number}")  # noqa: S311  a schedule of damage, not a secret
        record = damaged(random.choice(cases), random)
        try:
            kinds.update(check(map_record, record))
        except Exception as error:
            raise AssertionError(f"{preset}, seed {seed}, number {number}: {error!r}") from error
    return kinds


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.presets.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="how many records, over all presets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--preset", choices=preset_names(), help="this one only")
    chosen = parser.parse_args()
    names = [chosen.preset] if chosen.preset else preset_names()
    began, each = time.monotonic(), -(-chosen.count // len(names))
    for name in names:
        kinds = run(name, range(each), chosen.seed)
        counts = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common())
        print(f"{name}: {each:,} records: {counts}", flush=True)  # noqa: T201  its output
    print(f"{each * len(names):,} records in {time.monotonic() - began:,.0f} s, no rule broken")  # noqa: T201  as above
    return 0


if __name__ == "__main__":
    sys.exit(main())
