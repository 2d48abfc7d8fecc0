"""Writes HTML and SVG. Text becomes markup in one place only, where it is escaped.

The rule: what is a plain ``str`` is text, whoever made it, and is escaped. Only ``element`` makes ``Markup``.
So a name that came from outside can't become an element, an attribute or a script.

A template engine would do the same: Jinja takes 36 ms and 4.6 MB to import, more than all of the page.
"""

from __future__ import annotations

from functools import cache
from typing import Final, TypeAlias

# The quotes too, so that one table serves text and attributes.
_ESCAPED: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"})
_VOID: Final = frozenset({"link", "meta"})


class Markup(str):
    """What is markup already, and is written as it is."""

    __slots__ = ()


# None is left out, so that a part that may be missing needs no list.
Child: TypeAlias = str | None


def element(name: str, *children: Child, **attributes: str | float | None) -> Markup:
    """Return an element.

    Args:
        name: its name, and its classes after dots: ``td.number``. It comes from the program.
        children: text, which is escaped, and markup.
        attributes: by name, with ``_`` for ``-``, and one at the end left out (``for_``); None: left out.
    """
    start, end = _tags(name)
    if attributes:
        start += "".join(
            [
                f' {key.rstrip("_").replace("_", "-")}="{str(value).translate(_ESCAPED)}"'
                for key, value in attributes.items()
                if value is not None
            ]
        )
    return Markup(f"{start}>{joined(*children)}{end}")


def joined(*children: Child) -> Markup:
    """Return these one after the other."""
    # A list and not a generator: a page has some thousand of these.
    return Markup(
        "".join(
            [
                each if type(each) is Markup else each.translate(_ESCAPED)
                for each in children
                if each is not None
            ]
        )
    )


# The names are the program's, some dozens.
@cache
def _tags(name: str) -> tuple[str, str]:
    """Return the start of its start tag, and its end tag."""
    tag, *classes = name.split(".")
    start = f'<{tag} class="{" ".join(classes)}"' if classes else f"<{tag}"
    return start, "" if tag in _VOID else f"</{tag}>"
