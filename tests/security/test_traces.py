"""Marked values and secrets through tracing: an OTLP endpoint hears of calls, and nothing of the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from tests.security.environment import Environment
from tests.security.marked_records import good
from tests.security.marks import Marks
from tests.support.otlp_receiver import OtlpReceiver, attributes
from tests.support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

SOON_SECONDS = 60
# Each kind of answer without a hold, which another test waits for.
MODES = ("accept", "refuse", "throttle", "fail", "cut")
TRACED = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def error(span: Span) -> str | None:
    word: str | None = attributes(span.attributes).get("error.type")
    return word


def test_what_records_hold_reaches_no_span(tmp_path: Path, searched: set[str]) -> None:
    with Environment(Marks(), tmp_path) as environment, OtlpReceiver() as receiver:
        marks, echo = environment.marks, environment.echo
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={marks.text('otlp login')}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        worker = environment.start(environ=environ, tracing={"enabled": True})
        for mode in MODES:
            echo.mode = mode
            record = good(marks, mode)
            headers = [
                ("traceparent", TRACED),
                ("tracestate", marks.text(f"{mode}: tracestate").encode()),
                ("baggage", b"user=" + marks.text(f"{mode}: baggage").encode()),
            ]
            environment.put([structs.replace(record, headers=[*record.headers, *headers])])
            until(lambda mode=mode: echo.heard[mode], SOON_SECONDS, what=f"a call while {mode}")
            echo.mode = "accept"
            worker.wait_until_page("/metrics", "personalize_worker_unsettled_records 0.0")
        until(lambda: len({*filter(None, map(error, receiver.spans()))}) >= 4, SOON_SECONDS, what="spans")
        assert all(span.links for span in receiver.spans())
        # One that refuses, and says so in words that cite what it was sent.
        receiver.status = 500
        environment.put([good(marks, "export refused")])
        until(
            lambda: worker.metric("personalize_worker_spans_dropped_total"), SOON_SECONDS, what="a lost span"
        )
        worker.look("traced")
        assert worker.end() == 0
        bodies = b"".join(request.SerializeToString() for request in receiver.requests)
        # The login is for the endpoint; nothing else that is marked is.
        assert marks.found_in(b"".join(receiver.heard)) == {"otlp login"}
        assert marks.found_in(bodies) == set()
        assert worker.found() == {}
    searched |= {f"spans of: {mode}" for mode in MODES} | {"an OTLP endpoint that refuses"}
