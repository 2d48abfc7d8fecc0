"""As the tests of delivery: no proxy of the machine is seen, and each runs on both event loops."""

from tests.unit.delivery.conftest import aws_home, pytest_asyncio_loop_factories

__all__ = ["aws_home", "pytest_asyncio_loop_factories"]
