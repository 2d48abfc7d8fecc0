"""Statements of what a consumer does, each written once and tried on every subject.

A subject that cannot be brought into a statement's situation is left out with the reason, by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.contract.consumer.stand import Protocol, Reset, Run

Subject: TypeAlias = Literal["simulated", "mock", "brokers"]
SUBJECTS: Final[tuple[Subject, ...]] = ("simulated", "mock", "brokers")
ALL_PROTOCOLS: Final[tuple[Protocol, ...]] = ("cooperative", "eager", "consumer")


class Statement(Struct, frozen=True):
    """What holds, and where it is tried."""

    name: str
    run: Run
    protocols: tuple[Protocol, ...]
    reset: Reset
    partitions: int
    excluded: Mapping[Subject, str]


STATEMENTS: dict[str, Statement] = {}


def statement(
    *,
    protocols: tuple[Protocol, ...] = ("cooperative",),
    reset: Reset = "earliest",
    partitions: int = 1,
    **excluded: str,
) -> Callable[[Run], Run]:
    """Register it under its own name; ``excluded``: a subject, and why it is left out."""

    def register(run: Run) -> Run:
        name = run.__name__
        STATEMENTS[name] = Statement(name, run, protocols, reset, partitions, excluded)  # type: ignore[arg-type]  # subjects
        return run

    return register


def some(tag: str, count: int) -> list[str]:
    """Names of records."""
    return [f"{tag}{number}" for number in range(count)]
