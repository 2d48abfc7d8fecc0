"""What holds for all tests: sizes of samples, and which tests share a process when they run side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import settings

from tests.support.samples import sample

if TYPE_CHECKING:
    from collections.abc import Iterable

# A busy machine makes no test wrong: speed is measured by benchmarks/, not here.
settings.register_profile("sample", deadline=None, max_examples=sample(25, 100))
settings.load_profile("sample")

# What these give takes long to start, is of one process, and is broken by its tests: they run one by one.
ONE_PROCESS: Final = {"own_kafka", "brokers"}


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Mark what has a larger sample, and group what needs the same process."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.long)
        for fixture in ONE_PROCESS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(fixture))
