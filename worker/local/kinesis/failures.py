"""A call that AWS would not carry out: raised where that shows, and caught in one place, ``endpoint``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# Any other code is a 400.
STATUS: Final = {
    "InternalFailure": 500,
    "InternalFailureException": 500,
    "InternalServerError": 500,
    "RequestEntityTooLarge": 413,
    "ServiceUnavailable": 503,
    "ServiceUnavailableException": 503,
}


class AwsError(Exception):
    """An error answer: its code, what it says, and further members of its body."""

    def __init__(self, code: str, message: str = "", **members: Any) -> None:  # noqa: ANN401  JSON
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.members: Mapping[str, Any] = members

    @property
    def status(self) -> int:
        """The status that goes with the code."""
        return STATUS.get(self.code, 400)


def invalid_argument(message: str) -> AwsError:
    """What Kinesis says of a value that can't be right here."""
    return AwsError("InvalidArgumentException", message)


def not_found(message: str) -> AwsError:
    """What both say of what is not there."""
    return AwsError("ResourceNotFoundException", message)


def in_use(message: str) -> AwsError:
    """What both say of what is being changed already."""
    return AwsError("ResourceInUseException", message)


def limit_exceeded(message: str) -> AwsError:
    """What both say of too many."""
    return AwsError("LimitExceededException", message)


def validation(message: str) -> AwsError:
    """What both say of a request that does not fit its model."""
    return AwsError("ValidationException", message)
