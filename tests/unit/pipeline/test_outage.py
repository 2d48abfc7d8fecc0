"""An API that cannot be reached is said, for as long as that is so."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from worker.core.flow_control.recent_calls import RecentCalls
from worker.pipeline.outage import UNTRIED_SECONDS, OutageMonitor


def test_a_fault_or_two_is_no_drought() -> None:
    outage = OutageMonitor()
    outage.failed("Http503", 0.0)
    outage.failed("Http503", 4.0)
    assert outage.now(4.9) is None


def test_a_drought_is_told_and_so_is_its_end() -> None:
    outage = OutageMonitor()
    with capture_logs() as lines:
        for second in range(100):
            outage.failed("ConnectionFailed", second)
        assert "ConnectionFailed" in str(outage.now(99.0))
        outage.over(100.0)
    assert [line["event"] for line in lines] == ["calls.failing"] * 3 + ["calls.recovered"]
    assert outage.now(200.0) is None


def test_an_acceptance_begins_anew() -> None:
    outage = OutageMonitor()
    for second in range(0, 100, 4):
        outage.failed("Http503", second)
        outage.over(second + 1)
    outage.failed("Http503", 100.0)
    assert outage.now(104.0) is None


def test_it_is_told_since_the_last_acceptance_and_since_the_first_failure() -> None:
    outage = OutageMonitor()
    outage.failed("Http503", 2.0)
    assert str(outage.now(10.0)).startswith("no call accepted since the start, failing for 8 s: Http503; ")
    outage.over(20.0)
    outage.failed("Http503", 30.0)
    outage.failed("Http503", 45.0)
    assert str(outage.now(49.0)).startswith("no call accepted for 29 s, failing for 19 s: Http503; ")


def test_a_refusal_ends_it_and_is_no_acceptance() -> None:
    outage = OutageMonitor()
    outage.over(0.0)
    outage.failed("Http503", 10.0)
    outage.over(20.0, accepted=False)
    assert outage.now(30.0) is None
    outage.failed("Http503", 30.0)
    assert str(outage.now(40.0)).startswith("no call accepted for 40 s, failing for 10 s: ")


def test_an_answer_that_is_a_reason_to_hold_ends_it() -> None:
    outage = OutageMonitor()
    outage.failed("Http503", 0.0)
    outage.superseded()
    assert (outage.now(60.0), outage.untried(60.0), outage.is_on(60.0)) == (None, None, False)


def test_with_nothing_to_send_it_is_given_up_after_a_while_and_says_so() -> None:
    wanted = True
    outage = OutageMonitor(is_wanted=lambda: wanted)
    with capture_logs() as lines:
        for second in (0.0, 10.0):
            outage.failed("ConnectionFailed", second)
        wanted = False
        end = 10.0 + UNTRIED_SECONDS
        assert outage.now(end - 1) is not None
        assert outage.look(end - 1)
        assert outage.now(end) is None
        says = f"nothing to send for {UNTRIED_SECONDS:.0f} s, and the last call failed: ConnectionFailed; "
        assert str(outage.untried(end)).startswith(says)
        assert not outage.look(end)
        assert not outage.look(end + 10)
        assert str(outage.untried(end + 10)).startswith("nothing to send for 70 s")
    assert [line["event"] for line in lines] == ["calls.failing", "calls.untried"]


def test_while_there_is_something_to_send_it_is_never_given_up() -> None:
    outage = OutageMonitor()
    outage.failed("ConnectionFailed", 0.0)
    assert outage.look(10_000.0)
    assert outage.now(10_000.0) is not None


def test_given_up_it_is_still_no_proof_that_calls_come_through() -> None:
    """What is too old must not be put aside on the word of nobody."""
    wanted = False
    outage = OutageMonitor(is_wanted=lambda: wanted)
    outage.failed("ConnectionFailed", 0.0)
    outage.look(100.0)
    assert outage.is_on(100.0)
    wanted = True
    outage.failed("ConnectionFailed", 1000.0)
    assert outage.is_on(1000.0)
    assert outage.now(1001.0) is None
    assert "failing for 6 s" in str(outage.now(1006.0))
    outage.over(1010.0)
    assert not outage.is_on(1010.0)


def test_two_codes_that_alternate_make_no_more_lines() -> None:
    outage = OutageMonitor()
    with capture_logs() as lines:
        for second in range(300):
            outage.failed(("DnsFailure", "ConnectTimeout")[second % 5 == 0], second)
    assert [line["seconds"] for line in lines] == [5, 15, 26]


@pytest.mark.parametrize(
    ("code", "throttled", "advice"),
    [
        ("ThrottlingException", True, "another program uses the same quota"),
        ("AnswerTimeout", False, "personalize.answer_seconds"),
        ("ConnectTimeout", False, "personalize.connect_seconds"),
        ("DnsFailure", False, "DNS"),
        ("InternalServerException", False, "AWS Health"),
        ("Http502", False, "AWS Health"),
        ("ProxyUnreachable", False, "HTTPS_PROXY"),
        ("CredentialsRefresh", False, "source of the keys"),
        ("ConnectionFailed", False, "check endpoint, region and the network in between"),
    ],
)
def test_each_cause_has_its_own_advice(code: str, advice: str, *, throttled: bool) -> None:
    recent = RecentCalls()
    outage = OutageMonitor(recent)
    for second in range(10):
        (recent.throttled if throttled else recent.failed)(code, second)
        outage.failed(code, second, throttled=throttled)
    # One of another kind is not the cause, neither there nor in the log.
    recent.failed("ConnectionReset", 9.0)
    with capture_logs() as lines:
        outage.failed("ConnectionReset", 15.5)
    assert [line["code"] for line in lines] == [code]
    assert code in str(outage.now(9.0))
    assert advice in str(outage.now(9.0))
    assert "for ever" not in str(outage.now(9.0))
    assert outage.is_throttling(9.0) is throttled
