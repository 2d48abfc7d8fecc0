"""At level debug a sample of records and calls is logged, with nothing by which a user could be known."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from msgspec import structs
from structlog.testing import capture_logs

from tests.support.builders import record
from tests.support.stage import EPOCH_SECONDS, Stage, running, settings
from tests.support.virtual_time import in_virtual_time
from worker.core.mapping import compile_mapping
from worker.core.model.outcomes import Accepted, Refused, Throttled
from worker.core.model.records import Batch, Interaction
from worker.core.model.retry_state import RetryState
from worker.pipeline.samples import log_call, log_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.core.model.outcomes import Answer

MARKED = "user-4711"
GOOD = {"eventType": "view", "sentAt": 1_700_000_000, "sessionId": MARKED, "userId": MARKED, "itemId": MARKED}


@pytest.fixture(autouse=True)
def shown_from_debug() -> Iterator[None]:
    """As after SIGUSR1."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    yield
    structlog.reset_defaults()


def logged_of(value: object, **more: Any) -> dict[str, Any]:
    with capture_logs() as lines:
        given = record(7, value=json.dumps(value).encode(), key=MARKED.encode(), **more)
        log_record(given, compile_mapping({}), lambda: 0.0)
    (line,) = lines
    assert MARKED not in str(line)
    return dict(line)


def test_a_record_is_named_by_its_place_and_described_by_its_sizes() -> None:
    line = logged_of(GOOD, headers=((MARKED, MARKED.encode()),))
    assert (line["event"], line["log_level"]) == ("record.sampled", "debug")
    assert (line["partition"], line["offset"], line["key_bytes"], line["headers"]) == (
        *("interactions[0]", 7, len(MARKED), 1),
    )
    assert (line["value_bytes"], line["outcome"]) == (len(json.dumps(GOOD)), "event")


def test_what_it_became_is_said_in_one_word() -> None:
    assert logged_of([MARKED])["outcome"] == "not_an_object"
    assert logged_of(GOOD | {"sessionId": "null"})["outcome"] == "reserved_value"
    assert logged_of(None)["outcome"] == "tombstone"


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        (Accepted(), "accepted", None),
        (Refused("InvalidInputException", MARKED), "refused", "InvalidInputException"),
        (Throttled("ThrottlingException"), "throttled", "ThrottlingException"),
    ],
)
def test_a_call_is_named_by_its_first_record(answer: Answer, outcome: str, code: str | None) -> None:
    event = Interaction(record(7), MARKED, MARKED, MARKED.encode())
    batch = Batch(MARKED, MARKED, (event, structs.replace(event, record=record(9))))
    with capture_logs() as lines:
        log_call(batch, answer, 0.25, RetryState("Http503", 0.0))
    (line,) = lines
    assert MARKED not in str(line)
    assert (line["event"], line["offset"], line["events"], line["event_bytes"]) == ("call.sampled", 7, 2, 18)
    assert (line["outcome"], line["code"], line["calls_before"], line["seconds"]) == (outcome, code, 1, 0.25)


@pytest.mark.parametrize(("every", "sampled"), [(1, 12), (5, 3), (1000, 1)])
def test_one_in_so_many_records_and_calls_is_logged(every: int, sampled: int) -> None:
    async def scenario() -> None:
        conf = settings()
        conf = structs.replace(conf, log=structs.replace(conf.log, sample_every=every))
        stage = Stage(conf, map_record=compile_mapping({}))
        # A session each, so that each has a call of its own.
        values = [json.dumps(GOOD | {"sessionId": f"s{number}"}) for number in range(12)]
        stage.topic.produce(*values, timestamp_ms=int(EPOCH_SECONDS * 1000))
        stage.source.assign(0)
        async with running(stage):
            await stage.until(lambda: len(stage.api.calls) == 12)

    with capture_logs() as lines:
        in_virtual_time(scenario())
    names = [line["event"] for line in lines]
    assert (names.count("record.sampled"), names.count("call.sampled")) == (sampled, sampled)


def test_below_debug_a_sample_is_not_even_mapped() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    log_record(record(), lambda _: pytest.fail("it was mapped"), lambda: 0.0)
