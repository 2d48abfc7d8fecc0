"""One span a call: what was called, how it ended, and links to the traces of the records in it.

By the messaging conventions the span is a ``send`` of a batch and thus of kind CLIENT, linked to the context
in which each message was created; by those of the AWS SDK it bears the names of service and operation
(docs/tracing.md). A call that is tried again has a span for each try.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from worker.core.model.outcomes import OUTCOME_WORDS, Accepted
from worker.tracing.trace_context import trace_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span, Tracer
    from opentelemetry.util.types import AttributeValue

    from worker.core.model.outcomes import Answer
    from worker.core.model.records import Batch
    from worker.ports import PutEvents
    from worker.tracing.sampling import Sampling
    from worker.tracing.trace_context import TraceContext

SERVICE: Final = "Personalize Events"
OPERATION: Final = "PutEvents"
SPAN_NAME: Final = f"{SERVICE}.{OPERATION}"

# The conventions' names as literals, because their package has most of them under a name that says that they
# may move. A test compares them with it.
MESSAGE_COUNT: Final = "messaging.batch.message_count"
ERROR_TYPE: Final = "error.type"
REQUEST_ID: Final = "aws.request_id"
FIXED: Final[Mapping[str, str]] = {
    "messaging.system": "aws.personalize",
    "messaging.operation.name": OPERATION,
    "messaging.operation.type": "send",
    "rpc.system.name": "aws-api",
    "rpc.method": f"{SERVICE}/{OPERATION}",
}
# The worker's own, with the words of its metrics.
OUTCOME: Final = "personalize_worker.outcome"
SOURCE: Final = "personalize_worker.source"
CANCELLED: Final = "cancelled"

# The worker has no trace of its own that a call could belong to.
_NO_PARENT: Final = Context()
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_NOT_SAMPLED: Final = TraceFlags(TraceFlags.DEFAULT)


class TracedPutEvents:
    """Makes a span for each call of the ``PutEvents`` that it stands for.

    Args:
        put_events: makes the calls.
        tracer: of OpenTelemetry.
        attributes: what all spans share: the address, the region, the group.
        sampling: decides which calls have a span.
    """

    def __init__(
        self,
        put_events: PutEvents,
        tracer: Tracer,
        attributes: Mapping[str, AttributeValue],
        sampling: Sampling,
    ) -> None:
        self._put_events = put_events
        self._tracer = tracer
        self._attributes = {**FIXED, **attributes}
        self._takes = sampling.takes

    async def put(self, batch: Batch) -> Answer:
        """Send the batch and classify the answer. Nothing but cancellation is raised."""
        made = _contexts(batch)
        if not self._takes(made):
            return await self._put_events.put(batch)
        span = self._tracer.start_span(
            SPAN_NAME,
            context=_NO_PARENT,
            kind=SpanKind.CLIENT,
            attributes=self._attributes_of(batch),
            links=[_link(each) for each in made],
        )
        answer: Answer | None = None
        try:
            answer = await self._put_events.put(batch)
        finally:
            _end(span, answer)
        return answer

    def _attributes_of(self, batch: Batch) -> dict[str, AttributeValue]:
        sources = {each.record.assignment.partition.topic for each in batch.interactions}
        return {**self._attributes, MESSAGE_COUNT: len(batch.interactions), SOURCE: sorted(sources)}


def _contexts(batch: Batch) -> tuple[TraceContext, ...]:
    """Return the traces of a batch's records: at most one an event, each once."""
    found = (trace_context(each.record.headers) for each in batch.interactions if each.record.headers)
    return tuple(dict.fromkeys(each for each in found if each is not None))


def _link(context: TraceContext) -> Link:
    # Without attributes: where a record stands would double the cost of a link, mostly in its export.
    flags = _SAMPLED if context.is_sampled else _NOT_SAMPLED
    return Link(SpanContext(context.trace_id, context.span_id, is_remote=True, trace_flags=flags))


def _end(span: Span, answer: Answer | None) -> None:
    """Note how the call ended; of an answer only the code, which is a word, and the id of the request."""
    if answer is None:
        span.set_attribute(ERROR_TYPE, CANCELLED)
        span.set_status(Status(StatusCode.ERROR))
    else:
        span.set_attribute(OUTCOME, OUTCOME_WORDS[type(answer)])
        if answer.request_id:
            span.set_attribute(REQUEST_ID, answer.request_id)
        if not isinstance(answer, Accepted):
            span.set_attribute(ERROR_TYPE, answer.code)
            span.set_status(Status(StatusCode.ERROR))
    span.end()
