"""Whatever breaks, with a mark in its words and its locals: that it broke is told, and the mark is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.security.environment import Environment
from tests.security.marked_records import good, unmappable
from tests.security.marks import Marks
from tests.security.sabotage import FATAL, LEAKS, SURVIVED
from tests.support.samples import at_a_desk_and_in_ci

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.security.watched import Watched

SOON_SECONDS = 60
# What of the worker's output shows that the part did break.
TELLS = {
    "delivery report": "dead_letters.reports_failed",
    "beside": "sabotage.done",
    "pages": "admin.page_failed",
}


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    with Environment(Marks(), tmp_path) as environment:
        yield environment


def start(environment: Environment, part: str, **log: str) -> Watched:
    """A worker that breaks there, with records that bring it there."""
    environment.put([good(environment.marks, "good"), *unmappable(environment.marks).values()])
    mark = {"SABOTAGE_MARK": environment.marks.text(f"in {part}")}
    return environment.start(
        ("tests.security.sabotage", part, "run", "--config"), mark, log={"level": "debug", **log}
    )


@pytest.mark.parametrize("part", FATAL)
def test_a_crash_is_told_without_the_values_at_hand(
    environment: Environment, searched: set[str], part: str
) -> None:
    worker = start(environment, part, format="json")
    assert worker.process.wait(SOON_SECONDS) == 1
    assert "ValueError" in worker.said()
    assert worker.found() == {}
    searched.add(f"crash in: {part}")


@pytest.mark.parametrize("format_", at_a_desk_and_in_ci(["json"], ["console"]))
@pytest.mark.parametrize("part", SURVIVED)
def test_what_breaks_beside_the_flow_is_told_without_them_too(
    environment: Environment, searched: set[str], part: str, format_: str
) -> None:
    """Callbacks, threads, tasks that nobody waits for, destructors, warnings, pages."""
    worker = start(environment, part, format=format_)
    worker.ask("/ready")
    worker.wait_until_said(TELLS[part])
    worker.look(f"broken: {part}")
    worker.end()
    assert "ValueError" in worker.said()
    assert worker.found() == {}
    searched |= {f"{where}, broken: {part}" for where in worker.out}


def test_a_crash_of_a_library_leaves_no_memory_on_a_disk(
    environment: Environment, searched: set[str]
) -> None:
    worker = environment.start()
    worker.wait_until_said("admin.listening")
    assert not worker.may_leave_a_core()
    searched.add("core file")


@pytest.mark.parametrize("part", at_a_desk_and_in_ci(list(LEAKS)[:1], list(LEAKS)[1:]))
def test_what_is_let_out_on_purpose_is_found(environment: Environment, part: str) -> None:
    """Else nothing would be proven by finding nothing."""
    worker = start(environment, part, format="json")
    worker.wait_until_said("x.leaked")
    worker.look("leaked")
    worker.end()
    assert {name for names in worker.found().values() for name in names} == {f"in {part}"}
