"""The one table of placeholders: ids that stand for nobody, which programs write where they have no id.

A tracker without an id often sends a word instead, and treating that word as an id merges strangers into one
profile. The table holds the words of languages for nothing, and the all-zero UUID in each of its forms.
Operators can add those of their own trackers (``record.placeholder_ids``), or switch the table off
(``record.builtin_placeholder_ids``).
What may be a real id (``0``, ``id``, ``guest``, ``true``) is not in it.
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
"""The spellings by who writes them. Each also counts in upper case, lower case and capitalised."""

NAN: Final = "NaN"

# A look-up costs less than checking each id for blanks. Mixtures of these hold control characters, and so are
# checked closely; or they mix spaces that nobody mixes.
_SPACES: Final = "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
BLANKS: Final = frozenset(
    {""}
    | {" " * count for count in range(1, 257)}
    | {each * count for each in _SPACES for count in range(1, 9)}
)
"""Empty and blank text, which is absent wherever an id or a name is wanted."""


def placeholders(more: Iterable[str], *, builtin: bool = True) -> frozenset[str]:
    """Return ``more`` and, if ``builtin``, the table, in upper and lower case and capitalised too."""
    words = set(more).union(*TABLE.values()) if builtin else set(more)
    return frozenset(form for word in words for form in (word, word.lower(), word.upper(), word.capitalize()))
