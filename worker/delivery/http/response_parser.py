"""The answers that come over one connection, read from whatever pieces they arrive in. No I/O.

llhttp, which Node.js uses, does the parsing (through httptools). What is decided here is when an answer is
whole, how much of it is kept, and whether the connection can carry another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from worker.delivery.http.errors import ANSWER_CUT_SHORT, ANSWER_UNREADABLE, CONNECTION_RESET, TransportError
from worker.delivery.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ANSWER_BYTES = 65536
# Head, interim answers, sizes of chunks and trailers, all together.
MAX_FRAMING_BYTES = 65536

_ACCEPTED = Reply(200)
_FIRST_FINAL_STATUS = 200
_HEARD = frozenset({
    b"date",
    b"x-amzn-errortype", b"x-amzn-requestid", b"retry-after", b"x-amz-retry-after",
    b"content-length", b"transfer-encoding",
})  # fmt: skip


class ResponseParser:
    """Makes one reply after the other of bytes. Once something went wrong it is of no use any more."""

    __slots__ = ("_body", "_hear_date", "_parser", "_said", "_status", "_taken_bytes", "_whole", "reusable")

    def __init__(self, on_date: Callable[[bytes], None]) -> None:
        """Begin with no answer expected; ``on_date`` is given the Date of each that is whole."""
        self._hear_date = on_date
        # It calls the methods named on_...; the circle that this makes is broken by ``drop``.
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self.reusable = False
        """Whether the connection can carry another call, once the answer is read."""
        self.expect()

    def expect(self) -> None:
        """Make ready for the next answer."""
        self._said: dict[bytes, bytes] = {}
        self._body = b""
        self._status = 0
        self._taken_bytes = 0
        self._whole = False

    def drop(self) -> None:
        """Let go of the parser, so that no garbage collection is needed."""
        self._parser = None

    def feed(self, data: bytes) -> Reply | TransportError | None:
        """Take the next bytes; None if there is more to come."""
        if self._parser is None:
            return ANSWER_UNREADABLE
        self._taken_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            # After the whole answer came something else; the answer is good, the connection is not.
            self.reusable = False
            return self._reply() if self._whole else ANSWER_UNREADABLE
        if self._whole:
            return self._reply()
        return self._given_up() if self._taken_bytes > MAX_FRAMING_BYTES else None

    def end(self) -> Reply | TransportError:
        """Say what an answer is that the server ended by closing the connection in good order."""
        sized = b"content-length" in self._said or b"transfer-encoding" in self._said
        self.reusable = False
        return self._reply() if self._status and not sized else self.cut()

    def cut(self) -> TransportError:
        """Say what it is when the connection was lost."""
        self.reusable = False
        return ANSWER_CUT_SHORT if self._taken_bytes else CONNECTION_RESET

    def _given_up(self) -> Reply | TransportError | None:
        """Stop reading what is too long: of the body, the beginning will do."""
        if len(self._body) >= MAX_ANSWER_BYTES:
            self.reusable = False
            return self._reply()
        if self._taken_bytes - len(self._body) > MAX_FRAMING_BYTES:
            self.reusable = False
            return ANSWER_UNREADABLE
        return None

    def _reply(self) -> Reply:
        if date := self._said.get(b"date"):
            self._hear_date(date)
        if self._status == _ACCEPTED.status and not self._body and b"x-amzn-errortype" not in self._said:
            # Nothing else matters, and nearly every answer is one.
            return _ACCEPTED
        return Reply(
            self._status,
            self._word(b"x-amzn-errortype"),
            self._word(b"retry-after"),
            self._word(b"x-amz-retry-after"),
            self._body,
            b"x-amzn-requestid" in self._said,
        )

    def _word(self, name: bytes) -> str:
        return self._said.get(name, b"").decode("latin-1").strip()

    def on_message_begin(self) -> None:
        """Stop the parser at anything that follows the answer: nobody asked for it."""
        if self._whole:
            raise HttpParserError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what is of interest; of a name that is there twice, the first."""
        name = name.lower()
        if name in _HEARD:
            self._said.setdefault(name, value)

    def on_headers_complete(self) -> None:
        """Take the status, unless the answer proper is still to come (100 Continue, 103 Early Hints)."""
        assert self._parser is not None  # noqa: S101  the parser is calling
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL_STATUS:
            self._said.clear()
        else:
            self._status = status
            self.reusable = self._parser.should_keep_alive()

    def on_body(self, piece: bytes) -> None:
        """Keep no more than anybody will look at."""
        self._body += piece[: MAX_ANSWER_BYTES - len(self._body)]

    def on_message_complete(self) -> None:
        """Know that the answer is whole, if it is the answer proper."""
        self._whole = self._status > 0
