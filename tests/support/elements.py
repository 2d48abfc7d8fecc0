"""Records that hold several events, and the real mapping for them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from worker.core.mapping import compile_mapping
from worker.core.model.records import Element

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.core.model.records import Record
    from worker.ports import Map

FIELDS: Final = {
    "each": "e",
    "session_id": "$each.s",
    "user_id": "$each.u",
    "event_id": "$each.n",
    "event_type": {"value": "view"},
    "sent_at": "$timestamp",
    "drop": [{"name": "skip", "path": "$each.k", "equals": "skip"}],
}
"""The mapping of ``value_of``'s records."""


@cache
def mapping_of_elements() -> Map:
    """The mapping of ``value_of``'s records, compiled once a process."""
    return compile_mapping(FIELDS)


def value_of(elements: Iterable[str]) -> str:
    """A record's value that holds these events, each made by one of the functions below."""
    return f'{{"e":[{",".join(elements)}]}}'


def good(session: str, user: str, name: str) -> str:
    """An event whose id is its name; without a user it is anonymous."""
    return f'{{"s":"{session}","u":"{user}","n":"{name}"}}'


def skipped() -> str:
    """One that the mapping leaves out by its rule ``skip``."""
    return '{"k":"skip"}'


def unmappable(name: str) -> str:
    """One without a session, which the mapping calls ``missing``."""
    return f'{{"n":"{name}"}}'


def element(record: Record, index: int, of: int) -> Element:
    """One of the elements of a record."""
    return Element(
        record.assignment,
        record.offset,
        record.timestamp_ms,
        record.key,
        record.value,
        record.headers,
        record.received_at,
        index=index,
        of=of,
    )
