"""Regular expressions over topic names: what they match, and how they are written.

Matching follows all alternatives through the expression at once (Antimirov's partial derivatives), so no
pattern and no name makes it slow. Each step is cached, because the topics of a cluster are searched again and
again.
"""

from __future__ import annotations

from string import ascii_letters, digits
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

# Kafka's own rule for names (org.apache.kafka.common.internals.Topic).
LETTERS: Final = frozenset(ascii_letters + digits + "._-")
_MARK: Final = "_"
_MAX_STEPS: Final = 10_000


class One(Struct, frozen=True):
    """One of these characters."""

    of: frozenset[str]


class Sequence(Struct, frozen=True):
    """One part after the other; without parts, the empty text."""

    parts: tuple[Node, ...]


class Choice(Struct, frozen=True):
    """Any of these options."""

    options: tuple[Node, ...]


class Repeat(Struct, frozen=True):
    """An item repeated this many times; ``most`` is None for no upper bound."""

    item: Node
    least: int
    most: int | None


Node: TypeAlias = One | Sequence | Choice | Repeat

NOTHING: Final = Sequence(())
ANY: Final = One(LETTERS)
WHATEVER: Final = Repeat(ANY, 0, None)


class Expression:
    """An expression that matches whole names.

    Args:
        node: what a whole name has to match.
    """

    def __init__(self, node: Node) -> None:
        self.text = f"^({_written(node)})$"
        self._start = frozenset({node})
        self._steps: dict[tuple[frozenset[Node], str], frozenset[Node]] = {}

    def matches(self, name: str) -> bool:
        """Whether it matches all of the name."""
        left = self._start
        for letter in name:
            if not left:
                return False
            known = self._steps.get((left, letter))
            left = self._step(left, letter) if known is None else known
        return any(map(_may_be_empty, left))

    def _step(self, left: frozenset[Node], letter: str) -> frozenset[Node]:
        if len(self._steps) >= _MAX_STEPS:
            self._steps.clear()
        after = frozenset(rest for node in left for letters, rest in _heads(node) if letter in letters)
        self._steps[left, letter] = after
        return after


def size(node: Node) -> int:
    """Count the characters with every repetition written out."""
    match node:
        case One():
            return 1
        case Sequence(parts) | Choice(parts):
            return sum(map(size, parts))
        case Repeat(item, least, most):
            return size(item) * max(least, most or 0, 1)


def without_internal(node: Node) -> Node | None:
    """Exclude names that begin with two underscores, Kafka's own; None if no name is left."""
    if isinstance(node, Choice):
        options = [kept for each in node.options if (kept := without_internal(each)) is not None]
        return _choice(options) if options else None
    if not any(_MARK in letters for rest in _after(node, _MARK) for letters, _ in _heads(rest)):
        return node
    options = list(_not_marked(node))
    for rest in _after(node, _MARK):
        second = list(_not_marked(rest))
        if _may_be_empty(rest):
            options.append(_then(One(frozenset(_MARK)), Repeat(_choice(second), 0, 1) if second else NOTHING))
        elif second:
            options.append(_then(One(frozenset(_MARK)), _choice(second)))
    return _choice(options) if options else None


def _not_marked(node: Node) -> Iterator[Node]:
    """Iterate over what the node matches that is not empty and does not begin with an underscore."""
    return (_then(One(kept), rest) for letters, rest in _heads(node) if (kept := letters - {_MARK}))


def _after(node: Node, letter: str) -> Iterator[Node]:
    """Iterate over what may follow this first character."""
    return (rest for letters, rest in _heads(node) if letter in letters)


def _heads(node: Node) -> Iterator[tuple[frozenset[str], Node]]:
    """Iterate over what it may begin with, each with what has to follow."""
    match node:
        case One(letters):
            yield letters, NOTHING
        case Choice(options):
            for each in options:
                yield from _heads(each)
        case Repeat(item, least, most):
            once_less = _repeat(item, max(least - 1, 0), None if most is None else most - 1)
            for letters, rest in _heads(item):
                yield letters, _then(rest, once_less)
        case Sequence(parts):
            for index, part in enumerate(parts):
                for letters, rest in _heads(part):
                    yield letters, _then(rest, *parts[index + 1 :])
                if not _may_be_empty(part):
                    return


def _may_be_empty(node: Node) -> bool:
    match node:
        case One():
            return False
        case Sequence(parts):
            return all(map(_may_be_empty, parts))
        case Choice(options):
            return any(map(_may_be_empty, options))
        case Repeat(item, least, _):
            return least == 0 or _may_be_empty(item)


def _then(*parts: Node) -> Node:
    flat = [each for part in parts for each in (part.parts if isinstance(part, Sequence) else (part,))]
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def _choice(options: list[Node]) -> Node:
    return options[0] if len(options) == 1 else Choice(tuple(options))


def _repeat(item: Node, least: int, most: int | None) -> Node:
    return NOTHING if most == 0 else Repeat(item, least, most)


def _written(node: Node) -> str:
    """Write the node so that POSIX and RE2J read it alike."""
    match node:
        case One(letters):
            return _class(letters)
        case Sequence(parts):
            return "".join(
                f"({_written(each)})" if isinstance(each, Choice) else _written(each) for each in parts
            )
        case Choice(options):
            return "|".join(map(_written, options))
        case Repeat(item, least, most):
            inner = _written(item) if isinstance(item, One) else f"({_written(item)})"
            return inner + _times(least, most)


def _times(least: int, most: int | None) -> str:
    short = {(0, None): "*", (1, None): "+", (0, 1): "?", (1, 1): ""}
    if (least, most) in short:
        return short[least, most]
    return f"{{{least}}}" if least == most else f"{{{least},{'' if most is None else most}}}"


def _class(letters: frozenset[str]) -> str:
    if letters == LETTERS:
        return "."
    if len(letters) == 1:
        return next(iter(letters)).replace(".", "[.]")
    # A hyphen stands for itself only at the end.
    plain = sorted(letters - {"-"})
    return f"[{''.join(_ranges(plain))}{'-' if '-' in letters else ''}]"


def _ranges(letters: list[str]) -> Iterator[str]:
    begin = 0
    for end in range(1, len(letters) + 1):
        if end == len(letters) or ord(letters[end]) != ord(letters[end - 1]) + 1:
            run = letters[begin:end]
            yield f"{run[0]}-{run[-1]}" if len(run) > 2 else "".join(run)  # noqa: PLR2004  shorter as it is
            begin = end
