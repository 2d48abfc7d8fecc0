"""How large the samples of a test are: a few that find a planted defect, or many, for ``make test-long``.

A test that calls ``sample`` is marked ``long``, and ``make test-long`` runs only those. ``tests/conftest.py``
marks the tests of hypothesis.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _pytest.mark.structures import ParameterSet

T = TypeVar("T")
F = TypeVar("F")

_REASON: Final = "one of several that hold the same promise: make test-long"
LONG: Final = os.environ.get("WORKER_TEST_LONG") == "1"

_ONLY_LONG: Final = (pytest.mark.skipif(not LONG, reason=_REASON), pytest.mark.long)


def sample(short: T, long: T) -> T:
    """Choose a size: ``short`` unless ``WORKER_TEST_LONG=1``."""
    return long if LONG else short


def only_long(test: F) -> F:
    """Leave a test to ``make test-long``."""
    for mark in _ONLY_LONG:
        test = mark(test)
    return test


def short_and_long(short: Sequence[str], long: Sequence[str]) -> list[ParameterSet]:
    """Parameters of a test: some always, and others of the same kind by ``make test-long`` alone."""
    return [*map(pytest.param, short), *(pytest.param(each, marks=_ONLY_LONG) for each in long)]
