"""moto's server, one request after the other; run by the interpreter that has moto.

It looks at a condition and writes in two steps, and answers each request in a thread: of 60 races of 16
conditional writes, 12 had two or three winners.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from moto import server  # type: ignore[import-not-found]  # in the emulator's own environment

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = threading.Lock()
serve = server.run_simple


def serve_in_turn(host: str, port: int, application: Callable[[Any, Any], Any], **options: Any) -> None:
    def in_turn(environment: Any, start_response: Any) -> Any:
        with LOCK:
            return application(environment, start_response)

    serve(host, port, in_turn, **options)


if __name__ == "__main__":
    server.run_simple = serve_in_turn
    sys.exit(server.main(sys.argv[1:]))
