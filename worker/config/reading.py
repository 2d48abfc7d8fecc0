"""Reads mounted files: a configuration or a secret, whatever its bytes."""

from __future__ import annotations

import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

# A ConfigMap or a Secret holds 1 MiB at most; no configuration comes near that.
MAX_BYTES: Final = 256 * 1024


class Unreadable(Exception):  # noqa: N818  it names the state
    """The text can't be read.

    Args:
        reason: completes "the file ...".
        line: where the problem is, if known.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def read_text(path: Path) -> str:
    """Return the text of a file without a byte order mark, with a newline as line ending.

    Raises:
        Unreadable: the file can't be opened, is too large, or is not text.
    """
    raw = _read(path)
    try:
        text = raw.decode("utf-16" if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        reason = "is not UTF-8 text"
        raise Unreadable(reason, raw[: error.start].count(b"\n") + 1) from None
    return text.replace("\r\n", "\n")


def _read(path: Path) -> bytes:
    try:
        # A plain open would wait for ever on a pipe that nobody writes to.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(number, "rb") as file:
            os.set_blocking(number, True)
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = f"can't be read: {error.strerror}"
    except ValueError:
        reason = "can't be read: that is not a valid file name"
    else:
        if len(raw) <= MAX_BYTES:
            return raw
        reason = f"is larger than {MAX_BYTES // 1024} KiB"
    raise Unreadable(reason)
