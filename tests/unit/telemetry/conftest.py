"""Logs as they come out, and the process's logging put back after each test."""

from __future__ import annotations

import json
import logging
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from worker.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Lines = list[dict[str, Any]]


@pytest.fixture
def restored_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is changed about logging ends with the test."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    for owner, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    yield
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


@pytest.fixture
def logged(
    restored_logging: None,  # noqa: ARG001  it is wanted for what it does afterwards
    capsys: pytest.CaptureFixture[str],
) -> Callable[[], Lines]:
    """JSON logs from debug on; gives the lines since it was last asked."""
    configure_logs("debug", "json")
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
