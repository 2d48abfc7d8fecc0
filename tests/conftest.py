"""What holds for all tests: sizes of samples, and which tests share a process when they run side by side."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import settings

from tests.support.samples import sample
from tests.support.side_by_side import SideBySide, group_of, rank_of

if TYPE_CHECKING:
    from xdist.remote import Producer

# A busy machine makes no test wrong: speed is measured by benchmarks/, not here.
settings.register_profile("sample", deadline=None, max_examples=sample(25, 100))
settings.load_profile("sample")

# What these give takes long to start, and tests break it.
OF_ONE_PROCESS: Final = {"own_kafka", "brokers"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what has a larger sample, and refuse what would start the same brokers in several processes."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.long)
        is_shared = OF_ONE_PROCESS.intersection(getattr(item, "fixturenames", ()))
        if is_shared and group_of(item.nodeid) == item.nodeid:
            raise pytest.UsageError(f"{item.nodeid} is in no group of tests/support/side_by_side.py")
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: rank_of(item.nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SideBySide:
    """Keep groups together."""
    return SideBySide(config, log)
