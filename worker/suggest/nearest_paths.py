"""Finds for a path that leads nowhere the paths that are there and were probably meant.

What was meant may be spelled otherwise (``productId`` for ``product_id``), be in another case, or stand
elsewhere (``product_id`` for ``properties.product_id``).
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

from worker.suggest.vocabulary import squashed
from worker.suggest.walking import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST: Final = 3
_LIKE: Final = 0.72
_QUOTED: Final = re.compile(r"`([^`]+)`")
_NAME: Final = re.compile(r'"([^"]+)"|\[[^\]=]*=([^\]]+)\]|([^."\[\]]+)')
_OF_ELEMENT: Final = re.compile(
    r"\$(?!headers\b|key\b|timestamp\b|topic\b|partition\b|offset\b|index\b)[A-Za-z_]\w*\.?"
)


def paths_in(document: Mapping[str, object]) -> list[str]:
    """Return the paths of all that stands in a document, each once."""
    return list(dict.fromkeys(place.path for place, _ in walk(document)))


def named_in(reason: str) -> list[str]:
    """Return the paths that a reason names."""
    return list(dict.fromkeys(_QUOTED.findall(reason)))


def nearest_paths(path: str, there: Sequence[str]) -> list[str]:
    """Return up to three of the paths that are there, the likeliest first; none if the path is there itself.

    A path of an element (``$each.id``) is looked for in all elements.
    """
    element = _OF_ELEMENT.match(path)
    if element:
        path, there = path[element.end() :], [each.rpartition("[*].")[2] for each in there if "[*]." in each]
        prefix = element[0]
    else:
        prefix = ""
    wanted = _names(path)
    if not wanted or path in there or re.sub(r"\[\d+\]", "[*]", path) in there:
        return []
    rated = [(_likeness(wanted, names), each) for each in dict.fromkeys(there) if (names := _names(each))]
    likely = sorted(
        (rating for rating in rated if rating[0] >= _LIKE), key=lambda each: (-each[0], len(each[1]))
    )
    return [prefix + each for _, each in likely[:MOST]]


def nearest_words(word: str, there: Iterable[str]) -> list[str]:
    """Return up to three words that are spelled like the word, such as names of headers."""
    rated = [(_ratio(squashed(word), squashed(each)), each) for each in there if each != word]
    return [each for rating, each in sorted(rated, reverse=True) if rating >= _LIKE][:MOST]


def _names(path: str) -> list[str]:
    """Return the names of a path, without indexes."""
    found = ("".join(groups) for groups in _NAME.findall(path.replace("[*]", "")))
    return [squashed(name) or name for name in found if not name.isdigit()]


def _likeness(wanted: Sequence[str], there: Sequence[str]) -> float:
    """Rate two paths by their last names, and a little by what stands before."""
    # product.id may be meant by product_id, and the other way round.
    joined = _ratio("".join(wanted[-2:]), there[-1]), _ratio(wanted[-1], "".join(there[-2:]))
    last = max(_ratio(wanted[-1], there[-1]), *joined)
    around = _ratio("".join(wanted[:-1]), "".join(there[:-1])) if len(wanted) > 1 or len(there) > 1 else 1.0
    return 0.85 * last + 0.15 * around


def _ratio(one: str, other: str) -> float:
    if one == other:
        return 1.0
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
