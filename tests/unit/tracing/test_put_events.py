"""One span a call: linked to the records' traces, named by the conventions, without what records hold."""

from __future__ import annotations

import ast
import asyncio
import inspect
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.semconv._incubating.attributes import (
    aws_attributes,
    cloud_attributes,
    messaging_attributes,
    rpc_attributes,
)
from opentelemetry.semconv.attributes import error_attributes, server_attributes
from opentelemetry.trace import SpanKind, StatusCode

from tests.unit.tracing.calls import SHARED, Api, Traced, batch, traceparent
from worker.core.model.outcomes import Accepted, Answer, Misconfigured, Refused, Throttled, TransientFault
from worker.tracing.put_events import FIXED
from worker.tracing.sampling import Sampling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

REQUEST_ID = "8f14e45f-ceea-467f-a8a2-9a6d3a3b1f10"
ALL = Sampling(follows_records=True, ratio=1.0)
CONVENTIONS = (
    aws_attributes,
    cloud_attributes,
    error_attributes,
    messaging_attributes,
    rpc_attributes,
    server_attributes,
)


async def span_of(answer: Answer | BaseException, *headers: Any, sampling: Sampling = ALL) -> Any:
    traced = Traced(Api(answer), sampling)
    await traced.put(batch(*headers))
    (span,) = traced.spans()
    return span


async def test_a_call_has_one_span_that_says_what_was_called() -> None:
    span = await span_of(Accepted(), (), ())
    assert (span.name, span.kind) == ("Personalize Events.PutEvents", SpanKind.CLIENT)
    assert span.parent is None
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes) == {
        **SHARED,
        "messaging.system": "aws.personalize",
        "messaging.operation.name": "PutEvents",
        "messaging.operation.type": "send",
        "messaging.batch.message_count": 2,
        "rpc.system.name": "aws-api",
        "rpc.method": "Personalize Events/PutEvents",
        "personalize_worker.source": ("clicks",),
        "personalize_worker.outcome": "accepted",
    }


async def test_it_is_linked_to_the_trace_of_each_record() -> None:
    span = await span_of(Accepted(), traceparent(7), (), traceparent(9, is_sampled=False))
    seven, nine = span.links
    assert (seven.context.trace_id, seven.context.span_id) == (7, 8)
    assert (nine.context.trace_id, nine.context.span_id) == (9, 10)
    assert (seven.context.trace_flags.sampled, nine.context.trace_flags.sampled) == (True, False)
    assert seven.context.is_remote


async def test_a_trace_that_several_events_share_is_linked_once() -> None:
    span = await span_of(Accepted(), traceparent(7), traceparent(7), traceparent(8))
    assert [link.context.trace_id for link in span.links] == [7, 8]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Throttled("ThrottlingException"), "throttled"),
        (TransientFault("Http503"), "fault"),
        (Refused("InvalidInputException", "user-4711 is no user"), "refused"),
        (Misconfigured("InvalidSignatureException", "user-4711"), "misconfigured"),
    ],
)
async def test_a_call_that_fails_says_why_in_one_word(answer: Any, outcome: str) -> None:
    span = await span_of(answer, traceparent(7))
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert span.attributes["error.type"] == answer.code
    assert span.attributes["personalize_worker.outcome"] == outcome
    assert not span.events
    assert "4711" not in span.to_json()


@pytest.mark.parametrize("answer", [Accepted(REQUEST_ID), Throttled("ThrottlingException", None, REQUEST_ID)])
async def test_a_call_names_the_request_to_aws(answer: Answer) -> None:
    span = await span_of(answer)
    assert span.attributes["aws.request_id"] == REQUEST_ID


async def test_a_call_without_an_answer_names_no_request() -> None:
    span = await span_of(TransientFault("ConnectTimeout"))
    assert "aws.request_id" not in span.attributes


async def test_a_call_that_is_cancelled_has_a_span_and_stays_cancelled() -> None:
    traced = Traced(Api(asyncio.CancelledError()), ALL)
    with pytest.raises(asyncio.CancelledError):
        await traced.put(batch(()))
    (span,) = traced.spans()
    assert span.attributes is not None
    assert span.attributes["error.type"] == "cancelled"


def constants(module: ModuleType) -> Iterator[str]:
    """The names of a module of the conventions, each an assignment with a text below it."""
    body = ast.parse(inspect.getsource(module)).body
    for assigned, said in pairwise(body):
        if isinstance(assigned, ast.AnnAssign) and assigned.value and isinstance(said, ast.Expr):
            text = ast.literal_eval(said.value)
            if not text.strip().startswith("Deprecated"):
                yield ast.literal_eval(assigned.value)


def test_deprecated_names_are_told_apart() -> None:
    rpc = set(constants(rpc_attributes))
    assert "rpc.system.name" in rpc
    assert "rpc.system" not in rpc


async def test_the_names_are_those_of_the_conventions() -> None:
    """Of the package's constants, without the deprecated ones; the worker's own begin with its name."""
    known = {name for module in CONVENTIONS for name in constants(module)}
    span = await span_of(Throttled("ThrottlingException", None, REQUEST_ID), traceparent(7))
    used = {*span.attributes, *FIXED}
    ours = {name for name in used if name.startswith("personalize_worker.")}
    assert used - ours <= known
    assert (
        span.attributes["messaging.operation.type"]
        == messaging_attributes.MessagingOperationTypeValues.SEND.value
    )
    # A well-known value would have to be used if there were one for this system.
    assert span.attributes["messaging.system"] not in {
        each.value for each in messaging_attributes.MessagingSystemValues
    }


@pytest.mark.parametrize(
    ("headers", "is_traced"),
    [
        ([traceparent(7)], True),
        ([traceparent(7, is_sampled=False)], False),
        ([traceparent(7, is_sampled=False), traceparent(8)], True),
        ([traceparent(7, is_sampled=False), ()], False),
        ([()], True),
        ([(("traceparent", b"nonsense"),)], True),
    ],
)
async def test_one_sampled_record_is_enough_and_unsampled_ones_alone_are_left_out(
    headers: list[Any], *, is_traced: bool
) -> None:
    api = Api()
    traced = Traced(api, ALL)
    assert await traced.put(batch(*headers)) == Accepted()
    assert len(api.batches) == 1
    assert len(traced.spans()) == is_traced


async def test_calls_without_a_trace_are_sampled_by_the_ratio_alone() -> None:
    nothing = Traced(Api(), Sampling(follows_records=True, ratio=0.0))
    await nothing.put(batch(()))
    await nothing.put(batch(traceparent(1)))
    assert [len(span.links) for span in nothing.spans()] == [1]
    half = Traced(Api(), Sampling(follows_records=True, ratio=0.5))
    for _ in range(1000):
        await half.put(batch(()))
    assert 400 < len(half.spans()) < 600


async def test_a_sampler_that_follows_nobody_ignores_the_flags() -> None:
    every = Traced(Api(), Sampling(follows_records=False, ratio=1.0))
    await every.put(batch(traceparent(1, is_sampled=False)))
    assert len(every.spans()) == 1
    none = Traced(Api(), Sampling(follows_records=False, ratio=0.0))
    await none.put(batch(traceparent(1)))
    assert not none.spans()
