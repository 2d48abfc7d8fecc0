"""What a log line may contain: plain words and numbers, and for an exception its type and where it happened.

An exception's message may quote a record, and so may an object's ``repr`` or the encoding of a struct. None
of them is ever written; the name of the type is written instead.
"""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

# People read log lines, and collectors cut them off at some kilobytes.
MAX_CHARACTERS = 2000
MAX_ITEMS = 50
MAX_DEPTH = 4
MAX_FRAMES = 30
MAX_EXCEPTIONS = 8
# The range that JSON readers and msgspec accept as a number.
MAX_INTEGER = 2**63


def plain(value: object, depth: int = MAX_DEPTH) -> Plain:
    """Return the value if it consists of plain words and numbers; else the name of its type."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -MAX_INTEGER <= value < MAX_INTEGER else str(value)
    if isinstance(value, str):
        # A path from the system may contain lone surrogates, which UTF-8 can't encode.
        return value[:MAX_CHARACTERS].encode("utf-8", "backslashreplace").decode()
    if depth and isinstance(value, Mapping):
        return {str(plain(k, 0)): plain(v, depth - 1) for k, v in islice(value.items(), MAX_ITEMS)}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [plain(each, depth - 1) for each in islice(value, MAX_ITEMS)]
    return f"<{type_name(type(value))}>"


def type_name(kind: type) -> str:
    """Return the type's name, with its module unless it is built in."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def exceptions(error: BaseException) -> list[Plain]:
    """Describe the exception, a group's members and their causes: types and frames, the innermost last."""
    return [_described(each) for each in islice(_related(error, set()), MAX_EXCEPTIONS)]


def place(path: str, line: int, function: str = "?") -> str:
    """Return the place in the code, without the directory where the code is installed."""
    return f"{_within_package(path)}:{line}:{function}"


def _described(error: BaseException) -> Plain:
    frames: list[Plain] = [
        place(frame.f_code.co_filename, line, frame.f_code.co_qualname)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    told: dict[str, Plain] = {"type": type_name(type(error)), "frames": frames[-MAX_FRAMES:]}
    if isinstance(error, OSError) and error.errno is not None:
        # The system's error name is half of the diagnosis.
        told["errno"] = errno.errorcode.get(error.errno, str(error.errno))
    return told


def _related(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _related(member, seen)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _related(cause, seen)


def _within_package(path: str) -> str:
    for root in sorted(sys.path, key=len, reverse=True):
        if root and Path(path).is_relative_to(root):
            return str(Path(path).relative_to(root))
    return Path(path).name
