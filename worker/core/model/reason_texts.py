"""What the texts of reasons have in common, so that letters of the same rule can be counted together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from worker.core.model.records import REFUSED

if TYPE_CHECKING:
    from worker.core.model.records import Reason

_ELEMENT: Final = re.compile(r"element [0-9]{1,9}: ")


def naming_element(text: str, index: int | None) -> str:
    """Return the text with the element in front, as the mapping writes it; None: of a whole record."""
    if index is None or _ELEMENT.match(text):
        return text
    return f"element {index}: {text}"


def without_element(text: str) -> str:
    """Return the text without the name of the element."""
    named = _ELEMENT.match(text)
    return text[named.end() :] if named else text


def rule_of(reason: Reason) -> str:
    """Return the part of the text that neither holds a value nor counts: the rule that was broken.

    It is the same for all elements. Where the API refused the event, it is the error code.
    """
    rule = without_element(reason.text)
    return rule.partition(":")[0] if reason.kind == REFUSED else rule
