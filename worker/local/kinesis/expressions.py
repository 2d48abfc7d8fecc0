"""DynamoDB's expressions, as far as the lease protocol uses them. Anything else is refused by name.

    condition:  attribute_exists(a)  attribute_not_exists(a)  x = y  AND  OR  ( )
    update:     SET a = :v, ...      REMOVE a, ...

An attribute is named as it is or by a placeholder ``#name``; a value is a placeholder ``:name``. As with AWS
each placeholder has to be used, and each that is used has to be given.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from worker.local.kinesis.failures import validation
from worker.local.kinesis.values import are_equal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.local.kinesis.values import Item, Value

MAX_LENGTH: Final = 4096
MAX_DEPTH: Final = 50
_TOKEN: Final = re.compile(r"\s*(?:(?P<word>[#:]?[A-Za-z0-9_]+)|(?P<sign>[=(),]))")
_KEYWORDS: Final = frozenset({"AND", "OR", "NOT", "IN", "BETWEEN", "SET", "REMOVE", "ADD", "DELETE"})

Condition: TypeAlias = "Callable[[Item], bool]"
"""Whether it holds for an item; one that is not there has no attributes."""


class Update(Struct, frozen=True):
    """What becomes of an item."""

    puts: dict[str, Value]
    removes: tuple[str, ...]


class Placeholders:
    """The names and values that a request gives for its expressions."""

    def __init__(self, names: Mapping[str, str], values: Mapping[str, Value]) -> None:
        self._names = names
        self._values = values
        self._unused = {*names, *values}
        for each in self._unused:
            if re.fullmatch(r"[#:][A-Za-z0-9_]+", each) is None:
                raise validation("ExpressionAttributeNames or Values contains an invalid key")

    def attribute(self, word: str) -> str:
        """Return the attribute that a word names."""
        if word.startswith("#"):
            self._unused.discard(word)
            if word not in self._names:
                raise validation(
                    "An expression attribute name used in the document path is not defined; attribute name: "
                    f"{word}"
                )
            return self._names[word]
        if word.startswith(":") or word[0].isdigit() or word.upper() in _KEYWORDS:
            raise validation(f'Invalid expression: Syntax error; token: "{word}"')
        return word

    def value(self, word: str) -> Value:
        """Return the value that a word stands for."""
        self._unused.discard(word)
        if word not in self._values:
            raise validation(
                f"An expression attribute value used in expression is not defined; attribute value: {word}"
            )
        return self._values[word]

    def must_be_used(self) -> None:
        """Refuse what no expression has used."""
        if self._unused:
            raise validation(
                f"Value provided in ExpressionAttributeNames or Values unused in expressions: "
                f"keys: {{{', '.join(sorted(self._unused))}}}"
            )


class _Words:
    """The words of an expression, one after the other."""

    def __init__(self, kind: str, text: str) -> None:
        self._kind = kind
        if not text.strip():
            raise validation(f"Invalid {kind}: The expression can not be empty;")
        if len(text) > MAX_LENGTH:
            raise validation(f"Invalid {kind}: Expression size has exceeded the maximum allowed size")
        self._words = self._split(text.rstrip())
        self._place = 0

    def _split(self, text: str) -> list[str]:
        words, place = [], 0
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise self.mistake(text[place : place + 10])
            words.append(found["word"] or found["sign"])
            place = found.end()
        return words

    def mistake(self, near: str | None = None) -> Exception:
        """What is said of a word that is not understood."""
        return validation(f'Invalid {self._kind}: Syntax error; token: "{near or self.next_word or "<EOF>"}"')

    @property
    def next_word(self) -> str:
        """The next word, in capitals if it is a keyword; empty at the end."""
        word = self._words[self._place] if self._place < len(self._words) else ""
        return word.upper() if word.upper() in _KEYWORDS else word

    def take(self) -> str:
        """Go on to the next word, and return this one."""
        word = self.next_word
        if not word:
            raise self.mistake()
        self._place += 1
        return word

    def took(self, word: str) -> bool:
        """Whether this was the next word; if so, go on."""
        if self.next_word != word:
            return False
        self._place += 1
        return True

    def must(self, word: str) -> None:
        """Go on over this word, or refuse."""
        if not self.took(word):
            raise self.mistake()


def condition(text: str, placeholders: Placeholders) -> Condition:
    """Read a condition; raise ``AwsError`` if it is none that is known."""
    words = _Words("ConditionExpression", text)
    holds = _either(words, placeholders, 0)
    if words.next_word:
        raise words.mistake()
    return holds


def _either(words: _Words, placeholders: Placeholders, depth: int) -> Condition:
    parts = [_both(words, placeholders, depth)]
    while words.took("OR"):
        parts.append(_both(words, placeholders, depth))
    return lambda item: any(part(item) for part in parts)


def _both(words: _Words, placeholders: Placeholders, depth: int) -> Condition:
    parts = [_single(words, placeholders, depth)]
    while words.took("AND"):
        parts.append(_single(words, placeholders, depth))
    return lambda item: all(part(item) for part in parts)


def _single(words: _Words, placeholders: Placeholders, depth: int) -> Condition:
    if depth > MAX_DEPTH:
        raise validation("Invalid ConditionExpression: The expression is nested too deeply")
    if words.took("("):
        inner = _either(words, placeholders, depth + 1)
        words.must(")")
        return inner
    for function, wanted in (("attribute_exists", True), ("attribute_not_exists", False)):
        if words.took(function):
            return _existence(words, placeholders, wanted=wanted)
    return _comparison(words, placeholders)


def _existence(words: _Words, placeholders: Placeholders, *, wanted: bool) -> Condition:
    words.must("(")
    name = placeholders.attribute(words.take())
    words.must(")")
    return lambda item: (name in item) is wanted


def _comparison(words: _Words, placeholders: Placeholders) -> Condition:
    left = _operand(words, placeholders)
    words.must("=")
    right = _operand(words, placeholders)

    def are_same(item: Item) -> bool:
        one, other = left(item), right(item)
        return one is not None and other is not None and are_equal(one, other)

    return are_same


def _operand(words: _Words, placeholders: Placeholders) -> Callable[[Item], Value | None]:
    word = words.take()
    if word.startswith(":"):
        value = placeholders.value(word)
        return lambda _: value
    name = placeholders.attribute(word)
    return lambda item: item.get(name)


def update(text: str, placeholders: Placeholders) -> Update:
    """Read an update; raise ``AwsError`` if it is none that is known."""
    words = _Words("UpdateExpression", text)
    puts: dict[str, Value] = {}
    removes: list[str] = []
    sections: set[str] = set()
    while section := words.next_word:
        if section not in {"SET", "REMOVE"}:
            raise words.mistake()
        if section in sections:
            raise validation(
                f'Invalid UpdateExpression: The "{section}" section can only be used once in an update '
                "expression;"
            )
        sections.add(words.take())
        while True:
            name = placeholders.attribute(words.take())
            if name in puts or name in removes:
                raise validation("Invalid UpdateExpression: Two document paths overlap with each other")
            if section == "REMOVE":
                removes.append(name)
            else:
                words.must("=")
                puts[name] = placeholders.value(words.take())
            if not words.took(","):
                break
    return Update(puts, tuple(removes))
