"""What DynamoDB answers when it does not do what it was asked, in the words of whoever has to act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.sources.kinesis.errors import FaultKind, kind_of, stream_fault
from worker.sources.kinesis.ports import TableFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.aws.json_client import AwsFault

NOT_FOUND: Final = "ResourceNotFoundException"
IN_USE: Final = "ResourceInUseException"
CONDITION_FAILED: Final = "ConditionalCheckFailedException"

_ROLE: Final = (
    "allow dynamodb:DescribeTable, Scan, GetItem, PutItem, UpdateItem and DeleteItem on the lease table to "
    "the worker's role, and CreateTable with kinesis.create_table"
)
_CAPACITY: Final = "give the lease table more read and write capacity, or bill it on demand"
_ENDPOINT: Final = "the endpoint is not that of DynamoDB: check kinesis.dynamodb_endpoint_url"
_ADVICE: Final[Mapping[str, str]] = {
    "AccessDenied": _ROLE,
    "AccessDeniedException": _ROLE,
    NOT_FOUND: "the lease table is gone: make it again, and every shard begins at kinesis.start",
    "LimitExceededException": "too many tables are made or changed at once: calls are repeated",
    "ProvisionedThroughputExceededException": _CAPACITY,
    "RequestLimitExceeded": "the account's quota of DynamoDB is used up: ask AWS for more",
    IN_USE: "the lease table is being made or changed: calls are repeated",
    "ThrottlingException": _CAPACITY,
    "UnknownOperationException": _ENDPOINT,
    "ValidationException": "the lease table does not take the rows of leases: is it one of the KCL's?",
}

NOT_THE_API: Final = TableFault(
    "NotTheApi",
    "what answers is not DynamoDB (a captive portal, a proxy's page): check kinesis.dynamodb_endpoint_url "
    "and proxy",
)


def table_fault(fault: AwsFault) -> TableFault:
    """Say what a fault means for the table, and what a person can do."""
    match kind_of(fault.code, fault.status):
        case FaultKind.HOLD | FaultKind.MALFORMED:
            retryable = False
        case FaultKind.THROTTLED | FaultKind.PASSING | FaultKind.EXPIRED_ITERATOR | FaultKind.TOO_LONG:
            retryable = True
    return TableFault(fault.code, _ADVICE.get(fault.code) or stream_fault(fault).advice, retryable)
