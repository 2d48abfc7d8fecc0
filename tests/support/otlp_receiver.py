"""An OTLP endpoint over HTTP, which keeps what it is sent."""

from __future__ import annotations

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span


class OtlpReceiver:
    """Takes traces; answers with ``status``, and waits for ``may_answer`` first."""

    def __init__(self) -> None:
        """Listen at ``url`` once entered."""
        self.status = 200
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.requests: list[ExportTraceServiceRequest] = []
        """Those that were taken."""
        self.heard: list[bytes] = []
        """All of each request, heads and decompressed bodies."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.answer(self)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Serve no longer."""
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Take one export."""
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.heard.append(f"{request.requestline}\n{request.headers}".encode() + body)
        self.may_answer.wait()
        if self.status == 200:
            self.requests.append(ExportTraceServiceRequest.FromString(body))
        request.send_response(self.status)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def spans(self) -> list[Span]:
        """All that were taken, as they came."""
        return [
            span
            for request in tuple(self.requests)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def resource(self) -> dict[str, Any]:
        """What the first request says of the process."""
        return attributes(self.requests[0].resource_spans[0].resource.attributes)


def attributes(written: Any) -> dict[str, Any]:
    """As a dictionary."""
    pairs: list[KeyValue] = list(written)
    return {each.key: _value(each.value) for each in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return getattr(value, str(kind))
