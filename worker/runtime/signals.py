"""Handles SIGTERM and SIGINT on the running event loop."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def install_signal_handlers(on_signal: Callable[[int], object]) -> None:
    """Call ``on_signal`` with the number of each SIGTERM and SIGINT from now on."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)


def stop_event() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set from now on."""
    stopping = asyncio.Event()
    install_signal_handlers(lambda _: stopping.set())
    return stopping
