"""Makes sure, at start, that the lease table is there and is one: with the KCL's key, and ready."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
from msgspec import Struct

from worker.aws.error_answers import UNREADABLE
from worker.aws.json_client import Answered, AwsFault
from worker.core.model.missing_place import MissingPlace
from worker.sources.kinesis.lease_rows import KEY
from worker.sources.kinesis.lease_table import TARGET
from worker.sources.kinesis.table_errors import IN_USE, NOT_FOUND, NOT_THE_API, table_fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Call: TypeAlias = Callable[[str, bytes], Awaitable[Answered | AwsFault]]

# A table takes some seconds to be made.
_POLL_SECONDS: Final = 1.0
_READY: Final = {"ACTIVE", "UPDATING"}
_BECOMING: Final = {"CREATING", "DELETING"}
_DEFINITIONS: Final = [{"AttributeName": KEY, "AttributeType": "S"}]
_SCHEMA: Final = [{"AttributeName": KEY, "KeyType": "HASH"}]
_BILLING: Final = "PAY_PER_REQUEST"


class LeaseTableUnusable(MissingPlace):
    """The table does not exist and may not be made, or is none of the KCL's."""


class LeaseTableAway(Exception):  # noqa: N818  it names the state, which may end by itself
    """DynamoDB did not say how the table is; ``str()`` says why, and what a person can do.

    Args:
        code: one word.
        advice: a sentence.
    """

    def __init__(self, code: str, advice: str) -> None:
        super().__init__(f"{code}: {advice}")
        self.code = code
        self.advice = advice


class _Attribute(Struct, frozen=True, rename="pascal"):
    attribute_name: str
    attribute_type: str


class _KeyElement(Struct, frozen=True, rename="pascal"):
    attribute_name: str
    key_type: str


class _Table(Struct, frozen=True, rename="pascal"):
    table_status: str
    key_schema: tuple[_KeyElement, ...] = ()
    attribute_definitions: tuple[_Attribute, ...] = ()


class _Description(Struct, frozen=True, rename="pascal"):
    table: _Table


async def ensure_table(
    call: Call, name: str, *, create: bool, region: str, sleep: Callable[[float], Awaitable[object]]
) -> bool:
    """Return once the table can be used; whether it was made here. It waits for as long as that takes.

    Args:
        call: makes one call of DynamoDB; ``JsonClient.call``.
        name: the table's.
        create: whether to make it if it does not exist.
        region: for the command that makes it.
        sleep: waits for so many seconds.

    Raises:
        LeaseTableUnusable: a person has to act.
        LeaseTableAway: DynamoDB does not answer, or does not take the call: try again later.
    """
    is_made = False
    while True:
        table = await _describe(call, name)
        if table is None:
            if not create:
                raise LeaseTableUnusable(_missing(name), create_command(name, region))
            is_made = await _create(call, name) or is_made
        elif _is_ready(table, name):
            return is_made
        await sleep(_POLL_SECONDS)


def create_command(name: str, region: str) -> str:
    """Return the command of the AWS CLI that makes the table."""
    return shlex.join(
        [
            *("aws", "dynamodb", "create-table", "--table-name", name),
            *("--attribute-definitions", f"AttributeName={KEY},AttributeType=S"),
            *("--key-schema", f"AttributeName={KEY},KeyType=HASH"),
            *("--billing-mode", _BILLING, "--region", region),
        ]
    )


async def _describe(call: Call, name: str) -> _Table | None:
    """Return the table's description; None if there is no such table."""
    answer = await call(f"{TARGET}DescribeTable", msgspec.json.encode({"TableName": name}))
    if isinstance(answer, Answered):
        try:
            return msgspec.json.decode(answer.body, type=_Description).table
        except UNREADABLE:
            raise LeaseTableAway(NOT_THE_API.code, NOT_THE_API.message) from None
    if answer.code == NOT_FOUND:
        return None
    raise _away(answer)


async def _create(call: Call, name: str) -> bool:
    """Make the table; False if another worker did it first."""
    parameters = {
        "TableName": name,
        "AttributeDefinitions": _DEFINITIONS,
        "KeySchema": _SCHEMA,
        "BillingMode": _BILLING,
    }
    answer = await call(f"{TARGET}CreateTable", msgspec.json.encode(parameters))
    if isinstance(answer, AwsFault) and answer.code != IN_USE:
        raise _away(answer)
    return isinstance(answer, Answered)


def _is_ready(table: _Table, name: str) -> bool:
    """Return whether it can be used now; if not, it soon will.

    Raises:
        LeaseTableUnusable: it never will.
    """
    if table.table_status in _BECOMING:
        return False
    key = [(each.attribute_name, each.key_type) for each in table.key_schema]
    types = {each.attribute_name: each.attribute_type for each in table.attribute_definitions}
    if key != [(KEY, "HASH")] or types.get(KEY) != "S":
        msg = (
            f"the table {name!r} is no lease table, whose key is {KEY} (a string) alone: "
            "set another kinesis.application_name"
        )
        raise LeaseTableUnusable(msg)
    if table.table_status not in _READY:
        msg = f"the table {name!r} can't be used: its status is {table.table_status}"
        raise LeaseTableUnusable(msg)
    return True


def _missing(name: str) -> str:
    return (
        f"the lease table {name!r} does not exist: make it, or set kinesis.create_table, or correct "
        "kinesis.application_name"
    )


def _away(fault: AwsFault) -> LeaseTableAway:
    said = table_fault(fault)
    return LeaseTableAway(said.code, said.message)
