"""Calls to trace, and a place where their spans end up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from tests.support.builders import assignment, interaction
from worker.core.model.outcomes import Accepted
from worker.core.model.records import Batch
from worker.tracing.put_events import TracedPutEvents

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.util.types import AttributeValue

    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Headers
    from worker.tracing.sampling import Sampling

SHARED: dict[str, AttributeValue] = {
    "server.address": "personalize-events.eu-west-1.amazonaws.com",
    "server.port": 443,
}


def traceparent(number: int, *, is_sampled: bool = True) -> Headers:
    """The headers of a record whose trace has this number."""
    return (("other", b"\xff"), ("traceparent", b"00-%032x-%016x-%02x" % (number, number + 1, is_sampled)))


def batch(*headers: Headers, topic: str = "clicks") -> Batch:
    """An event for each of these headers, from offset 0 on."""
    events = []
    for offset, each in enumerate(headers):
        event = interaction("session-4711", user_id="user-4711", offset=offset, under=assignment(topic, 3))
        events.append(structs.replace(event, record=structs.replace(event.record, headers=each)))
    return Batch("session-4711", "user-4711", tuple(events))


class Api:
    """Answers what it is told to."""

    def __init__(self, answer: Answer | BaseException = Accepted()) -> None:  # noqa: B008  frozen
        self.answer = answer
        self.batches: list[Batch] = []

    async def put(self, batch: Batch) -> Answer:
        """Answer."""
        self.batches.append(batch)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class Traced:
    """An API behind spans, and the spans."""

    def __init__(self, api: Api, sampling: Sampling) -> None:
        self._kept = InMemorySpanExporter()
        provider = TracerProvider(ALWAYS_ON, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        self.put = TracedPutEvents(api, provider.get_tracer("test"), SHARED, sampling).put

    def spans(self) -> tuple[ReadableSpan, ...]:
        """All that were sampled and have ended."""
        return self._kept.get_finished_spans()
