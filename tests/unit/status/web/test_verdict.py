from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.support.page_scenes import BACKLOG, HELD, STARTING, WORKING, partition
from worker.core.model.snapshot import WaitsFor
from worker.status.history import Sample
from worker.status.levels import LEVELS, Level
from worker.status.web.verdict import icon, verdict, verdict_section

NOW = WORKING.now
FRESH = (Sample(0.0, lag=10.0), Sample(60.0, lag=10.0))


def late(*lags: float | None, age: float = 300.0) -> tuple[Sample, ...]:
    """Samples of which each is 20 s after the one before."""
    return tuple(Sample(20.0 * n, oldest_age_seconds=age, lag=lag) for n, lag in enumerate(lags))


def test_a_worker_that_keeps_up_is_well_and_its_oldest_record_is_told() -> None:
    shown = verdict(NOW, FRESH)
    assert (shown.level, shown.word) == ("well", "Delivering")
    assert shown.sentences[0].startswith("the oldest record came 0.9 s ago")


def test_one_with_nothing_to_do_is_well_too() -> None:
    idle = partition(0, WaitsFor("nothing"), unsettled_records=0, lag_records=0)
    shown = verdict(replace(NOW, partitions=(idle,)), FRESH)
    assert (shown.level, shown.word) == ("well", "Ready, nothing waits")


def test_a_thin_flow_does_not_change_the_word_at_each_look() -> None:
    """Of one record a second nothing is unsettled at most moments."""
    idle = partition(0, WaitsFor("nothing"), unsettled_records=0, lag_records=0)
    thin = (Sample(0.0), Sample(20.0, received=1), Sample(60.0, received=2))
    assert verdict(replace(NOW, partitions=(idle,)), thin).word == "Delivering"
    assert "<li>" not in verdict_section(verdict(replace(NOW, partitions=(idle,)), thin))


def test_a_hold_is_told_in_the_words_of_ready_with_what_to_do() -> None:
    shown = verdict(HELD.now, HELD.samples)
    assert (shown.level, shown.word, shown.sentences) == ("bad", "Held", HELD.now.reasons)
    markup = verdict_section(shown)
    assert "<bdi>Held for 96 s: misconfigured: AccessDeniedException</bdi>" in markup
    assert "<li><bdi>Allow personalize:PutEvents on resource * to the worker&#39;s role</bdi></li>" in markup
    assert "<li><bdi>One event is sent to find out, next in 12 s</bdi></li>" in markup


def test_other_reasons_are_bad_and_all_of_them_are_told() -> None:
    reasons = ("kafka: no broker answers (for 9 s); check the network", "no share of the quota for 9 s; x")
    shown = verdict(replace(NOW, ready=False, reasons=reasons, warnings=("w",)), FRESH)
    assert (shown.level, shown.word, shown.sentences) == ("bad", "Not delivering", (*reasons, "w"))


def test_a_hold_that_may_be_over_is_a_warning() -> None:
    hold = replace(HELD.now.holds[0], unconfirmed_seconds=9.0)
    shown = verdict(replace(NOW, holds=(hold,), warnings=("held for 9 s, unconfirmed",)), FRESH)
    assert (shown.level, shown.sentences) == ("care", ("held for 9 s, unconfirmed",))


@pytest.mark.parametrize(("more", "level"), [((), "rest"), (("held for 3 s: x; y",), "bad")])
def test_a_worker_that_ends_is_at_rest_unless_something_keeps_it_from_it(
    more: tuple[str, ...], level: str
) -> None:
    reasons = ("draining, 9 s left: 4 records unsettled; records not delivered by then go on", *more)
    shown = verdict(replace(NOW, ready=False, draining=True, reasons=reasons), FRESH)
    assert (shown.level, shown.word) == (level, "Draining")


@pytest.mark.parametrize(
    ("reason", "level"), [("the worker is starting", "rest"), ("kafka: no broker answers; check it", "care")]
)
def test_one_that_starts_is_at_rest_unless_it_waits_for_something(reason: str, level: str) -> None:
    shown = verdict(replace(STARTING.now, reasons=(reason,)), STARTING.samples)
    assert (shown.level, shown.word, shown.sentences) == (level, "Starting", (reason,))


def test_a_backlog_is_told_with_its_end_and_that_pods_are_no_help() -> None:
    shown = verdict(BACKLOG.now, BACKLOG.samples)
    assert (shown.level, shown.word) == ("care", "Catching up")
    (sentence,) = shown.sentences
    assert sentence.startswith("9,361,844 records wait, the oldest is 2 h old: about ")
    assert sentence.endswith(
        " more at this pace; the quota is the limit: more pods do not help, a higher quota does"
    )


@pytest.mark.parametrize(
    ("lags", "word", "says"),
    [
        ((900, 800, 700, 600), "Catching up", "about 2 min more at this pace"),
        ((600, 700, 800, 900), "Falling behind", "more come than can be sent"),
        ((600, 600, 600, 600), "Behind", "is 5 min old"),
        ((None, None, None, None), "Behind", "is 5 min old"),
        # Too short to tell a pace by.
        ((600,), "Behind", "is 5 min old"),
        # An end that nobody will see.
        ((1e9, 1e9 - 1, 1e9 - 2, 1e9 - 3), "Catching up", "is 5 min old"),
    ],
)
def test_what_becomes_of_a_backlog_is_told_by_how_it_went(
    lags: tuple[float | None, ...], word: str, says: str
) -> None:
    shown = verdict(NOW, late(*lags))
    assert (shown.level, shown.word) == ("care", word)
    assert says in shown.sentences[0]
    assert "quota" not in shown.sentences[0]


def test_a_warning_is_told_before_the_backlog() -> None:
    shown = verdict(replace(NOW, warnings=("throttled",)), late(1, 1))
    assert (shown.word, shown.sentences[0]) == ("Behind", "throttled")


@pytest.mark.parametrize("level", LEVELS)
def test_there_is_an_icon_for_each_level(level: Level) -> None:
    assert icon(level).startswith('<svg xmlns="http://www.w3.org/2000/svg"')
