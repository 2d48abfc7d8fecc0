"""How large the samples of a test are: a few that find a planted defect, or many, for ``make test-long``.

A test that calls ``sample`` is marked ``long``, and ``make test-long`` runs only those. ``tests/conftest.py``
marks the tests of hypothesis.
"""

from __future__ import annotations

import os
from typing import Final, TypeVar

import pytest

T = TypeVar("T")
F = TypeVar("F")

LONG: Final = os.environ.get("WORKER_TEST_LONG") == "1"


def sample(short: T, long: T) -> T:
    """Choose a size: ``short`` unless ``WORKER_TEST_LONG=1``."""
    return long if LONG else short


def only_long(test: F) -> F:
    """Leave a test to ``make test-long``."""
    reason = "one of several that hold the same promise: make test-long"
    return pytest.mark.long(pytest.mark.skipif(not LONG, reason=reason)(test))
