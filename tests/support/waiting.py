"""Waiting for what another process does: ask until it is so, under a deadline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

ASK_EVERY_SECONDS = 0.05


def until(
    ask: Callable[[], Answer],
    seconds: float,
    *,
    forgiving: type[Exception] | tuple[type[Exception], ...] = (),
    what: str = "it",
) -> Answer:
    """Ask until the answer is truthy and return it; raise ``TimeoutError`` when the time is over.

    An exception named in ``forgiving`` counts as "not yet".
    """
    deadline = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            last = answer = ask()
        except forgiving as error:
            last = error
        else:
            if answer:
                return answer
        if time.monotonic() > deadline:
            msg = f"{what} is not so after {seconds} s: {last!r}"
            raise TimeoutError(msg)
        time.sleep(ASK_EVERY_SECONDS)
