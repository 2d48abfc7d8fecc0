"""Memory that nobody uses any more, given back to the system."""

from __future__ import annotations

import ctypes
from typing import Final

# malloc.h: M_MMAP_THRESHOLD.
_MMAP_THRESHOLD: Final = -3
_LARGE_BYTES: Final = 128 * 1024


def give_back() -> None:
    """Give back what is free. What librdkafka fetched ahead is freed by a pause, but glibc keeps it.

    Takes some milliseconds, without the interpreter's lock. Other C libraries have no such call.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def give_back_large_blocks() -> None:
    """From now on, blocks of 128 KiB and more are the system's again as soon as they are free.

    So they are at first; but with each one that is freed glibc takes its size for the new threshold, up to
    32 MiB, and keeps what lies below. After some records of 1 MB as much lay idle as was in use.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:
        tune(_MMAP_THRESHOLD, _LARGE_BYTES)
