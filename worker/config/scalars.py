"""Corrects YAML's guesses at types: where text is wanted, text stays as it is written.

YAML reads 0123 as 83, 1_000 and 12:30 as numbers, yes and off as booleans, and 2026-11-27 as a date. A
password, an id or a topic's name that looks like one of these is text all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_origin

import yaml

from worker.config.names import sections
from worker.config.validation import bare, item_type, wants_text

if TYPE_CHECKING:
    from collections.abc import Callable

_TEXT: Final = "tag:yaml.org,2002:str"
_RESOLVED: Final = {f"tag:yaml.org,2002:{each}" for each in ("int", "float", "bool", "timestamp")}
_MAX_NODES: Final = 10_000


class TooMuch(Exception):  # noqa: N818  it names the state
    """Aliases expand the file beyond what anybody wrote, or a node contains itself."""


def construct(loader: yaml.SafeLoader, root: yaml.Node) -> object:
    """Construct the document, with text where the settings want text.

    Raises:
        TooMuch: its aliases expand too far.
        yaml.YAMLError: this loader can't construct it.
    """
    if _size(root, {}) > _MAX_NODES:
        raise TooMuch

    def section(name: str, keys: yaml.Node) -> yaml.Node:
        known = sections().get(name, {})
        return _change(
            loader, keys, lambda key, node: of_type(node, known[key].type if key in known else None)
        )

    def of_type(node: yaml.Node, type_: object) -> yaml.Node:
        plain = bare(type_)
        if get_origin(plain) is tuple and isinstance(node, yaml.SequenceNode):
            node.value = [of_type(each, item_type(plain)) for each in node.value]
        elif get_origin(plain) is dict:
            return _change(loader, node, lambda _, value: of_type(value, item_type(plain)))
        return _as_written(node) if wants_text(plain) else node

    document: object = loader.construct_document(_change(loader, root, section))
    return document


def _change(
    loader: yaml.SafeLoader, node: yaml.Node, change: Callable[[str, yaml.Node], yaml.Node]
) -> yaml.Node:
    """Change the values of a mapping by key; values merged into it (<<) belong to it."""
    if isinstance(node, yaml.MappingNode):
        loader.flatten_mapping(node)
        node.value = [
            (key, change(key.value, value) if isinstance(key, yaml.ScalarNode) else value)
            for key, value in node.value
        ]
    return node


def _as_written(node: yaml.Node) -> yaml.Node:
    """Return the scalar as text; null stays null, because that is how a key is given no value."""
    if not isinstance(node, yaml.ScalarNode) or node.tag not in _RESOLVED:
        return node
    # A new node, because an alias of this one may occur where a number is wanted.
    return yaml.ScalarNode(_TEXT, node.value, node.start_mark, node.end_mark)


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return the number of nodes with every alias expanded."""
    if id(node) not in known:
        # Too large until it is known, because a node that contains itself is infinite.
        known[id(node)] = _MAX_NODES + 1
        if isinstance(node, yaml.MappingNode):
            within = [each for pair in node.value for each in pair]
        else:
            within = node.value if isinstance(node, yaml.SequenceNode) else []
        known[id(node)] = 1 + sum(_size(each, known) for each in within)
    return known[id(node)]
