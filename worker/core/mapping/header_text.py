"""A record's key and headers as text."""

from __future__ import annotations

import re
from typing import Final

from worker.formats.json.text import unquoted

CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")


def header_text(raw: bytes | None) -> object:
    """Return a key or a header as text, without the quotes that JSON serializers put around it.

    Bytes that are not text stay bytes, which no field accepts. Bytes that hold control characters stay bytes
    too, because a small number of eight bytes, or a frame, happens to be valid UTF-8.
    """
    if not raw:
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return raw
    if text[0] == text[-1] == '"':
        text = unquoted(text)
    return raw if not text.isprintable() and CONTROL.search(text) else text
