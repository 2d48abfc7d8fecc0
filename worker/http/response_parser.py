"""Parses the answers on one connection, in whatever pieces they arrive. No I/O.

llhttp, the parser of Node.js, does the parsing (through httptools). This module decides when an answer is
complete, how much of it to keep, and whether the connection can carry another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from worker.http.errors import ANSWER_CUT_SHORT, ANSWER_UNREADABLE, CONNECTION_RESET, TransportError
from worker.http.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_ANSWER_BYTES = 65536
# Head, interim answers, chunk sizes and trailers together.
MAX_FRAMING_BYTES = 65536
# A long body may come in many chunks: for so many bytes of it, one more of framing.
_BODY_PER_FRAMING = 8

_ACCEPTED = Reply(200)
_FIRST_FINAL_STATUS = 200
_HEARD = frozenset({
    b"date",
    b"x-amzn-errortype", b"x-amzn-requestid", b"retry-after", b"x-amz-retry-after",
    b"content-length", b"transfer-encoding",
})  # fmt: skip


class ResponseParser:
    """Turns bytes into one reply after another. After an error it can't be used any more.

    Args:
        on_date: receives the Date header of each complete answer.
        max_answer_bytes: how much of a body to keep; the rest is not read.
    """

    __slots__ = (
        "_body",
        "_hear_date",
        "_kept_bytes",
        "_max_answer_bytes",
        "_parser",
        "_said",
        "_status",
        "_taken_bytes",
        "_whole",
        "reusable",
    )

    def __init__(self, on_date: Callable[[bytes], None], max_answer_bytes: int = MAX_ANSWER_BYTES) -> None:
        self._hear_date = on_date
        self._max_answer_bytes = max_answer_bytes
        # It calls the methods named on_...; ``drop`` breaks the reference cycle that this makes.
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self.reusable = False
        """Whether the connection can carry another call, once the answer is read."""
        self.expect()

    def expect(self) -> None:
        """Prepare for the next answer."""
        self._said: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._kept_bytes = 0
        self._status = 0
        self._taken_bytes = 0
        self._whole = False

    def drop(self) -> None:
        """Release the parser, so that no garbage collection is needed."""
        self._parser = None

    def feed(self, data: bytes) -> Reply | TransportError | None:
        """Parse the next bytes; None if more have to come."""
        if self._parser is None:
            return ANSWER_UNREADABLE
        self._taken_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            # Something followed the complete answer. The answer is good, the connection is not.
            self.reusable = False
            return self._reply() if self._whole else ANSWER_UNREADABLE
        if self._whole:
            return self._reply()
        return self._given_up() if self._taken_bytes > MAX_FRAMING_BYTES else None

    def end(self) -> Reply | TransportError:
        """Return the reply when the server ends the answer by closing the connection in good order."""
        sized = b"content-length" in self._said or b"transfer-encoding" in self._said
        self.reusable = False
        return self._reply() if self._status and not sized else self.cut()

    def cut(self) -> TransportError:
        """Return the error for a lost connection."""
        self.reusable = False
        return ANSWER_CUT_SHORT if self._taken_bytes else CONNECTION_RESET

    def _given_up(self) -> Reply | TransportError | None:
        """Stop reading an answer that is too long; the beginning of the body is enough."""
        if self._kept_bytes >= self._max_answer_bytes:
            self.reusable = False
            return self._reply()
        if self._taken_bytes - self._kept_bytes > MAX_FRAMING_BYTES + self._kept_bytes // _BODY_PER_FRAMING:
            self.reusable = False
            return ANSWER_UNREADABLE
        return None

    def _reply(self) -> Reply:
        if date := self._said.get(b"date"):
            self._hear_date(date)
        if self._status == _ACCEPTED.status and not self._body and b"x-amzn-errortype" not in self._said:
            # No other header matters but the id, and nearly every answer is one of these.
            request_id = self._word(b"x-amzn-requestid")
            return Reply(_ACCEPTED.status, request_id=request_id) if request_id else _ACCEPTED
        return Reply(
            self._status,
            self._word(b"x-amzn-errortype"),
            self._word(b"retry-after"),
            self._word(b"x-amz-retry-after"),
            b"".join(self._body),
            self._word(b"x-amzn-requestid"),
        )

    def _word(self, name: bytes) -> str:
        return self._said.get(name, b"").decode("latin-1").strip()

    def on_message_begin(self) -> None:
        """Stop the parser at anything that follows the answer: nobody asked for it."""
        if self._whole:
            raise HttpParserError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the headers that matter; if a name occurs twice, the first one."""
        name = name.lower()
        if name in _HEARD:
            self._said.setdefault(name, value)

    def on_headers_complete(self) -> None:
        """Take the status, unless the final answer is still to come (100 Continue, 103 Early Hints)."""
        assert self._parser is not None  # noqa: S101  the parser is calling
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL_STATUS:
            self._said.clear()
        else:
            self._status = status
            self.reusable = self._parser.should_keep_alive()

    def on_body(self, piece: bytes) -> None:
        """Keep no more than anybody will read."""
        kept = piece[: self._max_answer_bytes - self._kept_bytes]
        self._kept_bytes += len(kept)
        # A long answer is put together once: to append each piece would copy all before it.
        self._body.append(kept)

    def on_message_complete(self) -> None:
        """Note that the answer is complete, if it is the final one."""
        self._whole = self._status > 0
