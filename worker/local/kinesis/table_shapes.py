"""The requests of DynamoDB that the stand-in takes, with the limits of the API's model (2012-08-10).

A member that is not here is refused, though AWS may know it: the worker has no use for it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct, field

TableName: TypeAlias = Annotated[str, Meta(min_length=3, max_length=255, pattern=r"^[a-zA-Z0-9_.-]+$")]
RawItem: TypeAlias = dict[str, Any]
OnFailure: TypeAlias = Literal["NONE", "ALL_OLD"]


class _Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="pascal"):
    """Members are named as in the API."""


class OfTable(_Request, frozen=True, kw_only=True):
    """A request about one table."""

    table_name: TableName


class AttributeDefinition(_Request, frozen=True, kw_only=True):
    """The type of a key."""

    attribute_name: str
    attribute_type: Literal["S"]


class KeyElement(_Request, frozen=True, kw_only=True):
    """The key; one of two parts is not known here."""

    attribute_name: str
    key_type: Literal["HASH"]


class Throughput(_Request, frozen=True, kw_only=True):
    """What is provisioned."""

    read_capacity_units: Annotated[int, Meta(ge=1)]
    write_capacity_units: Annotated[int, Meta(ge=1)]


class CreateTable(OfTable, frozen=True, kw_only=True):
    """Create a table."""

    attribute_definitions: Annotated[list[AttributeDefinition], Meta(min_length=1, max_length=1)]
    key_schema: Annotated[list[KeyElement], Meta(min_length=1, max_length=1)]
    billing_mode: Literal["PROVISIONED", "PAY_PER_REQUEST"] = "PROVISIONED"
    provisioned_throughput: Throughput | None = None
    tags: list[dict[str, str]] = []
    deletion_protection_enabled: bool = False
    s_s_e_specification: dict[str, Any] | None = field(default=None, name="SSESpecification")


class DescribeTable(OfTable, frozen=True, kw_only=True):
    """What a table is like, and whether it is ready."""


class DeleteTable(OfTable, frozen=True, kw_only=True):
    """Delete a table."""


class _Conditional(OfTable, frozen=True, kw_only=True):
    """A write that may have a condition."""

    condition_expression: str | None = None
    expression_attribute_names: dict[str, str] = {}
    expression_attribute_values: dict[str, Any] = {}
    return_values_on_condition_check_failure: OnFailure = "NONE"


class PutItem(_Conditional, frozen=True, kw_only=True):
    """Write a whole item."""

    item: RawItem
    return_values: Literal["NONE", "ALL_OLD"] = "NONE"


class UpdateItem(_Conditional, frozen=True, kw_only=True):
    """Write some attributes of an item, which is made if it is not there."""

    key: RawItem
    update_expression: str | None = None
    return_values: Literal["NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"] = "NONE"


class DeleteItem(_Conditional, frozen=True, kw_only=True):
    """Delete an item."""

    key: RawItem
    return_values: Literal["NONE", "ALL_OLD"] = "NONE"


class GetItem(OfTable, frozen=True, kw_only=True):
    """Read an item."""

    key: RawItem
    consistent_read: bool = False


class Scan(OfTable, frozen=True, kw_only=True):
    """Read all items, in pages."""

    limit: Annotated[int, Meta(ge=1)] | None = None
    exclusive_start_key: RawItem | None = None
    consistent_read: bool = False
