from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.simulation.playing import simulated
from tests.simulation.running import processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import ProcessPoolExecutor


@pytest.fixture
def simulation() -> Iterator[None]:
    """Whatever is played in this process."""
    with simulated():
        yield


@pytest.fixture(scope="session")
def pool() -> Iterator[ProcessPoolExecutor]:
    """One process a core."""
    with processes(os.cpu_count() or 1) as made:
        yield made
