"""What the worker says of itself before and while it runs."""

from __future__ import annotations

from worker.status import Status


def test_a_worker_that_is_still_starting_is_not_ready() -> None:
    """Whatever it waited for first has come, and AWS's keys, say, are still on their way."""
    status = Status(lambda: 0.0)
    assert status.readiness().reasons == ("the worker is starting",)
    status.waiting_for = "kafka: away"
    assert status.readiness().reasons == ("kafka: away",)
    status.waiting_for = None
    assert not status.readiness().ready
    assert status.readiness().reasons == ("the worker is starting",)
