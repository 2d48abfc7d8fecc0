"""Which paths a mapping names for which field, for advice about fields that are absent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker.core.operations.put_events import PUT_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.core.model.records import Interaction

# Members of a field's mapping that hold no path.
_NO_PATHS: Final = frozenset(
    {
        "value",
        "unit",
        "pattern",
        "absent",
        "values",
        "otherwise",
        "decimal",
        "too_long",
        "split",
        "separator",
        "jmespath",
    }
)


def mapped_paths(mapping: Mapping[str, object]) -> dict[str, list[str]]:
    """Return the paths of each field that the mapping names."""
    names = {field.name for field in PUT_EVENTS.fields}
    return {field: list(_paths(source)) for field, source in mapping.items() if field in names}


def absent_fields(interaction: Interaction) -> set[str]:
    """Return the fields that an event has nothing of."""
    event: dict[str, Any] = msgspec.json.decode(interaction.event)
    present = {name for name, value in event.items() if value is not None}
    present |= {"sessionId"} | ({"userId"} if interaction.user_id is not None else set())
    return {field.name for field in PUT_EVENTS.fields if field.api_name.partition(".")[0] not in present}


def _paths(source: object) -> Iterator[str]:
    match source:
        case str():
            yield source
        case list() | tuple():
            for each in source:
                yield from _paths(each)
        case dict():
            for name, each in source.items():
                if name not in _NO_PATHS:
                    yield from _paths(each)
        case _:
            pass
