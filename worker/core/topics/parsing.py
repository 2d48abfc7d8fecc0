"""Parses patterns, as far as POSIX, RE2J and people read them alike; anything else is refused.

``^a`` is a prefix and ``^a$`` a whole name, as in librdkafka. A ``|`` outside a group separates such
patterns.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from worker.core.topics.expression import (
    ANY,
    LETTERS,
    NOTHING,
    WHATEVER,
    Choice,
    Expression,
    Node,
    One,
    Repeat,
    Sequence,
    size,
    without_internal,
)

MAX_CHARACTERS: Final = 1000
# RE2's own limit is 1,000 repetitions; no name is longer than 249.
_MAX_SIZE: Final = 1000
_MAX_TIMES: Final = 249
_MAX_DEPTH: Final = 50
# The longest pattern that librdkafka and the broker are given.
_MAX_WRITTEN: Final = 10_000

_TIMES: Final = re.compile(r"\{([0-9]{1,3})(?:(,)([0-9]{1,3})?)?\}")
_REPEATING: Final = "*+?{"
_ENDS: Final = ("", "|", ")", "$")


class PatternError(ValueError):
    """The pattern can't be used; ``str()`` completes a sentence that begins with the pattern."""


def parse(pattern: str) -> Expression:
    """Return the expression for whole names; it matches none of Kafka's own topics.

    Raises:
        PatternError: it is not a pattern, or not one that means the same to all readers.
    """
    if len(pattern) > MAX_CHARACTERS:
        _refuse(f"is longer than {MAX_CHARACTERS} characters")
    node = _Parser(pattern).pattern()
    if size(node) > _MAX_SIZE:
        _refuse(f"repeats too much: more than {_MAX_SIZE} characters when written out")
    kept = without_internal(node)
    if kept is None:
        _refuse("takes in names only that begin with __, which are Kafka's own: write such a one in full")
    expression = Expression(kept)
    if len(expression.text) > _MAX_WRITTEN:
        _refuse("is too long: write several")
    return expression


class _Parser:
    """A parser that reads from left to right.

    Args:
        text: the pattern.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def pattern(self) -> Node:
        """Parse the whole pattern."""
        branches = [self._branch()]
        while self._take("|"):
            branches.append(self._branch())
        if self._next():
            _refuse("has a ) without a (" if self._next() == ")" else "goes on after a $, which ends it")
        return _one_or_choice(branches)

    def _branch(self) -> Node:
        if not self._take("^"):
            _refuse("has an alternative that would match anywhere in a name: write ^(a|b), or ^a|^b")
        beginning = self._sequence()
        if not self._take("$"):
            return Sequence((beginning, WHATEVER))
        if beginning == NOTHING:
            _refuse("is ^$, which is no name")
        return beginning

    def _sequence(self) -> Node:
        parts = []
        while self._next() not in _ENDS:
            parts.append(self._piece())
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _piece(self) -> Node:
        item = self._atom()
        if self._next() not in _REPEATING or not self._next():
            return item
        item = self._repeated(item)
        if self._next() and self._next() in _REPEATING:
            _refuse("repeats a repetition: write one of * + ? {m,n}")
        return item

    def _repeated(self, item: Node) -> Node:
        for sign, least, most in (("*", 0, None), ("+", 1, None), ("?", 0, 1)):
            if self._take(sign):
                return Repeat(item, least, most)
        times = _TIMES.match(self._text, self._at)
        if times is None:
            _refuse("has a { that is not {m}, {m,} or {m,n}")
        self._at = times.end()
        least = int(times[1])
        most = int(times[3]) if times[3] else (None if times[2] else least)
        if max(least, most or 0) > _MAX_TIMES or (most is not None and not max(least, 1) <= most):
            _refuse(f"has a repetition that is not {{m,n}} with m up to n, and n from 1 to {_MAX_TIMES}")
        return Repeat(item, least, most)

    def _atom(self) -> Node:
        letter = self._read()
        match letter:
            case "(":
                return self._group()
            case "[":
                return self._class()
            case ".":
                return ANY
            case "\\":
                return self._escaped()
            case _:
                return self._letter_or_refusal(letter)

    @staticmethod
    def _letter_or_refusal(letter: str) -> Node:
        if letter == "^":
            _refuse("has a ^ that is not at the beginning")
        if letter in _REPEATING:
            _refuse(f"has a {letter} with nothing before it to repeat")
        return _letter(letter)

    def _group(self) -> Node:
        if self._next() == "?":
            _refuse("has a (?, which librdkafka does not know")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            _refuse("is nested too deep")
        options = [self._option()]
        while self._take("|"):
            options.append(self._option())
        if self._next() == "$":
            _refuse("has a $ within a group: it may stand at the end only")
        if not self._take(")"):
            _refuse("has a ( without a )")
        self._depth -= 1
        return _one_or_choice(options)

    def _option(self) -> Node:
        option = self._sequence()
        if option == NOTHING and self._next() in ("|", ")"):
            _refuse("has a group with nothing in it: write (a)?")
        return option

    def _escaped(self) -> Node:
        letter = self._read()
        if letter.isalnum() or not letter:
            _refuse(f"has \\{letter}, which not all read alike: write [0-9] for digits, [A-Za-z] for letters")
        return _letter(letter)

    def _class(self) -> Node:
        negated = self._take("^")
        letters: set[str] = set()
        if self._next() == "]":
            _refuse("has a [ ] with nothing in it")
        while not self._take("]"):
            letters |= self._range()
        of = LETTERS - letters if negated else LETTERS & letters
        if not of:
            _refuse("has a [ ] that no letter of a topic's name is in")
        return One(frozenset(of))

    def _range(self) -> set[str]:
        first = self._class_letter()
        if self._next() != "-" or self._text[self._at + 1 : self._at + 2] == "]":
            return {first}
        self._take("-")
        last = self._class_letter()
        if (
            first > last
            or "-" in (first, last)
            or (self._next() == "-" and self._text[self._at + 1 :][:1] != "]")
        ):
            _refuse("has a range in a [ ] that is none: write a-z, and a hyphen last")
        return {chr(each) for each in range(ord(first), ord(last) + 1)}

    def _class_letter(self) -> str:
        letter = self._read()
        if not letter:
            _refuse("has a [ without a ]")
        if letter == "[":
            _refuse("has a [ within a [ ]: write [0-9] for [[:digit:]]")
        # Names have no backslash, so this escape means the same to everybody.
        if letter == "\\" and not (self._take(".") and self._next() != "-"):
            _refuse("has a backslash within a [ ], a letter as any other to librdkafka: write [A-Za-z0-9_.]")
        return "." if letter == "\\" else letter

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _read(self) -> str:
        letter = self._next()
        self._at += 1
        return letter

    def _take(self, letter: str) -> bool:
        if self._next() != letter:
            return False
        self._at += 1
        return True


def _one_or_choice(options: list[Node]) -> Node:
    return options[0] if len(options) == 1 else Choice(tuple(options))


def _letter(letter: str) -> Node:
    if letter not in LETTERS:
        _refuse("has a character that no topic's name has: they are letters, digits, . _ and -")
    return One(frozenset(letter))


def _refuse(reason: str) -> NoReturn:
    raise PatternError(reason)
