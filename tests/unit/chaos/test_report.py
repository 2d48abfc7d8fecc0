"""Repeats and stalls are put down to the fault that they are of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.chaos.document import Section, write_section
from tests.chaos.report import (
    NO_FAULT,
    Acceptances,
    Episode,
    Report,
    Stall,
    acceptances,
    repeats_by_kind,
    stall,
    table,
)
from tests.chaos.run import Outcome
from tests.unit.chaos.evidence import evidence_of

if TYPE_CHECKING:
    from pathlib import Path

KILLED = Episode("worker killed", 100.0, 103.0)
DOWN = Episode("API down", 120.0, 180.0, drains=(10.5,))
REPLACED = Episode("worker replaced", 150.0, 152.0, drains=(2.5,))


def test_a_repeat_is_of_the_fault_that_is_on_or_was_last() -> None:
    times = {99.0: NO_FAULT, 101.0: "worker killed", 119.0: "worker killed", 130.0: "API down"}
    for at, kind in times.items():
        assert repeats_by_kind([at], [KILLED, DOWN]) == {kind: 1}


def test_of_two_faults_that_are_on_the_younger_one_counts() -> None:
    episodes = [KILLED, REPLACED, DOWN]
    assert repeats_by_kind([151.0, 151.5, 160.0, 181.0], episodes) == {"worker replaced": 2, "API down": 2}


def test_a_stall_lasts_until_the_first_acceptance_and_until_every_partition_has_one() -> None:
    accepted = Acceptances({0: [90.0, 104.0, 105.0], 1: [102.9, 109.5]}, repeats=[])
    assert stall(KILLED, [KILLED], accepted) == Stall(first=1.0, everywhere=6.5)


def test_a_partition_that_never_goes_on_is_no_short_stall() -> None:
    accepted = Acceptances({0: [104.0], 1: [90.0]}, repeats=[])
    assert stall(KILLED, [KILLED], accepted) == Stall(first=1.0, everywhere=None)
    assert stall(KILLED, [KILLED], Acceptances({0: []}, [])) == Stall(None, None)


def test_no_stall_is_measured_while_another_fault_is_on() -> None:
    accepted = Acceptances({0: [153.0, 190.0]}, repeats=[])
    assert stall(REPLACED, [REPLACED, DOWN], accepted) is None
    assert stall(DOWN, [REPLACED, DOWN], accepted) == Stall(10.0, 10.0)


def test_the_books_say_what_came_again_and_where() -> None:
    evidence = evidence_of(2, accepted={0: [1.0], 1: [2.0, 5.0]})
    assert acceptances(evidence) == Acceptances({0: [1.0, 2.0, 5.0]}, [5.0])


def test_a_row_has_the_median_and_the_longest() -> None:
    again = Episode("worker killed", 200.0, 201.0)
    accepted = Acceptances({0: [104.0, 181.0, 204.0]}, repeats=[101.0, 101.5])
    report = Report([KILLED, DOWN, again], accepted)
    assert list(report.rows()) == [
        ("API down", "1", "60.0", "0", "1.0", "1.0", "10.5"),
        ("worker killed", "2", "2.0 / 3.0", "2", "2.0 / 3.0", "2.0 / 3.0", ""),
    ]
    assert (report.longest_stall(), report.longest_drain()) == (3.0, 10.5)


def test_a_repeat_before_any_fault_is_shown() -> None:
    rows = list(Report([KILLED], Acceptances({0: []}, repeats=[1.0])).rows())
    assert [(row[0], row[1], row[3]) for row in rows] == [(NO_FAULT, "0", "1"), ("worker killed", "1", "0")]


def test_the_table_is_aligned_markdown() -> None:
    lines = ["| a    |   n |", "| ---- | --: |", "| bcde |   1 |"]
    assert table(("a", "n"), [("bcde", "1")]).splitlines() == lines


def test_a_run_writes_its_own_section_and_leaves_the_rest(tmp_path: Path) -> None:
    page = tmp_path / "chaos.md"
    page.write_text("# Chaos\n\nWhat it is.\n")
    evidence = evidence_of(1, accepted={0: [1.0]})
    report = Report([KILLED], acceptances(evidence))
    outcome = Outcome(evidence.figures(kills=1, seconds=1), report, 0, (), 0, 0, ())
    classic = Section(outcome, "classic", 1, 15, {"worker": "1"}, datetime(2026, 1, 1, tzinfo=UTC))
    consumer = replace(classic, protocol="consumer")
    for each in (consumer, classic, replace(consumer, seed=7)):
        write_section(page, each)
    written = page.read_text()
    headings = [line for line in written.splitlines() if line.startswith("#")]
    assert headings == ["# Chaos", classic.title, consumer.title]
    assert "What it is." in written
    assert written.count("seed 1.") == 1
    assert written.count("seed 7.") == 1
