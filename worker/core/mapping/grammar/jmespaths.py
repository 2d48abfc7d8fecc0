"""Parses JMESPath expressions, and finds which members of the document they look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.core.mapping.grammar.nodes import JmesPath, Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    Node = dict[str, Any]

# The nodes whose first child is evaluated on what the node is, and the others on what the first one gives.
_CHAINS: Final = frozenset(
    {
        "subexpression",
        "index_expression",
        "pipe",
        "projection",
        "filter_projection",
        "value_projection",
        "flatten",
    }
)
_ITSELF: Final = frozenset({"current", "identity"})


def parse_jmespath(text: object) -> JmesPath:
    """Parse an expression on the document.

    Raises:
        ValueError: it is not one, or looks at the document as a whole; the message says why.
    """
    # Imported late, because most mappings do without.
    import jmespath  # noqa: PLC0415  see above
    from jmespath.exceptions import JMESPathError  # noqa: PLC0415  see above

    if not isinstance(text, str) or not text.strip():
        msg = "must be a JMESPath expression"
        raise ValueError(msg)
    try:
        parsed = jmespath.compile(text).parsed
    except JMESPathError as error:
        msg = f"not a JMESPath expression: {' '.join(str(error).split())}"
        raise ValueError(msg) from None
    except RecursionError:
        msg = "not a JMESPath expression: nested too deeply"
        raise ValueError(msg) from None
    names = dict.fromkeys(_members(parsed))
    if None in names:
        msg = "looks at the document as a whole; name the members that it looks at"
        raise ValueError(msg)
    if not names:
        msg = "looks at no member of the document; a constant is {value: ...}"
        raise ValueError(msg)
    return JmesPath(text, tuple(Member(name) for name in names if name is not None))


def _members(node: Node) -> Iterator[str | None]:
    """The members of the document that a node evaluated on it looks at; None for the document as a whole."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        yield node["value"]
    elif kind in _ITSELF:
        yield None
    elif kind in _CHAINS:
        first, *others = children
        if first["type"] not in _ITSELF:
            yield from _members(first)
        elif kind == "value_projection":
            yield None
        elif kind in ("subexpression", "pipe"):
            for each in others:
                yield from _members(each)
    elif kind != "expref":
        for each in children:
            yield from _members(each)
