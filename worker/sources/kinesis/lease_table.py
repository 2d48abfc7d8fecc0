"""The lease table in DynamoDB: every change is one conditional write of one row.

Implements ``ports.LeaseTable``. A write whose condition failed says what is there instead. An endpoint that
leaves that out is asked for the row, consistently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from worker.aws.error_answers import UNREADABLE
from worker.aws.json_client import Answered, AwsFault
from worker.sources.kinesis.lease_rows import (
    COUNTER,
    KEY,
    OWNER,
    PREPARED,
    NoLease,
    Row,
    is_lease,
    lease_of,
    row_of,
)
from worker.sources.kinesis.ports import Conflict, TableFault, Written
from worker.sources.kinesis.table_errors import CONDITION_FAILED, NOT_THE_API, table_fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from worker.core.leases.lease import Lease

    Call: TypeAlias = Callable[[str, bytes], Awaitable[Answered | AwsFault]]

TARGET: Final = "DynamoDB_20120810."
# A page of a scan holds 1 MB of rows, which take more in JSON.
MAX_TABLE_ANSWER_BYTES: Final = 8 << 20
# Of 1 MB each, that is, of more shards than any account has. A scan that goes on and on is not one.
_MAX_PAGES: Final = 1000
_IF_FAILED: Final = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}

T = TypeVar("T")


class _Page(Struct, frozen=True, rename="pascal"):
    items: list[Row]
    last_evaluated_key: Row | None = None


class _Item(Struct, frozen=True, rename="pascal"):
    """The row, where there is one, and as a failed condition or GetItem tells it."""

    item: Row | None = None


class _Changed(Struct, frozen=True, rename="pascal"):
    """The row after an update. Without it, the answer is not DynamoDB's."""

    attributes: Row


class _Done(Struct, frozen=True):
    """Any object: other writes answer with nothing in it."""


class DynamoLeaseTable:
    """One table.

    Args:
        call: makes one call of DynamoDB; ``JsonClient.call``.
        name: the table's.
    """

    def __init__(self, call: Call, name: str) -> None:
        self._call = call
        self._name = name

    async def scan(self) -> tuple[Lease, ...] | TableFault:
        """Read all leases, consistently; rows that are no leases are skipped."""
        rows: list[Row] = []
        start: dict[str, Any] = {}
        for _ in range(_MAX_PAGES):
            page = await self._ask("Scan", _Page, ConsistentRead=True, **start)
            if isinstance(page, AwsFault):
                return table_fault(page)
            if isinstance(page, TableFault):
                return page
            rows.extend(page.items)
            if not page.last_evaluated_key:
                return _leases_of(rows)
            start = {"ExclusiveStartKey": page.last_evaluated_key}
        return TableFault("EndlessListing", NOT_THE_API.message)

    async def create(self, lease: Lease) -> Written | Conflict | TableFault:
        """Write the row if there is none with its key."""
        row = row_of(lease)
        done = await self._ask(
            "PutItem",
            _Done,
            Item=row,
            ConditionExpression="attribute_not_exists(#k)",
            ExpressionAttributeNames={"#k": KEY},
            **_IF_FAILED,
        )
        return await self._outcome(lease, done)

    async def replace(self, before: Lease, after: Lease) -> Written | Conflict | TableFault:
        """Write what differs, if counter and owner are still those of ``before``."""
        condition = _Expression()
        unchanged = [f"{condition.name(COUNTER)} = {condition.value({'N': str(before.counter)})}"]
        if before.owner is None:
            unchanged.append(f"attribute_not_exists({condition.name(OWNER)})")
        else:
            unchanged.append(f"{condition.name(OWNER)} = {condition.value({'S': before.owner})}")
        done = await self._ask(
            "UpdateItem",
            _Changed,
            Key={KEY: {"S": before.key}},
            UpdateExpression=_update(before, after, condition),
            ConditionExpression=" AND ".join(unchanged),
            ExpressionAttributeNames=condition.names,
            ExpressionAttributeValues=condition.values,
            ReturnValues="ALL_NEW",
            **_IF_FAILED,
        )
        return await self._outcome(after, done)

    async def delete(self, lease: Lease) -> Written | Conflict | TableFault:
        """Delete the row if its counter is still that of ``lease``."""
        done = await self._ask(
            "DeleteItem",
            _Done,
            Key={KEY: {"S": lease.key}},
            ConditionExpression="#c = :c",
            ExpressionAttributeNames={"#c": COUNTER},
            ExpressionAttributeValues={":c": {"N": str(lease.counter)}},
            **_IF_FAILED,
        )
        return await self._outcome(lease, done)

    async def _outcome(
        self, lease: Lease, done: _Changed | _Done | AwsFault | TableFault
    ) -> Written | Conflict | TableFault:
        """Say what became of a write of ``lease``."""
        match done:
            case TableFault():
                return done
            case AwsFault(code=code) if code == CONDITION_FAILED:
                return await self._conflict(lease.key, done)
            case AwsFault():
                return table_fault(done)
            case _Done():
                return Written(lease)
            case _Changed(attributes=row):
                found = _lease_of(row)
                return found if isinstance(found, TableFault) else Written(found)

    async def _conflict(self, key: str, fault: AwsFault) -> Conflict | TableFault:
        told = _decoded(fault.details, _Item)
        if isinstance(told, TableFault) or told.item is None:
            # There is none, or this endpoint does not tell.
            found = await self._ask("GetItem", _Item, Key={KEY: {"S": key}}, ConsistentRead=True)
            if isinstance(found, AwsFault):
                return table_fault(found)
            told = found
        if isinstance(told, TableFault):
            return told
        lease = None if told.item is None else _lease_of(told.item)
        return lease if isinstance(lease, TableFault) else Conflict(lease)

    async def _ask(
        self,
        operation: str,
        kind: type[T],
        **parameters: Any,  # noqa: ANN401  of DynamoDB's, of any form
    ) -> T | AwsFault | TableFault:
        body = msgspec.json.encode({"TableName": self._name, **parameters})
        answer = await self._call(f"{TARGET}{operation}", body)
        return answer if isinstance(answer, AwsFault) else _decoded(answer.body, kind)


class _Expression:
    """The names and values that an expression of DynamoDB stands for; many a name is a reserved word."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, object] = {}

    def name(self, name: str) -> str:
        """Return what stands for an attribute's name."""
        sign = f"#{name}"
        self.names[sign] = name
        return sign

    def value(self, value: object) -> str:
        """Return what stands for a value."""
        sign = f":v{len(self.values)}"
        self.values[sign] = value
        return sign


def _update(before: Lease, after: Lease, expression: _Expression) -> str:
    """Write what differs; remove what is gone, and with a new checkpoint what a KCL prepared before."""
    was, will_be = row_of(before), row_of(after)
    put = [
        f"{expression.name(name)} = {expression.value(value)}"
        for name, value in will_be.items()
        if was.get(name) != value
    ]
    gone = [name for name in was if name not in will_be]
    if before.checkpoint != after.checkpoint:
        # As the KCL does: its next owner would be given it, and could not checkpoint behind what is done.
        gone.extend(PREPARED)
    removed = [expression.name(name) for name in gone]
    parts = [f"SET {', '.join(put)}" if put else "", f"REMOVE {', '.join(removed)}" if removed else ""]
    return " ".join(filter(None, parts))


def _leases_of(rows: list[Row]) -> tuple[Lease, ...] | TableFault:
    try:
        return tuple(lease_of(row) for row in rows if is_lease(row))
    except NoLease as error:
        return _unreadable(error)


def _lease_of(row: Row) -> Lease | TableFault:
    try:
        return lease_of(row)
    except NoLease as error:
        return _unreadable(error)


def _unreadable(error: NoLease) -> TableFault:
    message = f"a row of the lease table has no readable {error}: is it one of the KCL's?"
    return TableFault("UnreadableLease", message, retryable=False)


def _decoded(body: bytes, kind: type[T]) -> T | TableFault:
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE:
        return NOT_THE_API
