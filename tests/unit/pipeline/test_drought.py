"""An API that cannot be reached is said."""

from __future__ import annotations

from structlog.testing import capture_logs

from worker.pipeline.drought import Drought


def test_a_fault_or_two_is_no_drought() -> None:
    drought = Drought()
    drought.failed("Http503", 0.0)
    drought.failed("Http503", 4.0)
    assert drought.now(4.9) is None


def test_a_drought_is_told_and_so_is_its_end() -> None:
    drought = Drought()
    with capture_logs() as lines:
        for second in range(100):
            drought.failed("ConnectionFailed", second)
        assert "ConnectionFailed" in str(drought.now(99.0))
        drought.over(100.0)
    assert [line["event"] for line in lines] == ["calls.failing"] * 3 + ["calls.recovered"]
    assert drought.now(200.0) is None


def test_an_acceptance_begins_anew() -> None:
    drought = Drought()
    for second in range(0, 100, 4):
        drought.failed("Http503", second)
        drought.over(second + 1)
    drought.failed("Http503", 100.0)
    assert drought.now(104.0) is None
