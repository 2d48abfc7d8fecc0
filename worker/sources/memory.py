"""Memory that nobody uses any more, given back to the system."""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Give back what is free. What librdkafka fetched ahead is freed by a pause, but glibc keeps it.

    Takes some milliseconds, without the interpreter's lock. Other C libraries have no such call.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
