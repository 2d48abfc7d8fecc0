"""A time becomes whole epoch seconds, whatever its unit, or is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.mapping.mapping_records import MINIMAL, event_of, reason_of
from tests.unit.core.mapping.spellings import TIMES
from worker.core.mapping.moments import by_grammar, epoch_seconds

PER_SECOND = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
moments = st.integers(100_000_000, 4_102_444_799)


def sent_at(value: object, unit: str | None = None) -> object:
    mapping = {} if unit is None else {"sent_at": {"path": "sentAt", "unit": unit}}
    return event_of(MINIMAL | {"sentAt": value}, mapping)["sentAt"]


@given(moments, st.sampled_from(sorted(PER_SECOND)), st.integers(0, 10**9 - 1), st.booleans())
def test_seconds_survive_every_unit_named_or_found_out(
    seconds: int,
    unit: str,
    nanos: int,
    as_text: bool,  # noqa: FBT001  drawn
) -> None:
    number = (seconds * 10**9 + nanos) * PER_SECOND[unit] // 10**9
    value = str(number) if as_text else number
    assert sent_at(value, unit) == sent_at(value, "auto") == sent_at(value) == seconds


@given(moments, st.integers(-14 * 60, 14 * 60), st.integers(0, 999_999))
def test_seconds_survive_iso_text_of_every_zone(seconds: int, offset_minutes: int, micros: int) -> None:
    zone = timezone(timedelta(minutes=offset_minutes))
    text = (
        (datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros)).astimezone(zone).isoformat()
    )
    assert sent_at(text, "iso8601") == sent_at(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2013-11-26 00:02:04.123", 1_385_424_124),
        ("2013-11-26T00:02:04Z", 1_385_424_124),
        ("2013-11-26T00:02:04.123456789Z", 1_385_424_124),
        ("2013-11-26T05:32:04+05:30", 1_385_424_124),
        ("2013-11-26T05:32:04+0530", 1_385_424_124),
        ("2013-11-25T16:02:04-08:00", 1_385_424_124),
        ("2013-11-26 00:02:04 UTC", 1_385_424_124),
        ("20131126T000204Z", 1_385_424_124),
        ("2013-11-26", 1_385_424_000),
    ],
)
def test_iso_text_without_a_zone_is_utc(text: str, seconds: int) -> None:
    assert sent_at(text) == sent_at(text, "iso8601") == seconds


@pytest.mark.parametrize(
    "text",
    [
        "2013-11-26t00:02:04z", "2013-11-26T00:02:04,123Z", "2013-11-26T00:02:04.1234567890123Z",
        "2013-11-26T01:02:04+01:00[Europe/Berlin]", "2013-11-26T00:02:04Z[UTC]", "2013-11-26T00:02:04[UTC]",
        "2013-11-26 00:02:04.123 UTC", "2013-11-26 00:02:04 GMT", "2013-11-26 01:02:04 +0100 CET",
        "2013-11-26 00:02:04.5 +0000 UTC m=+0.1", "Tue Nov 26 00:02:04 UTC 2013",
        "Tue, 26 Nov 2013 00:02:04 GMT", "26 Nov 2013 01:02:04 +0100", " 2013-11-26T00:02:04Z\n",
        "Tue Nov 26 2013 01:02:04 GMT+0100 (Central European Standard Time)",
    ],
)  # fmt: skip
def test_text_as_rfc_3339_and_languages_print_it_is_a_time(text: str) -> None:
    assert sent_at(text) == sent_at(text, "iso8601") == 1_385_424_124


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2013-11-26T00:02Z", 1_385_424_120),
        ("2013-11-26T01:02+01:00[Europe/Berlin]", 1_385_424_120),
        ("2013-11-25T23:59:60Z", 1_385_424_000),
        ("2013-11-25T24:00:00Z", 1_385_424_000),
        ("2013-11-25T24:00Z", 1_385_424_000),
    ],
)
def test_the_ends_of_minutes_and_days_are_times(text: str, seconds: int) -> None:
    assert sent_at(text) == sent_at(text, "iso8601") == seconds


@pytest.mark.parametrize(
    "text",
    [
        "2013-11-26 01:02:04 CET", "2013-11-26T01:02:04[Europe/Berlin]", "Tue Nov 26 01:02:04 CET 2013",
        "2013-11-26 01:02:04 Europe/Berlin", "Tue, 26 Nov 2013 01:02:04 EST",
    ],
)  # fmt: skip
def test_a_zone_that_is_a_word_other_than_utc_is_refused_as_that(text: str) -> None:
    reason = reason_of(MINIMAL | {"sentAt": text})
    assert (reason.kind, "its zone is a word other than UTC" in reason.text) == ("wrong_type", True)


@pytest.mark.parametrize(
    "text", [json.loads(each) for each in TIMES if each.startswith('"') and "W" not in each]
)
def test_no_time_depends_on_the_version_of_python(text: str) -> None:
    """Its own parser takes more in each; without it the same comes out."""
    assert by_grammar(text.strip()) == epoch_seconds(text.strip())


@given(moments, st.integers(-14 * 60, 14 * 60), st.integers(0, 999_999), st.sampled_from("Tt "))
def test_the_grammar_reads_what_python_s_parser_reads(
    seconds: int, offset_minutes: int, micros: int, between: str
) -> None:
    moment = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros)
    text = moment.astimezone(timezone(timedelta(minutes=offset_minutes))).isoformat(between)
    assert by_grammar(text) == epoch_seconds(text) == seconds


@given(st.text(st.sampled_from("0123456789-:.,TtZz+ []GMTUCnovFri"), max_size=40))
def test_no_text_breaks_the_grammar(text: str) -> None:
    assert isinstance(epoch_seconds(text), int | None)
    assert isinstance(by_grammar(text), int | None)


@pytest.mark.parametrize(
    "value",
    [1_700_000_000.999, "1700000000.999", "1700000000.", 1.7e9, 1_700_000_000_999.9, "1.7E9", "1.7e+12"],
)
def test_a_fraction_of_a_second_is_cut_off(value: object) -> None:
    assert sent_at(value) == 1_700_000_000


@pytest.mark.parametrize(
    ("value", "unit", "kind"),
    [
        (0, "auto", "out_of_range"),
        (-1_700_000_000, "auto", "out_of_range"),
        (99_999_999, "auto", "out_of_range"),
        (4_102_444_800, "auto", "out_of_range"),
        (50_000_000_000, "auto", "out_of_range"),
        (20_131_126, "auto", "out_of_range"),
        ("20131126", "auto", "out_of_range"),
        (10**25, "auto", "out_of_range"),
        ("9" * 32, "auto", "out_of_range"),
        (1_700_000_000_000, "seconds", "out_of_range"),
        (1_700_000_000, "milliseconds", "out_of_range"),
        ("0001-01-01T00:00:00+14:00", "iso8601", "out_of_range"),
        ("9999-12-31T23:59:59-14:00", "auto", "out_of_range"),
        ("9" * 33, "auto", "wrong_type"),
        ("-1700000000", "auto", "out_of_range"),
        ("-1", "auto", "out_of_range"),
        ("1.7e99", "auto", "out_of_range"),
        ("1.7e-9", "auto", "wrong_type"),
        ("NaN", "auto", "wrong_type"),
        ("11/26/2013", "auto", "wrong_type"),
        ("yesterday", "auto", "wrong_type"),
        ("2013-02-30", "iso8601", "wrong_type"),
        ("2013-11-26T00:02:04Z", "seconds", "wrong_type"),
        (1_700_000_000, "iso8601", "wrong_type"),
        (True, "auto", "wrong_type"),
        ([1_700_000_000], "auto", "wrong_type"),
        ({"seconds": 1_700_000_000}, "auto", "wrong_type"),
        (None, "seconds", "missing"),
        ("", "iso8601", "missing"),
        (" \n\t", "auto", "missing"),
    ],
)
def test_what_is_no_time_of_that_unit_is_refused(value: object, unit: str, kind: str) -> None:
    mapping = {"sent_at": {"path": "sentAt", "unit": unit}}
    assert reason_of(MINIMAL | {"sentAt": value}, mapping).kind == kind


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_without_a_time_the_record_s_own_counts(nothing: object) -> None:
    assert event_of(MINIMAL | {"sentAt": nothing}, timestamp_ms=1_600_000_000_999)["sentAt"] == 1_600_000_000


@pytest.mark.parametrize("unit", [*PER_SECOND, "iso8601", "auto"])
def test_the_record_s_own_time_is_in_milliseconds_whatever_the_unit(unit: str) -> None:
    mapping = {"sent_at": {"path": ["nowhere", "$timestamp"], "unit": unit}}
    assert event_of(MINIMAL, mapping, timestamp_ms=1_600_000_000_999)["sentAt"] == 1_600_000_000


@pytest.mark.parametrize("timestamp_ms", [None, -1])
def test_a_record_without_any_time_is_undecodable(timestamp_ms: int | None) -> None:
    without = {key: value for key, value in MINIMAL.items() if key != "sentAt"}
    reason = reason_of(without, timestamp_ms=timestamp_ms)
    assert reason.text == "sent_at: nothing at `sentAt` or `$timestamp`; every event has its time"


def test_a_header_may_hold_the_time() -> None:
    mapping = {"sent_at": "$headers.ce_time"}
    headers = (("ce_time", b"2013-11-26T00:02:04Z"),)
    assert event_of(MINIMAL, mapping, headers=headers)["sentAt"] == 1_385_424_124
