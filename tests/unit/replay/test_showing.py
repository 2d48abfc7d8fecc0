"""Lists, single letters, exports and summaries: what is shown, and that nothing is shown unasked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.unit.replay.letters import FAILED_AT, LetterTopicTwin, source_record
from worker.core.model.records import Reason, Record
from worker.dead_letters.reading import Letter, open_letter
from worker.replay.listing import Listing
from worker.replay.showing import as_json, as_text
from worker.replay.summary import Summary
from worker.replay.waves import EXHAUSTED

if TYPE_CHECKING:
    from worker.core.model.records import Headers

REFUSED = Reason("refused", "InvalidInputException: marked-message")
HOUR = 3600.0


def letter_of(record: Record, reason: Reason = REFUSED, failed_at: float = FAILED_AT) -> Letter:
    topic = LetterTopicTwin()
    topic.dead_letter(record, reason, failed_at=failed_at, tries=3)
    letter = open_letter(topic.logs[0][0])
    assert letter is not None
    return letter


def marked(value: bytes = b"marked-value", headers: Headers = (("trace", b"marked-header"),)) -> Letter:
    plain = source_record(42, "marked-session", partition=2)
    return letter_of(Record(plain.assignment, 42, plain.timestamp_ms, b"marked-key", value, headers))


def listing() -> Listing:
    made = Listing("dead")
    for number in range(1200):
        made.add(letter_of(source_record(number, "s"), Reason("missing", "session_id: nothing at visit")))
    made.add(letter_of(source_record(1, "s", topic="views"), REFUSED, FAILED_AT + HOUR))
    return made


def test_a_list_counts_by_reason_topic_and_time() -> None:
    assert listing().text(None) == (
        "1,201 dead letters in dead\n"
        "by reason\n"
        "  missing                         1,200\n"
        "    session_id: nothing at visit  1,200\n"
        "  refused                             1\n"
        "    InvalidInputException             1\n"
        "by original topic\n"
        "  interactions                    1,200\n"
        "  views                               1\n"
        "by hour of failure (UTC)\n"
        "  2026-01-01T00:00Z               1,200\n"
        "  2026-01-01T01:00Z                   1\n"
    )


def test_a_list_for_programs_has_the_same_counts() -> None:
    counts = json.loads(listing().json("day"))
    assert counts["letters"] == 1201
    assert counts["reasons"][0] == {
        "class": "missing",
        "reason": "session_id: nothing at visit",
        "letters": 1200,
    }
    assert counts["topics"] == {"interactions": 1200, "views": 1}
    assert counts["day"] == {"2026-01-01": 1201}


def test_a_long_span_is_counted_by_day() -> None:
    made = listing()
    made.add(letter_of(source_record(1, "s"), failed_at=FAILED_AT + 100 * HOUR))
    assert "by day of failure (UTC)\n  2026-01-01 " in made.text(None)


def test_a_list_of_nothing_says_so() -> None:
    assert Listing("dead").text(None) == "0 dead letters in dead\n"


def test_a_list_stays_small_whatever_others_have_written() -> None:
    made = Listing("dead")
    for number in range(10_200):
        made.add(letter_of(source_record(number, "s"), Reason("x", f"forged {number}")))
    assert len(json.loads(made.json("day"))["reasons"]) <= 10_001


def test_a_letter_is_shown_without_what_its_record_holds() -> None:
    shown = as_text(marked(), payload=False)
    assert "marked" not in shown
    assert "interactions[2]@42" in shown
    assert "12 bytes" in shown
    assert "refused: InvalidInputException\n" in shown


def test_asked_for_the_payload_is_shown() -> None:
    shown = as_text(marked(), payload=True)
    assert all(f"marked-{what}" in shown for what in ("value", "key", "header", "message"))


def test_bytes_that_could_steer_a_terminal_are_escaped() -> None:
    assert "\x1b" not in as_text(marked(value=b"\x1b[2J"), payload=True)
    assert "base64 /w==" in as_text(marked(value=b"\xff"), payload=True)


def test_an_export_has_all_of_the_letter() -> None:
    letter = marked(value=b"\xff\x00", headers=(("trace", None), ("trace", b"\xff")))
    assert json.loads(as_json(letter)) == {
        "letter": {"partition": 0, "offset": 0},
        "original": {
            "topic": "interactions",
            "partition": 2,
            "offset": 42,
            "timestamp_ms": 1_700_000_000_042,
            "element": None,
        },
        "reason": {"class": "refused", "text": REFUSED.text},
        "tries": 3,
        "replays": 0,
        "failed_at": "2026-01-01T00:00:00.000Z",
        "version": "1",
        "headers": [{"name": "trace", "value": None}, {"name": "trace", "value_base64": "/w=="}],
        "key": "marked-key",
        "value_base64": "/wA=",
    }


def test_all_accepted_is_0_and_anything_else_1() -> None:
    assert Summary(5, {}, 0).exit_code({"excluded by the filters": 7}) == 0
    assert Summary(5, {("missing", ""): 1}, 0).exit_code({}) == 1
    assert Summary(5, {}, 0, is_over=False).exit_code({}) == 1
    assert Summary(5, {}, 0).exit_code({EXHAUSTED: 1}) == 1


def test_a_summary_says_what_to_do_next() -> None:
    told = Summary(5, {("missing", "no session"): 1}, 0, is_over=False).text({EXHAUSTED: 2})
    assert told.splitlines()[:6] == [
        "accepted                    5",
        "failed again                1",
        "  missing                   1",
        "    no session              1",
        "left out                    2",
        f"  {EXHAUSTED}  2",
    ]
    assert "export --exhausted" in told
    assert "continues where this one stopped" in told
