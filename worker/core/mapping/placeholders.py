"""Placeholder ids: what programs write where they have no id. The one table of them.

Trackers often write a word such as ``undefined`` for a missing id. Taken for an id, it would join strangers
in one profile. The table holds the words for null of many languages, and the all-zero UUID in all its forms.
An operator adds the words of their own trackers (``record.placeholder_ids``), or turns the table off
(``record.builtin_placeholder_ids``). What may be a real id (``0``, ``id``, ``guest``, ``true``) is not in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ZERO_UUID: Final = "00000000-0000-0000-0000-000000000000"

TABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "JavaScript": (
        "null", "undefined", "NaN", "[object Object]", "[object Null]", "[object Undefined]",
        "[object Promise]",
    ),
    "Java, Kotlin, C#, Dart, PHP, SQL": ("null", "NULL", "Optional.empty"),
    "Python, with pandas": ("None", "nan", "NaT", "<NA>"),
    "Rust, Scala": ("None",),
    "C, C++": (
        "(null)", "(nil)", "NULL", "nullptr", "0x0", "nan", "-nan", "-nan(ind)", "nan(snan)", "1.#QNAN",
        "-1.#IND",
    ),
    "Go": ("<nil>", "nil", "%!s(<nil>)", "%!d(<nil>)", "%!v(<nil>)"),
    "Objective-C, Swift": ("(null)", "<null>", "nil", "Optional(nil)"),
    "Ruby, Lua, Elixir, Erlang": ("nil", "undefined"),
    "database dumps": ("\\N",),
    "UUID, .NET's Guid.Empty": (
        _ZERO_UUID,
        _ZERO_UUID.replace("-", ""),
        f"{{{_ZERO_UUID}}}",
        f"({_ZERO_UUID})",
        f"urn:uuid:{_ZERO_UUID}",
        "{0x00000000,0x0000,0x0000,{0x00,0x00,0x00,0x00,0x00,0x00,0x00,0x00}}",
    ),
}  # fmt: skip
"""By who writes them. Each spelling also counts in upper case, in lower case and capitalised."""

NAN: Final = "NaN"

# A set look-up costs less than to test each id for being blank. Mixtures of these characters are not in the
# set: most of them hold control characters, for which ids are checked anyway.
_SPACES: Final = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
BLANKS: Final = frozenset(
    {""}
    | {" " * count for count in range(1, 257)}
    | {each * count for each in _SPACES for count in range(1, 9)}
)
"""Empty and blank text: absent wherever an id or a name is expected."""


def placeholders(more: Iterable[str], *, builtin: bool = True) -> frozenset[str]:
    """The words of the table, if ``builtin``, and ``more``, each in upper and lower case too."""
    words = set(more).union(*TABLE.values()) if builtin else set(more)
    return frozenset(form for word in words for form in (word, word.lower(), word.upper(), word.capitalize()))
