"""A replay is traced like the live worker: with links to where its records were made."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from tests.support.otlp_receiver import OtlpReceiver, attributes
from tests.support.stage import settings
from tests.unit.delivery.endpoint import Endpoint, answer
from tests.unit.replay.letters import LetterTopicTwin, source_record
from worker.replay.opening import Opened, Plan
from worker.replay.run import replay_all
from worker.replay.selection import Selection
from worker.replay.store import TopicReplayStore
from worker.runtime.exit_codes import ExitCode
from worker.settings import TracingSettings

if TYPE_CHECKING:
    from worker.settings import Settings

GROUP = "worker.dead-letters.replay.all"
TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
REQUEST_ID = "8f14e45f-ceea-467f-a8a2-9a6d3a3b1f10"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, and nothing else of the machine."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "OTEL_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")


def configured(endpoint: Endpoint) -> Settings:
    conf = settings(linger_seconds=0.01)
    personalize = structs.replace(conf.personalize, region="eu-west-1", endpoint_url=endpoint.url)
    return structs.replace(conf, personalize=personalize, tracing=TracingSettings(enabled=True))


async def replayed(conf: Settings) -> ExitCode:
    """Replay one letter, whose record was made in a trace."""
    topic, record = LetterTopicTwin(), source_record(1, "session-4711")
    topic.dead_letter(structs.replace(record, headers=(("traceparent", TRACEPARENT),)))
    store = TopicReplayStore(topic, conf, Selection(), 10)  # type: ignore[arg-type]  # its twin
    store.begin(from_start=False)

    async def opened() -> Opened:
        return Opened(store, NoDeadLetters)

    plan = Plan(dry_run=False, from_start=False, calls_per_second=100, wave_letters=10)
    return await replay_all(conf, opened, GROUP, plan, asyncio.Event())


class NoDeadLetters:
    """Where letters that fail again would go."""

    async def write(self, *_: object) -> None:
        """Fail: the letter is good."""
        raise AssertionError

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_replayed_letter_leads_back_to_the_trace_of_its_record(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with OtlpReceiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        async with Endpoint(answer(200, x_amzn_requestid=REQUEST_ID)) as endpoint:
            assert await replayed(configured(endpoint)) is ExitCode.OK
        (span,) = receiver.spans()
    said = attributes(span.attributes)
    assert [link.trace_id.hex() for link in span.links] == ["0af7651916cd43dd8448eb211c80319c"]
    assert said["messaging.consumer.group.name"] == GROUP
    assert said["aws.request_id"] == REQUEST_ID
    assert said["personalize_worker.outcome"] == "accepted"
    assert "exported=1" in capsys.readouterr().out
