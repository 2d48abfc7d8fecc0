"""The emulators, each started once a process when a test asks for it; streams and table are a test's own."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.emulators import running
from tests.support.emulators.supply import NoEmulator
from tests.support.kinesis_site import KinesisSite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


@contextmanager
def _brought(emulator: AbstractContextManager[str]) -> Iterator[str]:
    """Without it a test is skipped, or fails where it must not be (``CI=true``)."""
    try:
        with emulator as url:
            yield url
    except NoEmulator as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def streams_url() -> Iterator[str]:
    """Where kinesis-local is."""
    with _brought(running.kinesis_local()) as url:
        yield url


@pytest.fixture(scope="session")
def tables_url() -> Iterator[str]:
    """Where moto's DynamoDB is."""
    with _brought(running.moto()) as url:
        yield url


@pytest.fixture
def site(streams_url: str, tables_url: str, tmp_path: Path) -> Iterator[KinesisSite]:
    """A stream of four shards, an endpoint, and no worker yet."""
    with KinesisSite(tmp_path, streams_url, tables_url) as site:
        yield site
