"""``demo --file``: one's own records are accepted by a PutEvents, with neither Kafka nor AWS set up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.builders import record
from worker.cli import main
from worker.config import read_settings
from worker.local.rehearsal import partitions_for, rehearsal_settings

ORDER = {"art": 10, "zeit": "27.11.2026 09:00:00", "sitzung": "s", "artikel": "a"}
MAPPING = {
    "event_type": {"path": "art", "values": {10: "order"}},
    "sent_at": {"path": "zeit", "pattern": "%d.%m.%Y %H:%M:%S"},
    "session_id": "sitzung",
    "item_id": "artikel",
    "drop": [{"name": "tests", "path": "test", "equals": True}],
}


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def put(name: str, *values: object) -> str:
    Path(name).write_text("".join(json.dumps(each) + "\n" for each in values))
    return name


@pytest.mark.slow
def test_each_record_of_a_file_is_accepted_dead_lettered_or_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    records = put("r.jsonl", *[ORDER] * 5, ORDER | {"art": 99}, ORDER | {"test": True}, None)
    assert main(["demo", "--file", records, "--mapping", put("m.yaml", MAPPING)]) == 0
    told = capsys.readouterr().out
    assert "8 records of r.jsonl" in told
    assert "accepted: 5 events" in told
    assert "dead letters: 1\n  1 unlisted: event_type (`art`)" in told
    assert "Nothing is left" in told


@pytest.mark.slow
def test_where_nothing_maps_the_reason_is_shown_and_the_exit_code_is_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["demo", "--file", put("r.jsonl", *[ORDER] * 150)]) == 1
    told = capsys.readouterr().out
    assert "accepted: 0 events" in told
    assert "dead letters: 150\n  150 missing: event_type: nothing at `eventType`" in told


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--mapping", "m.yaml"], 2, "--mapping is for records of your own: --file F"),
        (["--file", "nowhere"], 2, "nowhere: can't be read"),
        (["--file", "r.jsonl", "--mapping", "wrong.yaml"], 2, "did you mean `sent_at`?"),
        (["--file", "r.jsonl", "--config", "registry.yaml"], 1, "the demo asks no registry"),
        (["--file", "empty.jsonl"], 0, "empty.jsonl: it holds no record"),
    ],
)
def test_what_cannot_be_shown_is_said(
    words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put("r.jsonl", ORDER)
    put("empty.jsonl")
    put("wrong.yaml", {"timestamp": "zeit"})
    put(
        "registry.yaml", {"record": {"format": "avro"}, "schema_registry": {"url": ["https://registry:8081"]}}
    )
    assert main(["demo", *words]) == code
    assert says in capsys.readouterr().err


def test_the_worker_is_configured_as_a_user_could_have_written_it() -> None:
    settings = rehearsal_settings("127.0.0.1:9092", "http://127.0.0.1:1", {"mapping": {"item_id": "sku"}})
    found = read_settings(Path(put("c.yaml", settings)), {})
    assert found.record.mapping == {"item_id": "sku"}
    assert found.dead_letters.hold_after_unmappable is None


def test_a_small_sample_stays_in_order_and_a_large_one_fits() -> None:
    assert partitions_for([record(value=b"x" * 300)] * 1000) == 1
    assert partitions_for([record(value=b"x" * 1_000_000)] * 20) * 5 * 1024 * 1024 >= 2 * 20_000_000
