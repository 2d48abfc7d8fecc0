"""The tests' schema registry as a server of its own thread, for workers that are processes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.unit.delivery.endpoint import Captured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.registry_api import RegistryApi


@contextmanager
def serving(api: RegistryApi) -> Iterator[str]:
    """Serve it, and give its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = Captured("GET", self.path, tuple(self.headers.items()), b"")
            self.wfile.write(api.answer(asked).answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
