"""``try`` on Kinesis streams: any record can be looked at, no lease is taken, nothing is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.samples import only_ci
from tests.unit.commands.test_check_kinesis import running
from worker.cli import main
from worker.local.kinesis.endpoint import LocalKinesis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Do = Callable[[Callable[[LocalKinesis], Any]], None]

pytestmark = pytest.mark.slow

ORIGIN = {
    "personalize-worker.original.topic": "clicks",
    "personalize-worker.original.partition": "1",
    "personalize-worker.original.offset": str(49_590_338_271_490_256_608_559 * 10**33 << 32),
    "personalize-worker.original.timestamp": "1767225600000",
}


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Do]:
    """A stand-in with two streams, and the environment of a worker that reads the first."""
    local = LocalKinesis()
    local.streams.create("clicks", 3)
    local.streams.create("letters", 2)
    with running(local) as do:
        for name, value in {
            "WORKER_SOURCE": "kinesis",
            "WORKER_KINESIS__STREAMS": "clicks",
            "WORKER_KINESIS__REGION": "eu-west-1",
            "WORKER_KINESIS__ENDPOINT_URL": local.url,
            "WORKER_KINESIS__DYNAMODB_ENDPOINT_URL": local.url,
            "WORKER_PERSONALIZE__TRACKING_ID": "t",
            "WORKER_PERSONALIZE__REGION": "eu-west-1",
            "WORKER_DEAD_LETTERS__STREAM": "letters",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "NO_PROXY": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        yield do


def put(do: Do, *numbers: int, stream: str = "clicks") -> None:
    def change(local: LocalKinesis) -> None:
        for number in numbers:
            value = {"eventType": "view", "sessionId": f"s{number % 4}", "itemId": f"i{number}"}
            local.streams[stream].put(f"s{number % 4}", json.dumps(value).encode())

    do(change)


def tried(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["try", "--json", *words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def items(lines: list[dict[str, Any]]) -> list[str]:
    return sorted(event["event"]["itemId"] for line in lines for event in line["events"])


@only_ci
def test_newest_oldest_and_from_a_position_or_time(place: Do, capsys: pytest.CaptureFixture[str]) -> None:
    put(place, *range(40))
    everything = tried(capsys, "--oldest", "--records", "40")
    assert items(everything) == sorted(f"i{number}" for number in range(40))
    # Four sessions, in one, two or three shards; of each shard its last.
    newest = tried(capsys, "--records", "4")
    by_shard: dict[str, list[str]] = {}
    for line in everything:
        by_shard.setdefault(line["at"].split("@")[0], []).append(line["at"])
    assert {line["at"] for line in newest} <= {at for ats in by_shard.values() for at in ats[-4:]}
    assert len(newest) == 4
    third = everything[2]["at"]
    shard, sequence = third.removeprefix("clicks[").split("]@")
    (from_there,) = tried(capsys, "--at", f"{shard}:{sequence}", "--records", "1")
    assert from_there["at"] == third
    assert len(tried(capsys, "--at", "2020-01-01", "--records", "7")) == 7
    assert tried(capsys, "--at", "2100-01-01") == []


@only_ci
def test_a_suggestion_and_a_summary_come_from_the_stream(
    place: Do, capsys: pytest.CaptureFixture[str]
) -> None:
    put(place, *range(50))
    assert main(["try", "--suggest"]) == 0
    shown = capsys.readouterr()
    assert "  item_id: itemId\n" in shown.out
    assert "from 50 records of clicks" in shown.out
    assert main(["try", "--summary", "1000", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["records"], found["sessions"]) == (50, 4)
    assert found["pace"]["by"] == "record timestamp"


def test_a_dead_letter_is_mapped_as_a_replay_would(place: Do, capsys: pytest.CaptureFixture[str]) -> None:
    value = json.dumps({"eventType": "view", "sessionId": "s", "itemId": "i"})
    letter = json.dumps({"headers": ORIGIN, "key": "s", "value": value}).encode()
    place(lambda local: local.streams["letters"].put("s", letter))
    (newest,) = tried(capsys, "--dead-letter")
    assert newest["original"].startswith("clicks[1]@49590338271490256608559")
    assert newest["events"][0]["event"]["eventId"].endswith("-1767225600000")
    shard, sequence = newest["at"].removeprefix("letters[").split("]@")
    assert tried(capsys, "--dead-letter", f"{shard}:{sequence}") == [newest]
    place(lambda local: local.streams["letters"].put("s", b"[]"))
    assert main(["try", "--dead-letter"]) == 1
    assert "is no dead letter" in capsys.readouterr().err


def test_nothing_is_written_and_no_table_is_asked(place: Do, capsys: pytest.CaptureFixture[str]) -> None:
    put(place, *range(5))
    tried(capsys)
    place(_only_reads)


def _only_reads(local: LocalKinesis) -> None:
    called = local.calls.summary()
    assert set(called) <= {"ListShards", "GetShardIterator", "GetRecords"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--topic", "nowhere"], "stream nowhere: ResourceNotFound"),
        (["--at", "7:0"], "stream clicks: has no shard 7: it has 0, 1, 2"),
        (["--at", f"0:{10**55}"], "clicks[0]: has no record 1000"),
    ],
)
@pytest.mark.usefixtures("place")
def test_what_is_not_there_is_said_in_a_line(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["try", *words]) == 1
    assert says in capsys.readouterr().err
