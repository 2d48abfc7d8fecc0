"""The whole page: what it shows, that it stays what it is whatever the names are, and what it costs."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.page_scenes import BACKLOG, HELD, SCENES, SHARDS, WORKING, partition
from worker.core.model.snapshot import WaitsFor
from worker.core.model.worker_status import DoneStatus, WorkerStatus
from worker.status.history import Sample
from worker.status.web.document import document

AT = 1_764_331_200.0
HOSTILE = st.text(min_size=1) | st.sampled_from(
    [
        *(
            "<script>alert(1)</script>",
            "</bdi></td></table>",
            '"><img src=x onerror=alert(1)>',
            "' onclick='x",
        ),
        *(
            "&lt;script&gt;",
            "<!-- ",
            "]]>",
            "javascript:alert(1)",
            "\u202egnp.exe",
            "a" * 3000,
            "\ud800",
            "\0",
        ),
    ]
)


class Parsed(HTMLParser):
    """The page as a parser reads it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.shape: list[object] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, tuple(name for name, _ in attrs)))
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.shape.append(data)

    def handle_data(self, data: str) -> None:
        self.text += data


def page(now: WorkerStatus, samples: tuple[Sample, ...] = WORKING.samples) -> Parsed:
    return Parsed(document(now, samples, AT))


def test_it_says_how_many_workers_are_wanted_and_what_decides_it() -> None:
    assert "Workers wanted in all3: what comes in is delivered" in page(WORKING.now).text
    assert "3: the quota is the limit" in page(BACKLOG.now).text
    assert "Workers wanted in all-" in page(replace(WORKING.now, scaling=None)).text


def named(name: str, word: str) -> WorkerStatus:
    """A worker with this wherever a text comes from outside."""
    return replace(
        HELD.now,
        reasons=(f"held for 9 s: misconfigured: {word}; {name}",),
        warnings=(f"most calls fail with {word}",),
        group=name,
        version=name,
        partitions=(
            partition(0, WaitsFor("retry", 1.0, calls=2, code=word), topic=name, committed_offset=name),
        ),
        done=DoneStatus(delivered=1, dead_lettered={word: 2, "x": 1}, skipped={name: 3}),
    )


@given(HOSTILE.filter(lambda text: ";" not in text), HOSTILE)
def test_whatever_names_come_from_outside_the_page_keeps_its_shape(name: str, word: str) -> None:
    """No element, no attribute and no comment more or less than with harmless ones."""
    usual = page(named("name", "word")).shape
    word = word.replace(";", "")
    if word == "x":
        return
    shown = page(named(name, word))
    assert shown.shape == usual
    assert shown.open == []


@pytest.mark.parametrize("scene", SCENES)
def test_every_element_is_closed_and_every_id_there_once(scene: str) -> None:
    shown = page(SCENES[scene].now, SCENES[scene].samples)
    assert shown.open == []
    assert len(shown.ids) == len(set(shown.ids))
    assert document(SCENES[scene].now, SCENES[scene].samples, AT).count("<h1") == 1


def test_it_tells_what_an_operator_asks() -> None:
    text = page(WORKING.now).text
    for said in (
        *(
            "recommendations",
            "Kafka · 0.1.0 · up 3 d",
            "1,260 records/s",
            "1,231 events/s",
            "calls/s, of 333",
        ),
        *("33.3% of 1,000 calls/s", "9 of 64", "shop.interactions[0]", "others of its session"),
        *("missing41", "out of range12", "Dead letters56", "right, to about a second", "12:00:00 UTC"),
    ):
        assert said in text, said


def test_shards_are_called_so_and_are_behind_by_time() -> None:
    text = page(SHARDS.now, SHARDS.samples).text
    assert "Shards6" in text
    assert "Kinesis" in text
    assert "shop-clicks[0]1.4 s" in text


def test_hundreds_of_partitions_are_bounded_and_the_others_are_counted() -> None:
    shown = page(BACKLOG.now, BACKLOG.samples)
    assert "Partitions240" in shown.text
    assert "88 more, none of them worse" in shown.text
    assert "140 others, none of them worse" in shown.text
    assert sum(each[0] == "tr" for each in shown.shape) == 1 + 12 + 1 + 88 + 1 + 1


@pytest.mark.parametrize("scene", SCENES)
def test_every_picture_is_told_in_words_or_hidden_as_told_beside(scene: str) -> None:
    shown = document(SCENES[scene].now, SCENES[scene].samples, AT)
    for drawn in shown.split("<svg")[1:]:
        head = drawn.split(">", 1)[0]
        assert 'aria-hidden="true"' in head or ('role="img"' in head and 'aria-label="' in head)


def test_a_curve_says_how_it_went() -> None:
    taken = tuple(Sample(10.0 * number, received=count) for number, count in enumerate((0, 100, 400, 600)))
    assert (
        'aria-label="In, the last 10 minutes: between 10 records/s and 30 records/s, now 20 records/s"'
        in document(WORKING.now, taken, AT)
    )


def test_without_a_past_it_says_so() -> None:
    assert 'aria-label="In: nothing known yet"' in document(WORKING.now, (Sample(0.0),), AT)


def test_records_lost_to_retention_are_marked() -> None:
    assert '<dd class="care"><bdi>7</bdi></dd>' in document(
        replace(WORKING.now, records_lost=7), WORKING.samples, AT
    )


def test_with_hundreds_of_partitions_it_takes_a_few_milliseconds_of_the_loop() -> None:
    """Of CPU, the best of some: how busy the machine is does not matter. Measured: 4 ms."""
    spent = []
    for _ in range(5):
        began = time.process_time()
        document(BACKLOG.now, BACKLOG.samples, AT)
        spent.append(time.process_time() - began)
    assert min(spent) < 0.03
