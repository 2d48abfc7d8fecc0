"""Spans reach an OTLP endpoint; one that is away, slow or refusing costs spans and nothing else."""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.support.otlp_receiver import OtlpReceiver, attributes
from tests.support.waiting import until
from tests.unit.tracing.calls import Api, batch, traceparent
from worker.core.model.outcomes import Accepted, Throttled
from worker.tracing import opening
from worker.tracing.opening import Tracing

if TYPE_CHECKING:
    import pytest

    from worker.ports import PutEvents

SOON_SECONDS = 20.0
URL = "https://personalize-events.eu-west-1.amazonaws.com"


class SpanCounts:
    """What became of spans."""

    def __init__(self) -> None:
        self.exported = 0
        self.lost: Counter[str] = Counter()

    def span_export_done(self, spans: int) -> None:
        """Count."""
        self.exported += spans

    def spans_lost(self, reason: str, spans: int) -> None:
        """Count."""
        self.lost[reason] += spans

    def all(self) -> int:
        """Those of which it is known."""
        return self.exported + self.lost.total()


def opened(counts: SpanCounts, api: Api | None = None) -> tuple[Tracing, PutEvents]:
    tracing = Tracing(counts, os.environ, "1.2.3")
    return tracing, tracing.around(api or Api(), URL, "eu-west-1", "worker")


async def test_spans_arrive_with_attributes_links_and_the_name_of_the_service(receiver: OtlpReceiver) -> None:
    counts = SpanCounts()
    tracing, put_events = opened(counts, Api(Throttled("ThrottlingException")))
    await put_events.put(batch(traceparent(7), ()))
    await tracing.close()
    (span,) = receiver.spans()
    said = attributes(span.attributes)
    assert span.name == "Personalize Events.PutEvents"
    assert said["error.type"] == "ThrottlingException"
    assert said["messaging.consumer.group.name"] == "worker"
    assert (said["server.address"], said["server.port"]) == (
        "personalize-events.eu-west-1.amazonaws.com",
        443,
    )
    assert (said["cloud.region"], said["messaging.batch.message_count"]) == ("eu-west-1", 2)
    (link,) = span.links
    assert link.trace_id == (7).to_bytes(16)
    assert receiver.resource()["service.name"] == "personalize-worker"
    assert receiver.resource()["service.version"] == "1.2.3"
    assert counts.exported == 1


async def test_the_standard_variables_are_honoured(
    receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "OTEL_SERVICE_NAME": "clicks-worker",
        "OTEL_RESOURCE_ATTRIBUTES": "service.version=ours,deployment.environment.name=test",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20abc",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_TRACES_SAMPLER": "always_off",
    }.items():
        monkeypatch.setenv(name, value)
    unsampled, put_events = opened(SpanCounts())
    await put_events.put(batch(traceparent(7)))
    await unsampled.close()
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    tracing, put_events = opened(SpanCounts())
    await put_events.put(batch(traceparent(8)))
    await put_events.put(batch(()))
    await tracing.close()
    (span,) = receiver.spans()
    assert span.links[0].trace_id == (8).to_bytes(16)
    assert receiver.resource()["service.name"] == "clicks-worker"
    assert receiver.resource()["service.version"] == "ours"
    assert receiver.resource()["deployment.environment.name"] == "test"
    assert b"authorization: Bearer abc" in receiver.heard[0].replace(b"Authorization", b"authorization")


async def test_a_disabled_sdk_leaves_the_calls_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    api = Api()
    tracing, put_events = opened(SpanCounts(), api)
    assert put_events is api
    await tracing.close()


async def test_an_endpoint_that_hangs_holds_no_call_up_and_every_lost_span_is_counted(
    receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "20")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")
    receiver.may_answer.clear()
    counts = SpanCounts()
    tracing, put_events = opened(counts)
    await put_events.put(batch(()))
    until(lambda: receiver.heard, SOON_SECONDS, what="an export that hangs")
    slowest = 0.0
    for _ in range(100):
        began = time.perf_counter()
        assert await put_events.put(batch(())) == Accepted()
        slowest = max(slowest, time.perf_counter() - began)
    assert slowest < 1
    assert counts.lost == {"queue_full": 80}
    receiver.may_answer.set()
    await tracing.close()
    assert counts.exported == len(receiver.spans()) == 21
    assert counts.all() == 101


async def test_an_endpoint_that_is_away_or_refuses_costs_its_spans_only(
    receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = SpanCounts()
    receiver.status = 400
    tracing, put_events = opened(counts)
    await put_events.put(batch(()))
    until(lambda: counts.lost["export_failed"] == 1, SOON_SECONDS, what="a refused export")
    receiver.status = 200
    await put_events.put(batch(()))
    until(lambda: counts.exported == 1, SOON_SECONDS, what="an export")
    await tracing.close()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    tracing, put_events = opened(counts)
    await put_events.put(batch(()))
    until(lambda: counts.lost["export_failed"] == 2, SOON_SECONDS, what="a failed export")
    await tracing.close()


async def test_the_end_waits_a_bounded_time(
    receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(opening, "FLUSH_SECONDS", 0.1)
    receiver.may_answer.clear()
    tracing, put_events = opened(SpanCounts())
    await put_events.put(batch(()))
    began = time.monotonic()
    await tracing.close()
    assert time.monotonic() - began < 5
    assert "tracing.flush_given_up" in capsys.readouterr().out
