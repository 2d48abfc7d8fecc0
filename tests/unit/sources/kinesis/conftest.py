"""As the tests of delivery: no credentials or proxy of the machine are seen, on both event loops."""

import pytest

from tests.unit.aws.chains import resolve_here
from tests.unit.delivery.conftest import aws_home, pytest_asyncio_loop_factories
from worker.aws.boto_subprocess import BotoSubprocess

__all__ = ["aws_home", "boto_here", "pytest_asyncio_loop_factories"]


@pytest.fixture(autouse=True)
def boto_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have boto3 answer in this process; starting one for each client would take half a second a test."""
    monkeypatch.setattr(BotoSubprocess, "resolve", resolve_here)
