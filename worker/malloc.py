"""Returns unused memory to the operating system."""

from __future__ import annotations

import ctypes
from typing import Final

# malloc.h: M_MMAP_THRESHOLD.
_MMAP_THRESHOLD: Final = -3
_LARGE_BYTES: Final = 128 * 1024


def give_back() -> None:
    """Return free memory to the system, because glibc keeps what a pause of librdkafka frees.

    This takes some milliseconds, without the interpreter's lock. Other C libraries have no such call.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def give_back_large_blocks() -> None:
    """Have blocks of 128 KiB and more returned to the system as soon as they are freed, from now on.

    This is how glibc begins. But with each such block that is freed, it raises the threshold to the size of
    the block, up to 32 MiB, and keeps what lies below. After some records of 1 MB, as much memory lay idle as
    was in use.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:
        tune(_MMAP_THRESHOLD, _LARGE_BYTES)
