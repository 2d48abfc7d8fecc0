"""The benchmarks of bounds, outage and soak: what they send, what they conclude, what they draw."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import msgspec
import pytest

from benchmarks.bounds import CASES
from benchmarks.curve import TWO_WORKERS, Sample, draw, write
from benchmarks.feed import AWAKE, EVENTS, RECORD_BYTES, Feed, Sent
from benchmarks.soak import growth_percent
from benchmarks.watch import dead_letters
from worker.core.mapping import compile_mapping
from worker.core.model.partition import Partition
from worker.core.model.records import Interaction, Record, Undecodable
from worker.core.offsets.assignment import Assignment

if TYPE_CHECKING:
    from pathlib import Path


def samples(*megabytes: float) -> list[Sample]:
    """One every 5 seconds."""
    return [Sample(5.0 * place, resident_mb, "throttles") for place, resident_mb in enumerate(megabytes)]


def test_every_session_of_the_feed_counts_its_events_from_0() -> None:
    sent = sorted(
        (Sent(place).produced for place in range(3 * AWAKE * EVENTS)), key=lambda each: each.event_id
    )
    sent.sort(key=lambda each: each.session_id)
    for _, events in groupby(sent, key=lambda each: each.session_id):
        assert [each.sequence for each in events] == list(range(EVENTS))


def test_what_the_feed_excuses_is_what_cannot_be_mapped_or_is_refused() -> None:
    feed = Feed(None, "t", 100, unmappable_every=50, poison_every=70)  # type: ignore[arg-type]  # sends nothing
    feed.sent = 300
    map_record, bad = compile_mapping({}), set()
    for place in range(300):
        value = feed.value(place).encode()
        assert len(value) == RECORD_BYTES
        mapped = map_record(Record(Assignment(Partition("t", 0), 1), place, None, None, value, ()))
        if isinstance(mapped, Undecodable) or b"poison" in mapped.event:
            bad.add(msgspec.json.decode(value)["eventId"])
    assert feed.excused() == bad
    assert len(bad) == 10


@pytest.mark.parametrize("name", CASES)
def test_the_first_of_every_odd_case_is_an_event_or_a_dead_letter_with_a_reason(name: str) -> None:
    first = next(CASES[name].records())
    mapped = compile_mapping({})(Record(Assignment(Partition("t", 0), 1), 0, None, None, first.value, ()))
    assert isinstance(mapped, Interaction | Undecodable)


def test_growth_is_the_median_of_the_last_sixth_against_the_second() -> None:
    early, late, percent = growth_percent(samples(*[50] * 10, *[100] * 10, *[300] * 30, *[104] * 10))
    assert (early, late) == (100, 104)
    assert percent == pytest.approx(4)


def test_dead_letters_are_read_by_reason() -> None:
    page = {'records_dead_lettered_total{reason="too_long"}': 2.0, "paused": 1.0}
    assert dead_letters(page) == {"too_long": 2}


def test_the_picture_is_well_formed_and_shows_every_sample(tmp_path: Path) -> None:
    shown = [*samples(60, 150, 90), Sample(15, 80, f"5xx{TWO_WORKERS}"), Sample(20, 81, "5xx")]
    picture = ET.fromstring(draw(shown, "Memory"))  # noqa: S314  made here
    (curve,) = picture.iter("{http://www.w3.org/2000/svg}polyline")
    assert len(curve.attrib["points"].split()) == len(shown)
    write(shown, tmp_path / "curve.csv")
    assert (tmp_path / "curve.csv").read_text().splitlines()[:2] == [
        "seconds,resident_mb,what",
        "0.0,60,throttles",
    ]
