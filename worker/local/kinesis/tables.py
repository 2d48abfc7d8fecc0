"""Tables of items with a key of one text, and what a conditional write does to them."""

from __future__ import annotations

import uuid
from hashlib import md5
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from worker.local.kinesis.failures import AwsError, in_use, not_found, validation
from worker.local.kinesis.values import MAX_ITEM_BYTES, item_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.local.kinesis.behaviour import Behaviour
    from worker.local.kinesis.expressions import Condition, Update
    from worker.local.kinesis.streams import Clock
    from worker.local.kinesis.values import Item

Status: TypeAlias = Literal["CREATING", "ACTIVE", "DELETING"]


class Changed(Struct, frozen=True):
    """An item before and after a write; None: it was not there, or is not any more."""

    before: Item | None
    after: Item | None


class ConditionFailed(Struct, frozen=True):
    """The condition did not hold for the item as it is."""

    found: Item | None


class Table:
    """A table. Its methods may be called in the process, too; what AWS refuses raises ``AwsError``.

    Args:
        name: its name.
        key: the name of the attribute that is the key.
        clock: what time it is.
        behaviour: how long things take.
    """

    def __init__(self, name: str, key: str, clock: Clock, behaviour: Behaviour) -> None:
        self.name = name
        self.key = key
        self.id = str(uuid.uuid4())
        self.created_at = clock()
        self.deleted_at: float | None = None
        self._active_at = self.created_at + behaviour.create_seconds
        self._clock = clock
        self._items: dict[str, Item] = {}
        self._before: dict[str, Item | None] = {}

    @property
    def status(self) -> Status:
        """What the table is doing."""
        if self.deleted_at is not None:
            return "DELETING"
        return "ACTIVE" if self._clock() >= self._active_at else "CREATING"

    def __len__(self) -> int:
        """How many items it holds."""
        return len(self._items)

    def items(self) -> dict[str, Item]:
        """Return all items as they are now, by key."""
        return {key: dict(item) for key, item in self._items.items()}

    def key_of(self, item: Item, *, alone: bool = False) -> str:
        """Return the key of an item; ``alone``: it must have nothing else."""
        value = item.get(self.key)
        if value is None or (alone and len(item) > 1):
            raise validation("The provided key element does not match the schema")
        key = value.get("S")
        if key is None:
            raise validation(
                f"One or more parameter values were invalid: Type mismatch for key {self.key} expected: S"
            )
        if not key:
            raise validation(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
                f"contain an empty string value. Key: {self.key}"
            )
        return str(key)

    def get(self, key: str, *, stale: bool = False) -> Item | None:
        """Return an item; ``stale``: as it was before its last change."""
        self._must_be_there()
        return self._before.get(key) if stale and key in self._before else self._items.get(key)

    def put(self, item: Item, condition: Condition | None = None) -> Changed | ConditionFailed:
        """Write a whole item."""
        return self._change(self.key_of(item), item, condition)

    def update(
        self, key: str, update: Update, condition: Condition | None = None
    ) -> Changed | ConditionFailed:
        """Write some attributes of an item."""
        if self.key in update.puts or self.key in update.removes:
            raise validation(
                f"One or more parameter values were invalid: Cannot update attribute {self.key}. This "
                "attribute is part of the key"
            )
        before = self._items.get(key) or {self.key: {"S": key}}
        after = {name: value for name, value in before.items() if name not in update.removes} | update.puts
        if item_bytes(after) > MAX_ITEM_BYTES:
            raise validation("Item size to update has exceeded the maximum allowed size")
        return self._change(key, after, condition)

    def delete(self, key: str, condition: Condition | None = None) -> Changed | ConditionFailed:
        """Delete an item; that there is one is not asked."""
        return self._change(key, None, condition)

    def scan(self, after: str | None = None, *, stale: bool = False) -> Iterator[tuple[str, Item]]:
        """Return the items behind a key, in an order of their own."""
        self._must_be_there()
        beginning = "" if after is None else _place(after)
        for key in sorted({*self._items, *self._before} if stale else self._items, key=_place):
            item = self.get(key, stale=stale)
            if _place(key) > beginning and item is not None:
                yield key, item

    def _change(self, key: str, after: Item | None, condition: Condition | None) -> Changed | ConditionFailed:
        self._must_be_there()
        before = self._items.get(key)
        if condition is not None and not condition(before or {}):
            return ConditionFailed(before)
        self._before[key] = before
        if after is None:
            self._items.pop(key, None)
        else:
            self._items[key] = after
        return Changed(before, after)

    def _must_be_there(self) -> None:
        if self.status != "ACTIVE":
            raise not_found("Requested resource not found")


def _place(key: str) -> str:
    """Order keys as a hash does: not as they are."""
    return md5(key.encode(errors="replace"), usedforsecurity=False).hexdigest() + key


class Tables:
    """The tables there are."""

    def __init__(self, clock: Clock, behaviour: Behaviour) -> None:
        self._clock = clock
        self._behaviour = behaviour
        self._tables: dict[str, Table] = {}

    def __getitem__(self, name: str) -> Table:
        """Return a table by its name."""
        self._settle()
        if name not in self._tables:
            raise not_found(f"Requested resource not found: Table: {name} not found")
        return self._tables[name]

    def create(self, name: str, key: str) -> Table:
        """Create a table."""
        self._settle()
        if name in self._tables:
            raise in_use(f"Table already exists: {name}")
        table = self._tables[name] = Table(name, key, self._clock, self._behaviour)
        return table

    def delete(self, name: str) -> Table:
        """Begin to delete a table."""
        table = self[name]
        if table.status != "ACTIVE":
            raise in_use(f"Attempt to change a resource which is still in use: Table is being {table.status}")
        table.deleted_at = self._clock()
        return table

    def names(self) -> list[str]:
        """The names of all tables."""
        self._settle()
        return list(self._tables)

    def _settle(self) -> None:
        gone = self._clock() - self._behaviour.delete_seconds
        over = [
            each.name
            for each in self._tables.values()
            if each.deleted_at is not None and each.deleted_at <= gone
        ]
        for name in over:
            del self._tables[name]


def condition_failed(found: Item | None) -> AwsError:
    """What is said of a condition that does not hold; with the item, if it is to be told."""
    members = {} if found is None else {"Item": found}
    return AwsError("ConditionalCheckFailedException", "The conditional request failed", **members)
