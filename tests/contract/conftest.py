"""The wire is compared without the machine's own AWS settings, too."""

from tests.unit.delivery.conftest import aws_home

__all__ = ["aws_home"]
