"""What the words of other tools are called here, for mistakes that no spelling explains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_SAID: Final[Mapping[str, tuple[str, ...]]] = {
    # Fields.
    "event_type": ("type", "event", "eventname", "action", "kind"),
    "sent_at": ("timestamp", "time", "ts", "date", "eventtime", "when"),
    "session_id": ("session",),
    "user_id": ("user", "customer", "customerid", "memberid", "accountid"),
    "item_id": ("item", "product", "productid", "sku", "articleid", "contentid"),
    "event_id": ("id", "messageid", "dedupid"),
    "event_value": ("value", "price", "amount", "rating", "score"),
    "properties": ("props", "attributes", "metadata"),
    # Directives.
    "each": ("foreach", "forall", "explode", "flatten"),
    "keep": ("filter", "filters", "where", "include", "only", "if"),
    "drop": ("exclude", "ignore", "skip", "reject", "unless"),
    "unwrap": ("root", "envelope", "base"),
    # Words of a field.
    "path": ("field", "source", "from", "jsonpath", "pointer"),
    "pattern": ("format", "dateformat", "timeformat", "strptime"),
    "values": ("map", "lookup", "enum", "translate", "replace"),
    "otherwise": ("default", "else", "fallback"),
    "absent": ("nulls", "missing"),
    "join": ("concat", "template"),
    # Units.
    "seconds": ("s", "sec", "epoch", "unix"),
    "milliseconds": ("ms", "millis", "msec", "epochmillis"),
    "microseconds": ("us", "micros"),
    "nanoseconds": ("ns", "nanos"),
    "iso8601": ("iso", "isodate", "rfc", "datetime"),
    # Operators.
    "equals": ("eq", "is", "=", "=="),
    "not_equals": ("ne", "neq", "isnot", "not", "!="),
    "not_in": ("nin",),
    "above": ("gt", ">", "greaterthan"),
    "below": ("lt", "<", "lessthan"),
    "at_least": ("gte", "ge", ">=", "min"),
    "at_most": ("lte", "le", "<=", "max"),
    "starts_with": ("prefix", "startswith"),
    "contains": ("like", "regex", "matches"),
}


def meant_by(word: object, known: Collection[str]) -> str | None:
    """Return which of the known words somebody means who comes from another tool."""
    text = str(word).lower()
    squashed = "".join(each for each in text if each.isalpha()) or text
    return next((own for own, others in _SAID.items() if own in known and squashed in others), None)
