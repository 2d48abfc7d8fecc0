"""As the tests of delivery: no credentials or proxy of the machine are seen, on both event loops."""

from tests.unit.delivery.conftest import aws_home, pytest_asyncio_loop_factories

__all__ = ["aws_home", "pytest_asyncio_loop_factories"]
