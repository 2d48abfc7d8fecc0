"""Values that are found again wherever they come out, however they are written there."""

from __future__ import annotations

import base64
import hashlib
import random
import re
import string
from functools import cache, partial
from typing import Final

from msgspec import Struct

LENGTH: Final = 24
# Whoever cuts a value off leaves a piece of it; one of this many letters is no accident.
PIECE: Final = 12
STEP: Final = 4
DIGITS: Final = 16
# What is around a mark, so that it has to be escaped wherever that is done.
NASTY: Final = "\"'\\\n\té€😀</>%&{}"

# Without a key, a hash of an id is the id to whoever tries all of them.
HASHES: Final = (
    *(hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.sha512, hashlib.blake2b, hashlib.blake2s),
    *(partial(hashlib.blake2b, digest_size=size) for size in (8, 16)),
)

_SEPARATOR: Final = "\n\0\n"
_ALPHABET: Final = string.ascii_lowercase + string.digits


class Mark(Struct, frozen=True):
    """One value: ``name`` says what it was given as, ``core`` is what is looked for."""

    name: str
    core: str
    whole: str


class Marks:
    """All marks of a test, each its own, and the search for them."""

    def __init__(self, seed: int = 1) -> None:
        """Begin without any."""
        self._random = random.Random(seed)  # noqa: S311  no secret: a test that fails has to fail again
        self.all: list[Mark] = []

    def text(self, name: str) -> str:
        """A new mark of letters and digits, fit for a key, an id or a header."""
        return self._note(name, "")

    def nasty(self, name: str) -> str:
        """A new mark between letters that have to be escaped somewhere."""
        return self._note(name, NASTY)

    def nasty_id(self, name: str) -> str:
        """The same without line break and tab, which no id may hold."""
        return self._note(name, NASTY.replace("\n", "").replace("\t", ""))

    def number(self, name: str) -> int:
        """A new mark that is a number, of 16 digits."""
        core = self._random.choice("123456789") + "".join(self._random.choices(string.digits, k=DIGITS - 1))
        self.all.append(Mark(name, core, core))
        return int(core)

    def found_in(self, what: bytes) -> set[str]:
        """The names of the marks that are in there, whole or a piece of them, in whatever writing."""
        # In one text, for the search takes longer to call than to do; no writing has the separator.
        views = _SEPARATOR.join(dict.fromkeys(_views(what)))
        return {mark.name for mark in self.all if any(each in views for each in _writings(mark))}

    def _note(self, name: str, around: str) -> str:
        core = "".join(self._random.choices(_ALPHABET, k=LENGTH))
        whole = f"{around}{core}{around}"
        self.all.append(Mark(name, core, whole))
        return whole


@cache
def _writings(mark: Mark) -> frozenset[str]:
    """The pieces of a mark as they are, in base64, in hex, as lists of codes; and its hashes."""
    core = mark.core
    pieces = {core[at : at + PIECE] for at in range(0, len(core) - PIECE + 1, STEP)} | {core[-PIECE:]}
    found = pieces | {hash_(mark.whole.encode()).hexdigest()[:PIECE] for hash_ in HASHES}
    for piece in pieces:
        found |= {piece.encode().hex(), "".join(str(code) for code in piece.encode()), piece[::-1]}
        for before in range(3):
            # Four letters stand for three bytes: those that a neighbour has a part in are left out.
            coded = base64.b64encode(b"\0" * before + piece.encode()).decode()
            found.add(coded[4 if before else 0 : (before + PIECE) // 3 * 4])
    if core.isdigit():
        found.add(f"{int(core):x}")
    return frozenset(found)


def _views(what: bytes) -> list[str]:
    """What came out, as it is, with escapes undone, and with nothing left but letters and digits."""
    text = what.decode("latin-1")
    unescaped = re.sub(r"\\[ux]\{?0*([0-9a-fA-F]{2})\}?|%([0-9a-fA-F]{2})|&#x?0*([0-9]+);", _letter, text)
    bare = re.sub(r"[^A-Za-z0-9]", "", unescaped)
    return [text, text.lower(), unescaped.lower(), bare, bare.lower()]


def _letter(escape: re.Match[str]) -> str:
    backslash, percent, entity = escape.groups()
    return chr(int(entity) % 0x110000) if entity else chr(int(backslash or percent, 16))
