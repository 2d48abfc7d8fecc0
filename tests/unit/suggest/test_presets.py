"""A preset is named where half of the records are of its shape, or more."""

from __future__ import annotations

import msgspec

from tests.support.builders import record
from worker.core.mapping import compile_mapping
from worker.suggest.presets import Fit, Recognisable, best_fits

TRACK = Recognisable("track", "A track call", {"type": "track", "event": None})
ORDER = Recognisable("order", "An order", {"type": "track", "event": None, "items[*].id": None})
CLOUD = Recognisable("cloud", "A CloudEvent", {"$headers.ce_id": None})
PRESETS = (TRACK, ORDER, CLOUD)


def fits(*documents: object, headers: tuple[tuple[str, bytes], ...] = ()) -> tuple[Fit, ...]:
    records = [record(value=msgspec.json.encode(each), headers=headers) for each in documents]
    return best_fits(PRESETS, records, compile_mapping)  # type: ignore[arg-type]  # JSON needs no schema


def test_it_is_the_one_that_fits_the_most_records() -> None:
    found = fits(*[{"type": "track", "event": "view"}] * 9, {"type": "page"})
    assert found == (Fit("track", "A track call", 9),)


def test_of_two_that_fit_the_pickier_is_the_first() -> None:
    found = fits({"type": "track", "event": "buy", "items": [{"id": 1}]})
    assert [each.name for each in found] == ["order", "track"]


def test_a_preset_may_be_recognised_by_a_header() -> None:
    assert [each.name for each in fits({"a": 1}, headers=(("ce_id", b"1"),))] == ["cloud"]


def test_where_none_fits_half_of_them_none_is_named() -> None:
    assert fits({"type": "page", "event": "view"}) == ()
    assert fits({"type": "track", "event": "view"}, {"x": 1}, {"x": 2}) == ()
    assert best_fits((), [record()], compile_mapping) == ()  # type: ignore[arg-type]  # as above
