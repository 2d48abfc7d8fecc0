"""The demo, in small: everything that ``make demo`` shows, with fewer records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.samples import only_ci
from worker.config import read_settings
from worker.local import demo
from worker.local.demo import run_demo, worker_settings

if TYPE_CHECKING:
    from pathlib import Path

KAFKA = {
    "kafka": {"bootstrap_servers": "127.0.0.1:9092", "topics": ["interactions"]},
    "dead_letters": {"topic": "interactions.dead-letters"},
}

pytestmark = pytest.mark.slow


def test_the_demo_keeps_every_promise(capsys: pytest.CaptureFixture[str]) -> None:
    """Broken records, poison, throttling, a kill and lost answers; nothing lost, nothing out of order."""
    assert run_demo(records=300, feed_seconds=1) == 0
    told = capsys.readouterr().out
    assert "every session in order" in told


@only_ci
def test_the_demo_keeps_every_promise_with_kinesis(capsys: pytest.CaptureFixture[str]) -> None:
    """The same over a split, a merge, and lost answers of the lease table."""
    assert run_demo(records=300, feed_seconds=4, kinesis=True) == 0
    assert "every session in order" in capsys.readouterr().out


def test_a_worker_that_ends_by_itself_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not started again as if the demo had killed it; its exit code and last words are shown."""
    monkeypatch.setattr(demo, "worker_settings", lambda *_: {"no": "configuration"})
    assert run_demo(records=300) == 1
    told = capsys.readouterr().out
    assert "The worker ended by itself, with 2:" in told
    assert "in the configuration" in told


def test_the_demos_configuration_is_one_that_a_user_could_write(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps(worker_settings(KAFKA, "http://127.0.0.1:1")))
    assert read_settings(path, {}).kafka.bootstrap_servers == "127.0.0.1:9092"
