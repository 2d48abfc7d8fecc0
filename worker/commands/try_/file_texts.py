"""Splits a file into the texts of its records, as people have such files.

That is a line each. A file of JSON may also be one array of records, or records that take several lines
each; and any file may be compressed with gzip. A topic holds none of these, so what was done is said.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from itertools import chain
from typing import IO, TYPE_CHECKING, Final, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"
# What is no line each is held as a whole.
_MOST_BYTES: Final = 256 * 1024 * 1024
_DELIMITERS: Final = re.compile(r"[\t;,|]")
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_BETWEEN: Final = re.compile(r"[ \t\r\n,]*")
_read_value: Final = json.JSONDecoder().raw_decode


class Text(NamedTuple):
    """The text of a record, and where it stands."""

    at: str
    """``:LINE``, or ``[INDEX]`` in an array; it follows the file's name."""
    number: int
    """The number of its line, or its place in the array, from 0."""
    text: bytes


def texts_of(
    file: IO[bytes], record_format: str, say: Callable[[str], None], columns: Sequence[str] = ()
) -> Iterator[Text]:
    """Yield the texts of a file; empty lines are passed over.

    Args:
        file: open for reading.
        record_format: ``record.format``.
        say: is told what the file is, if it is not a line a record.
        columns: the names of the columns, to pass over a first line that consists of them.

    Raises:
        OSError: reading failed, or what began as gzip is none.
    """
    lines = _decompressed(file)
    if record_format != "json":
        yield from _without_header(_lines(lines), columns, say)
        return
    first = next((line for line in lines if line.strip()), b"")
    if not _may_go_on(first):
        yield from _lines(chain([first], lines))
        return
    text = first + b"".join(_at_most(lines, _MOST_BYTES))
    yield from _documents(text, say) or _lines(chain(text.splitlines(keepends=True), lines))


def _decompressed(file: IO[bytes]) -> Iterator[bytes]:
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", file))
    if buffered.peek(2)[:2] != _GZIP:
        return iter(buffered)
    return _gunzipped(buffered)


def _gunzipped(file: IO[bytes]) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=file) as lines:
            yield from lines
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise OSError(0, "it begins as gzip, and is broken or cut off") from None


def _lines(lines: Iterable[bytes]) -> Iterator[Text]:
    for number, line in enumerate(lines):
        text = line.strip(b"\r\n")
        if text.strip():
            yield Text(f":{number + 1}", number, text)


def _without_header(
    texts: Iterator[Text], columns: Sequence[str], say: Callable[[str], None]
) -> Iterator[Text]:
    first = next(texts, None)
    if first is None:
        return
    if columns and _cells(first.text) == [name.casefold() for name in columns]:
        say("its first line names the columns, and is passed over")
    else:
        yield first
    yield from texts


def _cells(line: bytes) -> list[str]:
    """Return the cells of a line whatever stands between them, as names are compared."""
    text = line.removeprefix(_BOM).decode(errors="replace")
    return [cell.strip(" \"'").casefold() for cell in _DELIMITERS.split(text)]


def _may_go_on(first: bytes) -> bool:
    """Whether a record may go on behind the first line, or the line is an array of records."""
    text = first.removeprefix(_BOM).strip()
    if text.startswith(b"["):
        return True
    return text.startswith(b"{") and _is_cut(text)


def _is_cut(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def _at_most(lines: Iterable[bytes], most: int) -> Iterator[bytes]:
    for line in lines:
        yield line
        most -= len(line)
        if most < 0:
            return


def _documents(text: bytes, say: Callable[[str], None]) -> list[Text]:
    """Return the documents of a text that is one array of them, or one behind the other; else none."""
    try:
        whole = text.removeprefix(_BOM).decode()
        start = _end(_SPACE, whole, 0)
        if whole[start] != "[":
            found = list(_one_by_one(whole, start))
            say("its records take several lines each")
            return found
        _, end = _read_value(whole, start)
        if _end(_SPACE, whole, end) < len(whole):
            return []
        say("it is one JSON array; each of its elements is taken for a record")
        return list(_elements(whole, start + 1, end - 1))
    except (ValueError, RecursionError):
        return []


def _one_by_one(whole: str, start: int) -> Iterator[Text]:
    line = counted = 0
    while start < len(whole):
        line, counted = line + whole.count("\n", counted, start), start
        _, end = _read_value(whole, start)
        yield Text(f":{line + 1}", line, whole[start:end].encode())
        start = _end(_SPACE, whole, end)


def _elements(whole: str, start: int, end: int) -> Iterator[Text]:
    index, start = 0, _end(_BETWEEN, whole, start)
    while start < end:
        _, stop = _read_value(whole, start)
        yield Text(f"[{index}]", index, whole[start:stop].encode())
        index, start = index + 1, _end(_BETWEEN, whole, stop)


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return match.end() if match else start
