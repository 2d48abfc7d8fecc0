"""Topic entries of ``kafka.topics``: each is a name, or a pattern that starts with ``^``.

Three programs would read a pattern, each in its own way: librdkafka with the C library (POSIX, searching
within the name), a KIP-848 group's broker (RE2J, the whole name), and this one. So the pattern is parsed
here, and rewritten for the other two: for whole names, in a syntax that both understand, and without Kafka's
own topics.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.core.topics.expression import Expression


def is_pattern(topic: str) -> bool:
    """Whether an entry is a pattern; no name starts with ``^``."""
    return topic.startswith("^")


@lru_cache(maxsize=256)
def _parsed(topic: str) -> Expression:
    from worker.core.topics.parsing import parse  # noqa: PLC0415  most workers name their topics

    return parse(topic)


def matches_topic(topic: str, name: str) -> bool:
    """Whether an entry, a name or a pattern, matches the topic of that name.

    Raises:
        PatternError: the pattern can't be used.
    """
    return _parsed(topic).matches(name) if is_pattern(topic) else topic == name


def subscription(topics: Iterable[str]) -> list[str]:
    """Return the subscription for Kafka's clients, which matches the same topics.

    Each entry is there once, because librdkafka requires that.

    Raises:
        PatternError: a pattern can't be used.
    """
    return list(dict.fromkeys(_parsed(each).text if is_pattern(each) else each for each in topics))
