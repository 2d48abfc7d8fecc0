"""What DynamoDB answers: each call a method, from its request to the members of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from worker.local.kinesis import expressions
from worker.local.kinesis.failures import validation
from worker.local.kinesis.tables import Changed, ConditionFailed, condition_failed
from worker.local.kinesis.values import checked_item, checked_value, item_bytes

if TYPE_CHECKING:
    from worker.local.kinesis import table_shapes as shapes
    from worker.local.kinesis.behaviour import Behaviour
    from worker.local.kinesis.faults import Fate
    from worker.local.kinesis.tables import Table, Tables
    from worker.local.kinesis.values import Item

Answer: TypeAlias = dict[str, Any]
"""The members of an answer."""
Write: TypeAlias = "shapes.PutItem | shapes.UpdateItem | shapes.DeleteItem"

ARN: Final = "arn:aws:dynamodb:local:000000000000:table/"


class TableCalls:
    """The calls of DynamoDB, on these tables."""

    def __init__(self, tables: Tables, behaviour: Behaviour) -> None:
        self._tables = tables
        self._behaviour = behaviour

    def create_table(self, request: shapes.CreateTable, _: Fate) -> Answer:
        """With a key of one text."""
        (key,), (definition,) = request.key_schema, request.attribute_definitions
        if key.attribute_name != definition.attribute_name:
            raise validation(
                "One or more parameter values were invalid: Some index key attributes are not defined"
            )
        is_provisioned = request.billing_mode == "PROVISIONED"
        if is_provisioned != (request.provisioned_throughput is not None):
            raise validation(
                "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must be "
                f"specified when BillingMode is PROVISIONED, and only then; it is {request.billing_mode}"
            )
        table = self._tables.create(request.table_name, key.attribute_name)
        return {"TableDescription": _description(table)}

    def describe_table(self, request: shapes.DescribeTable, _: Fate) -> Answer:
        """Also while it is being created or deleted."""
        return {"Table": _description(self._tables[request.table_name])}

    def delete_table(self, request: shapes.DeleteTable, _: Fate) -> Answer:
        """With all items."""
        return {"TableDescription": _description(self._tables.delete(request.table_name))}

    def put_item(self, request: shapes.PutItem, _: Fate) -> Answer:
        """A whole item: what was there before is gone."""
        item = checked_item(request.item)
        placeholders = _placeholders(request)
        condition = _condition(request, placeholders)
        placeholders.must_be_used()
        changed = self._done(request, self._tables[request.table_name].put(item, condition))
        return _attributes(changed.before if request.return_values == "ALL_OLD" else None)

    def update_item(self, request: shapes.UpdateItem, _: Fate) -> Answer:
        """Some attributes: the others stay as they are."""
        key = checked_item(request.key)
        placeholders = _placeholders(request)
        update = expressions.Update({}, ())
        if request.update_expression is not None:
            update = expressions.update(request.update_expression, placeholders)
        condition = _condition(request, placeholders)
        placeholders.must_be_used()
        table = self._tables[request.table_name]
        changed = self._done(request, table.update(table.key_of(key, alone=True), update, condition))
        return _attributes(_returned(request.return_values, changed, {*update.puts, *update.removes}))

    def delete_item(self, request: shapes.DeleteItem, _: Fate) -> Answer:
        """That it is there is not asked."""
        key = checked_item(request.key)
        placeholders = _placeholders(request)
        condition = _condition(request, placeholders)
        placeholders.must_be_used()
        table = self._tables[request.table_name]
        changed = self._done(request, table.delete(table.key_of(key, alone=True), condition))
        return _attributes(changed.before if request.return_values == "ALL_OLD" else None)

    def get_item(self, request: shapes.GetItem, _: Fate) -> Answer:
        """Nothing, where there is none."""
        table = self._tables[request.table_name]
        key = table.key_of(checked_item(request.key), alone=True)
        item = table.get(key, stale=self._is_stale(request))
        return {} if item is None else {"Item": item}

    def scan(self, request: shapes.Scan, _: Fate) -> Answer:
        """In pages of so many items, and of so many bytes."""
        table = self._tables[request.table_name]
        after = None
        if request.exclusive_start_key is not None:
            after = table.key_of(checked_item(request.exclusive_start_key), alone=True)
        items: list[Item] = []
        size, last = 0, None
        for key, item in table.scan(after, stale=self._is_stale(request)):
            if len(items) == request.limit or size >= self._behaviour.scan_page_bytes:
                break
            items.append(item)
            size += item_bytes(item)
            last = key
        else:
            # As with AWS a page that is full is not known to be the last one.
            last = last if len(items) == request.limit else None
        answer: Answer = {"Items": items, "Count": len(items), "ScannedCount": len(items)}
        return answer if last is None else answer | {"LastEvaluatedKey": {table.key: {"S": last}}}

    def _is_stale(self, request: shapes.GetItem | shapes.Scan) -> bool:
        return self._behaviour.stale_reads and not request.consistent_read

    def _done(self, request: Write, outcome: Changed | ConditionFailed) -> Changed:
        if isinstance(outcome, Changed):
            return outcome
        is_told = request.return_values_on_condition_check_failure == "ALL_OLD" and self._behaviour.tells_item
        raise condition_failed(outcome.found if is_told else None)


def _placeholders(request: Write) -> expressions.Placeholders:
    values = {name: checked_value(raw) for name, raw in request.expression_attribute_values.items()}
    return expressions.Placeholders(request.expression_attribute_names, values)


def _condition(request: Write, placeholders: expressions.Placeholders) -> expressions.Condition | None:
    text = request.condition_expression
    return None if text is None else expressions.condition(text, placeholders)


def _returned(wanted: str, changed: Changed, names: set[str]) -> Item | None:
    item = changed.before if wanted.endswith("OLD") else changed.after
    if wanted == "NONE" or item is None:
        return None
    return item if wanted.startswith("ALL") else {name: item[name] for name in item if name in names}


def _attributes(item: Item | None) -> Answer:
    return {"Attributes": item} if item else {}


def _description(table: Table) -> Answer:
    return {
        "TableName": table.name,
        "TableStatus": table.status,
        "TableArn": f"{ARN}{table.name}",
        "TableId": table.id,
        "CreationDateTime": table.created_at,
        "KeySchema": [{"AttributeName": table.key, "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": table.key, "AttributeType": "S"}],
        "ItemCount": len(table),
        "TableSizeBytes": sum(map(item_bytes, table.items().values())),
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
    }
