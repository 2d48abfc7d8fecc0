"""Requests and answers in AWS JSON: 1.1 for Kinesis, 1.0 for DynamoDB.

An error is named in ``__type``, which for DynamoDB has a prefix up to a ``#``. DynamoDB's answers have their
CRC-32 in a header; clients may check it.
"""

from __future__ import annotations

import zlib
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker.local.answers import Response, response
from worker.local.kinesis.failures import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from msgspec import Struct

    from worker.local.kinesis.operations import Operation, Service

CONTENT_TYPES: Final[Mapping[Service, bytes]] = {
    "Kinesis": b"application/x-amz-json-1.1",
    "DynamoDB": b"application/x-amz-json-1.0",
}
_COMMON: Final = "com.amazon.coral.service#"
_OF_DYNAMODB: Final = "com.amazonaws.dynamodb.v20120810#"
# Of any service: they have the other prefix.
_COMMON_CODES: Final = frozenset({
    "AccessDeniedException", "InternalFailure", "InvalidSignatureException",
    "MissingAuthenticationTokenException", "SerializationException", "ServiceUnavailable",
    "UnknownOperationException", "UnrecognizedClientException", "ValidationException",
})  # fmt: skip
_NUMBERS: Final = count(1)


def request_of(operation: Operation, body: bytes) -> Struct:
    """Read a request.

    Raises:
        AwsError: it is not JSON, or does not fit the operation's model.
    """
    try:
        return msgspec.json.decode(body or b"{}", type=operation.request)
    except msgspec.ValidationError as error:
        # A value of another type is not read at all; one out of its limits is.
        kind = "SerializationException" if ", got " in str(error) else "ValidationException"
        raise AwsError(kind, f"1 validation error detected: {error}") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise AwsError("SerializationException", "The body is not JSON") from error


def answered(service: Service, members: Mapping[str, Any]) -> Response:
    """Return the answer of a call that was carried out."""
    return _response(service, 200, msgspec.json.encode(members) if members or service == "DynamoDB" else b"")


def failed(service: Service, error: AwsError) -> Response:
    """Return the answer of a call that was not."""
    name = error.code
    if service == "DynamoDB":
        name = f"{_COMMON if name in _COMMON_CODES else _OF_DYNAMODB}{name}"
    body = {"__type": name, "message": error.message, **error.members}
    return _response(service, error.status, msgspec.json.encode(body))


def _response(service: Service, status: int, body: bytes) -> Response:
    extra = [(b"x-amzn-requestid", b"local-%d" % next(_NUMBERS))]
    if service == "DynamoDB":
        extra.append((b"x-amz-crc32", b"%d" % zlib.crc32(body)))
    return response(status, body, CONTENT_TYPES[service], tuple(extra))
