"""The command line: what is printed, what exit code, and that it is quick."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from worker.cli import main
from worker.config import schema

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {
    "aiohttp",
    "boto3",
    "botocore",
    "confluent_kafka",
    "msgspec",
    "structlog",
    "tenacity",
    "uvloop",
    "yaml",
}


def test_run_shows_all_mistakes_and_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the error output, with a headline, a line each."""
    path = tmp_path / "c.yaml"
    path.write_text("kafka: {bootstrap_servers: '127.0.0.1:9', topic: [a]}\ndead_letters: {topic: d}\n")
    assert main(["run", "--config", str(path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    headline, missing, *others = shown.err.splitlines()
    assert headline == "personalize-worker: 3 mistakes in the configuration"
    assert missing.startswith("  kafka.topics: is missing, must be a list, ")
    assert missing.endswith(f" ({path}:1)")
    assert others == [
        f"  kafka.topic: unknown key; did you mean kafka.topics? ({path}:1)",
        "  personalize.tracking_id: is missing, must be text of 1 to 256 characters, without white space",
    ]


def test_run_without_the_file_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its name."""
    assert main(["run", "--config", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml: can't be read: No such file or directory" in capsys.readouterr().err


def test_a_crash_is_told_without_its_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that reads the configuration has secrets at hand."""

    def broken(*_: object) -> None:
        raise ValueError("hunter2")

    monkeypatch.setattr("worker.commands.run.read_settings", broken)
    assert main(["run", "--config", str(tmp_path / "c.yaml")]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "ValueError" in shown.err
    assert "worker/cli.py" in shown.err
    assert "hunter2" not in shown.err


def test_check_of_a_wrong_configuration_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In its own form, a line each."""
    assert main(["check", "--config", str(tmp_path / "none.yaml")]) == 2
    assert capsys.readouterr().out.startswith("FAIL  configuration: ")


def test_schema_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """Byte for byte, to be written to a file."""
    assert main(["schema"]) == 0
    assert capsys.readouterr().out.encode() == schema()


def test_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    """As pip shows it."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"personalize-worker {version('personalize-worker')}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["rnu"], ["run", "--conf"], ["demo", "--records", "x"], ["demo", "--records", "0"]]
)
def test_a_wrong_command_line_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With what would be right."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert "usage:" in shown
    assert " --help` says what there is" in shown


def test_without_a_file_it_is_said_how_to_give_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whoever called is as before: garbage is collected."""
    for name in list(os.environ):
        if name.startswith("WORKER_"):
            monkeypatch.delenv(name)
    for words in (["run"], ["dead-letters", "list"]):
        assert main(words) == 2
        assert capsys.readouterr().err.splitlines()[-1].startswith("no file was given; --config FILE ")
        assert gc.isenabled()


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["run", "--help"], ["dead-letters", "replay", "--help"]]
)
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    """So they answer within 0.3 s, which on a busy machine could not be held against a clock."""
    code = (
        "import sys, worker.cli\n"
        f"try: worker.cli.main({arguments!r})\n"
        "except SystemExit: print(*sys.modules, file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(ended.stderr.split())


def test_the_module_runs_as_the_command() -> None:
    """``python -m worker`` is the command."""
    ended = subprocess.run(
        [sys.executable, "-m", "worker", "run", "--config", "/no/such/file"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("personalize-worker: 1 mistake in the configuration\n")
