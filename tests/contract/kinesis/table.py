"""A table of a statement's own, and writing to it as the lease protocol does."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from botocore.exceptions import ClientError

from tests.contract.kinesis.stand import Stand, until

KEY: Final = "leaseKey"
ABSENT: Final = f"attribute_not_exists({KEY})"


class TableStand(Stand):
    """A table with the key of a lease table."""

    async def open(self) -> None:
        """Create it, and wait until it is there."""
        await self.create(self.name)

        async def is_active() -> bool:
            answer = await self.call("describe_table", TableName=self.name)
            return bool(answer["Table"]["TableStatus"] == "ACTIVE")

        await until(is_active, f"{self.name} being active")

    async def create(self, name: str) -> None:
        """Create a table, which takes a while."""
        await self.call("create_table", **self.new(name))

    def new(self, name: str) -> dict[str, Any]:
        """What a table is made of."""
        return {
            "TableName": name,
            "KeySchema": [{"AttributeName": KEY, "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": KEY, "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }

    async def close(self) -> None:
        """Delete it, if it is there."""
        with suppress(ClientError):
            await self.call("delete_table", TableName=self.name)

    async def put(self, key: str = "a", **attributes: Any) -> None:
        """Write a whole row, whatever is there."""
        await self.call("put_item", TableName=self.name, Item={KEY: {"S": key}, **attributes})

    async def make(self, key: str = "a", **attributes: Any) -> None:
        """Write a row that is not there."""
        item = {KEY: {"S": key}, **attributes}
        await self.call("put_item", TableName=self.name, Item=item, ConditionExpression=ABSENT)

    def update(
        self, update: str, condition: str | None = None, key: str = "a", **values: Any
    ) -> dict[str, Any]:
        """The members of an UpdateItem."""
        members = {
            "TableName": self.name,
            "Key": {KEY: {"S": key}},
            "UpdateExpression": update,
            "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
        }
        if not values:
            del members["ExpressionAttributeValues"]
        return members if condition is None else {**members, "ConditionExpression": condition}

    async def row(self, key: str = "a") -> dict[str, Any] | None:
        """A row as it is, without its key; None if there is none."""
        answer = await self.call("get_item", TableName=self.name, Key={KEY: {"S": key}}, ConsistentRead=True)
        item = answer.get("Item")
        return None if item is None else {name: value for name, value in item.items() if name != KEY}
