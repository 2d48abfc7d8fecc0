"""Which topics an entry of ``kafka.topics`` takes in: a name, or a pattern that starts with ``^``.

Three would read a pattern, each in its way: librdkafka with the C library (POSIX, found within the name), a
KIP-848 group's broker (RE2J, the whole name), and this program. So it is read here, and written anew for the
other two: as whole names, in what both understand, without Kafka's own topics.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from worker.core.topics.parsing import PatternError, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PatternError", "is_pattern", "matches_topic", "parse", "subscription"]

_parsed = lru_cache(maxsize=256)(parse)


def is_pattern(topic: str) -> bool:
    """Whether an entry is a pattern; no name starts so."""
    return topic.startswith("^")


def matches_topic(topic: str, name: str) -> bool:
    """Whether an entry, a name or a pattern, takes in the topic of that name.

    Raises:
        PatternError: the pattern can't be used.
    """
    return _parsed(topic).matches(name) if is_pattern(topic) else topic == name


def subscription(topics: Iterable[str]) -> list[str]:
    """What Kafka's clients are told, so that they take in the same; each once, since librdkafka wants it so.

    Raises:
        PatternError: a pattern can't be used.
    """
    return list(dict.fromkeys(_parsed(each).text if is_pattern(each) else each for each in topics))
