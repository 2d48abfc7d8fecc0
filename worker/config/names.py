"""The known keys, their types, and the closest match for a wrong name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from msgspec.structs import FieldInfo, fields

from worker.settings import Section, Settings
from worker.sources.kafka.properties import ALL as CLIENT_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Keys whose entries have names of their own: those of librdkafka, and the fields of an interaction.
OPEN_KEYS: Final = frozenset({"kafka.client", "record.mapping"})


# The keys that belong to no section are kept under this name.
TOP: Final = ""


@cache
def sections() -> Mapping[str, Mapping[str, FieldInfo]]:
    """Return each section's keys and their types, those that belong to no section first."""
    tree = fields(Settings)
    top = {TOP: {each.name: each for each in tree if not _is_section(each)}}
    return top | {
        each.name: {key.name: key for key in fields(each.type)} for each in tree if _is_section(each)
    }


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.type, type) and issubclass(field.type, Section)


def dotted(section: str, key: str) -> str:
    """Return the name of a key as people write it."""
    return f"{section}.{key}" if section else key


def known_keys() -> tuple[str, ...]:
    """Return all dotted keys in the order of the tree."""
    return tuple(dotted(section, key) for section, keys in sections().items() for key in keys)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of ``names`` that was most likely meant, if one is close."""
    from difflib import get_close_matches  # noqa: PLC0415  only a mistake needs it

    return next(iter(get_close_matches(name, tuple(names), n=1, cutoff=0.6)), None)


def nearest_key(name: str) -> str | None:
    """Return the known key that was most likely meant: in the same section, else the same word in another."""
    for client_key in (name, name.partition(".")[2]):
        if client_key in CLIENT_KEYS:
            return f"kafka.client.{client_key}"
    section, _, word = name.rpartition(".")
    if in_section := nearest(word, sections().get(section, ())):
        return dotted(section, in_section)
    same_word = (key for key in known_keys() if key.rpartition(".")[2] == word)
    return next(same_word, None) or nearest(name, known_keys())


def did_you_mean(name: str | None) -> str:
    """Return the end of a sentence that suggests the name."""
    return f"; did you mean {name}?" if name else ""
