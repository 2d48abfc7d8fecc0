"""The chart's alerts with their two words replaced, as Prometheus loads them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).parents[2]
FILES: Final = ROOT / "helm/personalize-worker/files"
PAGES: Final = ROOT / "docs/runbooks"
RECORDED: Final = Path(__file__).parent / "recorded"
PREFIX: Final = "PersonalizeWorker"
SELECTOR: Final = 'namespace="streams",job="worker"'
RUNBOOKS: Final = "https://runbooks.example"
DOWNLOADED: Final = ROOT / ".cache/prom/usr/bin"


def rules_text(selector: str = SELECTOR, quota: str = SELECTOR) -> str:
    """The rules for one worker, and those with which it shares its quota."""
    text = (FILES / "alerts.yaml").read_text().replace("__SELECTOR__", selector).replace("__QUOTA__", quota)
    return text.replace("__RUNBOOKS__", RUNBOOKS)


def groups() -> list[dict[str, Any]]:
    """The groups of rules."""
    found: list[dict[str, Any]] = yaml.safe_load(rules_text())["groups"]
    return found


def alerts() -> list[dict[str, Any]]:
    """All alerts; some have several rules."""
    return [rule for group in groups() for rule in group["rules"] if "alert" in rule]


def tool(name: str) -> str:
    """The path of a program of Debian's package; skip without it, and fail where it must be there."""
    found = shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}{DOWNLOADED}")
    if found is None:
        reason = f"{name} is missing: apt-get install prometheus"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return str(found)
