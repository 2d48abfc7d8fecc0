"""Statements, each written once and tried on every subject.

Where a subject is known to do otherwise than AWS it is said with the statement, and held too: the statement
has to fail there. A subject that can't be brought into a statement's situation deviates as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import pytest
from botocore.exceptions import ClientError
from msgspec import Struct

from worker.local.kinesis.behaviour import Behaviour

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping


Subject: TypeAlias = Literal["stand_in", "kinesis_local", "kinesalite", "moto", "dynalite"]
OF_STREAMS: Final[tuple[Subject, ...]] = ("stand_in", "kinesis_local", "kinesalite")
OF_TABLES: Final[tuple[Subject, ...]] = ("stand_in", "moto", "dynalite")
Run: TypeAlias = "Callable[[Any], Coroutine[object, object, None]]"
"""What is tried, on a stand for streams or for tables."""


class Statement(Struct, frozen=True):
    """What holds, and where it does not."""

    name: str
    run: Run
    behaviour: Behaviour
    """Of the stand-in."""
    deviates: Mapping[str, str]
    """What a subject does instead."""


class Statements(dict[str, Statement]):
    """Statements by name."""

    def says(self, behaviour: Behaviour | None = None, **deviates: str) -> Callable[[Run], Run]:
        """Register a statement under its own name; ``deviates``: a subject, and what it does instead."""

        def register(run: Run) -> Run:
            self[run.__name__] = Statement(run.__name__, run, behaviour or Behaviour(), deviates)
            return run

        return register


def trials(statements: Statements, subjects: tuple[Subject, ...]) -> list[Any]:
    """Every pairing; where a subject deviates, the statement has to fail."""
    return [
        pytest.param(
            subject,
            statement,
            id=f"{subject}-{statement.name}",
            marks=_marks(subject, statement.deviates.get(subject)),
        )
        for subject in subjects
        for statement in statements.values()
    ]


def _marks(subject: Subject, deviation: str | None) -> list[pytest.MarkDecorator]:
    marks = [] if subject == "stand_in" else [pytest.mark.slow]
    if deviation is None:
        return marks
    raised = (AssertionError, ClientError, KeyError)
    return [*marks, pytest.mark.xfail(reason=f"deviates: {deviation}", raises=raised, strict=True)]
