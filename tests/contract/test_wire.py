"""What stands on the wire is what the boto3 client would have sent for the same events.

Both clients send to the same server, over real connections; generated calls are compared one by one.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import boto3
import pytest
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.samples import sample
from tests.unit.aws.sigv4 import REGION, authorization
from tests.unit.delivery.batches import batch_of
from tests.unit.delivery.endpoint import Captured, Endpoint
from worker.aws.access import AwsAccess
from worker.aws.provider_chain import Loaded
from worker.aws.signing import Keys
from worker.core.model.outcomes import Accepted
from worker.delivery.put_events import ClientSettings, PutEventsClient

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.none() | st.booleans() | NUMBERS | TEXT | st.lists(TEXT)
EVENTS = st.fixed_dictionaries(
    {"eventType": TEXT, "sentAt": st.integers(0, 4_000_000_000)},
    optional={
        "eventId": TEXT,
        "eventValue": st.floats(-1e6, 1e6),
        "itemId": TEXT,
        "properties": st.dictionaries(TEXT, VALUES, max_size=4),
        "impression": st.lists(TEXT, min_size=1, max_size=25),
        "recommendationId": TEXT,
        "metricAttribution": st.fixed_dictionaries({"eventAttributionSource": TEXT}),
    },
)
CALLS = st.fixed_dictionaries(
    {"sessionId": TEXT, "eventList": st.lists(EVENTS, min_size=1, max_size=10)}, optional={"userId": TEXT}
)
STATIC = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
PASSING = Keys("ASIAEXAMPLE", "s", "tok/en+==")


def encoded(event: dict[str, Any]) -> bytes:
    """Encode an event as the mapping does: UTF-8 as it is, properties as text."""
    ready = dict(event)
    if "properties" in ready:
        ready["properties"] = json.dumps(ready["properties"], ensure_ascii=False, separators=(",", ":"))
    return json.dumps(ready, ensure_ascii=False, separators=(",", ":")).encode()


def meaning(body: bytes) -> dict[str, Any]:
    """Decode a body, its properties included."""
    said: dict[str, Any] = json.loads(body)
    for event in said["eventList"]:
        if "properties" in event:
            assert isinstance(event["properties"], str)
            event["properties"] = json.loads(event["properties"])
    return said


class Wire:
    """Both clients and the server between them, on one loop."""

    def __init__(self, keys: Keys, path: str) -> None:
        self._runner = asyncio.Runner()
        self._endpoint = Endpoint()
        self._runner.run(self._endpoint.__aenter__())
        self.url = self._endpoint.url + path
        settings = ClientSettings("tracker", REGION, self.url)
        access = AwsAccess(settings.wanted, load=lambda: Loaded("fake", lambda: keys))
        self._ours = PutEventsClient(settings, access)
        self._runner.run(self._ours.open())
        self._boto3 = boto3.client(
            "personalize-events",
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
            aws_session_token=keys.token,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def ours(self, call: dict[str, Any]) -> Captured:
        events = [encoded(event) for event in call["eventList"]]
        batch = batch_of(*events, session_id=call["sessionId"], user_id=call.get("userId"))
        assert self._runner.run(self._ours.put(batch)) == Accepted()
        return self._endpoint.requests.pop()

    def boto3(self, call: dict[str, Any]) -> Captured:
        # The model wants properties as text, and takes no object.
        events = [
            event | ({"properties": json.dumps(event["properties"])} if "properties" in event else {})
            for event in call["eventList"]
        ]
        ready = {**call, "trackingId": "tracker", "eventList": events}
        self._runner.run(asyncio.to_thread(self._boto3.put_events, **ready))
        return self._endpoint.requests.pop()

    def close(self) -> None:
        self._boto3.close()
        self._runner.run(self._ours.close())
        self._runner.run(self._endpoint.__aexit__())
        self._runner.close()


@pytest.fixture(params=[(STATIC, ""), (PASSING, "/base/path/")], ids=["static", "session-token-and-path"])
def keys_and_wire(request: pytest.FixtureRequest) -> Iterator[tuple[Keys, Wire]]:
    wire = Wire(*request.param)
    yield request.param[0], wire
    wire.close()


def test_every_call_is_the_one_that_boto3_would_make(keys_and_wire: tuple[Keys, Wire]) -> None:
    keys, wire = keys_and_wire

    @settings(max_examples=sample(12, 60), deadline=None)
    @given(CALLS)
    def agree(call: dict[str, Any]) -> None:
        ours, theirs = wire.ours(call), wire.boto3(call)
        assert (ours.method, ours.target) == (theirs.method, theirs.target)
        for name in ("Host", "Content-Type", "X-Amz-Security-Token"):
            assert ours.header(name) == theirs.header(name), name
        assert ours.header("Content-Length") == str(len(ours.body))
        assert meaning(ours.body) == meaning(theirs.body)
        for each in (ours, theirs):
            # Theirs too, for a check that boto3's own requests did not pass would be a wrong one.
            assert each.header("Authorization") == resigned(each, keys, wire.url)

    agree()


def resigned(request: Captured, keys: Keys, url: str) -> str:
    """Give the Authorization header that botocore's signer makes for what arrived."""
    return authorization(urljoin(url, request.target), dict(request.headers), request.body, keys)


def test_nothing_is_left_out_but_what_tells_of_the_sdks_own_retries(keys_and_wire: tuple[Keys, Wire]) -> None:
    """The worker sends no ``amz-sdk-request``, for it would have to say which attempt of how many this is."""
    _, wire = keys_and_wire
    call = {"sessionId": "s", "eventList": [{"eventType": "view", "sentAt": 0}]}
    extra = {name for name, _ in wire.boto3(call).headers} - {name for name, _ in wire.ours(call).headers}
    assert {name.lower() for name in extra} <= {"accept-encoding", "amz-sdk-invocation-id", "amz-sdk-request"}
