"""Each alert has a page, each page an alert, and what a page tells to do can be done."""

from __future__ import annotations

import re
import shlex
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from tests.alerts.queries import asked_by_pages
from tests.alerts.rules import PAGES, PREFIX, alerts
from worker.commands.arguments import build_parser
from worker.core.flow_control.holds import HoldKind
from worker.core.model.snapshot import KINESIS_TROUBLES, NO_PARTITIONS, NOT_READY_CAUSES, TROUBLES

if TYPE_CHECKING:
    from pathlib import Path

INDEX = PAGES / "README.md"
RUNBOOKS = sorted(each for each in PAGES.glob("*.md") if each != INDEX)
SECTIONS = ["What it means", "What to look at", "What to do", "When it clears"]
COMMAND = re.compile(r"`(?:kubectl exec POD -- )?personalize-worker( [^`\n]+)`")
KUBECTL = re.compile(r"`kubectl ([a-z]+)")
# What a label of the alert can be. The others have alerts of their own.
ELSEWHERE = {"draining", "hold", "kafka", "kinesis", "calls_failing", "throttled", "clock"}
KINDS = {
    "Held": {str(kind) for kind in HoldKind},
    "KafkaTrouble": set(TROUBLES) - {NO_PARTITIONS, "standstill", "commit"},
    "KinesisTrouble": set(KINESIS_TROUBLES) - {NO_PARTITIONS},
    "NotReady": set(NOT_READY_CAUSES) - ELSEWHERE,
}

on_every_runbook = pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)


def test_each_alert_has_a_page_and_each_page_an_alert() -> None:
    assert {f"{PREFIX}{page.stem}" for page in RUNBOOKS} == {rule["alert"] for rule in alerts()}


@on_every_runbook
def test_a_page_says_what_it_means_what_to_look_at_what_to_do_and_when_it_clears(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS


@on_every_runbook
def test_a_page_has_the_severity_of_its_alert(page: Path) -> None:
    said = re.search(r"^Severity: (.*?)\. ", page.read_text(), re.MULTILINE)
    own = {rule["labels"]["severity"] for rule in alerts() if rule["alert"] == f"{PREFIX}{page.stem}"}
    assert own == set(re.findall(r"page|ticket", said[1] if said else ""))


@on_every_runbook
def test_a_page_has_a_query(page: Path) -> None:
    assert any(asked.place == f"page {page.stem}" for asked in asked_by_pages())


@on_every_runbook
def test_named_commands_of_the_worker_exist(page: Path) -> None:
    """Those of kubectl are few and well known."""
    text = page.read_text()
    for words in COMMAND.findall(text):
        arguments = shlex.split(words.replace("FILE", "worker.yaml"))
        assert build_parser().parse_args(arguments), words
    known = {"get", "describe", "logs", "exec", "delete", "top", "cordon"}
    assert set(KUBECTL.findall(text)) <= known


@on_every_runbook
def test_named_kinds_are_those_of_the_alert(page: Path) -> None:
    """A table of kinds or reasons is complete, and has no other words."""
    table = re.findall(r"^\| (`[^|]+`) \|", page.read_text(), re.MULTILINE)
    words = set(chain.from_iterable(re.findall(r"`(\w+)`", each) for each in table))
    assert words == KINDS.get(page.stem, set())


def test_the_index_has_every_page_once() -> None:
    linked = re.findall(r"\]\((\w+)\.md\)", INDEX.read_text())
    assert sorted(linked) == [page.stem for page in RUNBOOKS]
