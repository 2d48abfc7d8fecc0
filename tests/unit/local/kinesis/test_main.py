"""The stand-in as a command: it says where it is, and ends when it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.processes import Process
from tests.support.waiting import until
from worker.local.kinesis.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_it_says_where_it_is_and_ends_in_good_order(tmp_path: Path) -> None:
    process = Process(["worker.local.kinesis", "--behaviour", '{"update_seconds": 5}'], tmp_path / "log")
    try:
        assert until(process.lines, 20, what="its address")[0]["url"].startswith("http://127.0.0.1:")
        process.told_to_end()
        assert process.process.wait(10) == 0
    finally:
        process.kill()


@pytest.mark.parametrize("arguments", [["--faults", '{"rules": [{}]}'], ["--behaviour", '{"no": 1}']])
def test_what_it_does_not_know_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error" in capsys.readouterr().err
