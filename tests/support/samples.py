"""How much of the tests runs where: at a desk, in CI, or in ``make test-long``.

At a desk each promise is held by the tests that take the least; others of the same kind run with ``CI=true``.
A test that calls ``sample`` takes a few that find a planted defect, or many for ``make test-long``; it is
marked ``long``, and ``make test-long`` runs only those. ``tests/conftest.py`` marks the tests of hypothesis.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from _pytest.mark.structures import ParameterSet

T = TypeVar("T")
F = TypeVar("F")

_SEVERAL: Final = "one of several that hold the same promise"
LONG: Final = os.environ.get("WORKER_TEST_LONG") == "1"
CI: Final = LONG or os.environ.get("CI") == "true"

only_ci: Final = pytest.mark.skipif(not CI, reason=f"{_SEVERAL}: CI=true make test")
"""Leaves a test, or a parameter, to CI."""

_ONLY_LONG: Final = (pytest.mark.skipif(not LONG, reason=f"{_SEVERAL}: make test-long"), pytest.mark.long)


def sample(short: T, long: T) -> T:
    """Choose a size: ``short`` unless ``WORKER_TEST_LONG=1``."""
    return long if LONG else short


def at_a_desk_and_in_ci(desk: Sequence[T], ci: Sequence[T]) -> list[ParameterSet]:
    """Parameters of a test: some always, and others of the same kind in CI alone."""
    return [*map(pytest.param, desk), *(pytest.param(each, marks=only_ci) for each in ci)]


def named_at_a_desk_and_in_ci(values: Mapping[str, T]) -> list[ParameterSet]:
    """Parameters with their names: the first always, the others in CI alone."""
    first, *others = values
    return [
        pytest.param(values[first], id=first),
        *(pytest.param(values[each], id=each, marks=only_ci) for each in others),
    ]


def only_long(test: F) -> F:
    """Leave a test to ``make test-long``."""
    for mark in _ONLY_LONG:
        test = mark(test)
    return test


def short_and_long(short: Sequence[str], long: Sequence[str]) -> list[ParameterSet]:
    """Parameters of a test: some always, and others of the same kind by ``make test-long`` alone."""
    return [*map(pytest.param, short), *(pytest.param(each, marks=_ONLY_LONG) for each in long)]
