"""The subjects, each started when the first statement is tried on it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.emulators import running
from tests.support.emulators.supply import NoEmulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EMULATORS = {
    "kinesis_local": running.kinesis_local,
    "kinesalite": running.kinesalite,
    "moto": running.moto,
    "dynalite": running.dynalite,
}


@pytest.fixture(scope="session")
def address_of() -> Iterator[Callable[[str], str]]:
    """Of an emulator that runs until the session ends; the test is skipped where it can't be brought."""
    addresses: dict[str, str | NoEmulator] = {}
    with ExitStack() as stack:

        def of(subject: str) -> str:
            if subject not in addresses:
                try:
                    addresses[subject] = stack.enter_context(EMULATORS[subject]())
                except NoEmulator as missing:
                    addresses[subject] = missing
            address = addresses[subject]
            if isinstance(address, str):
                return address
            if os.environ.get("CI") == "true":
                pytest.fail(str(address), pytrace=False)
            pytest.skip(f"{subject}: {address}")

        yield of
