"""Requests from bytes, in whatever pieces they come."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.local.http import MAX_BODY_BYTES, Inbox, Request, Unreadable

ONE = b"POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
TWO = b"GET /calls HTTP/1.1\r\n\r\n"


@given(st.lists(st.integers(0, len(ONE + TWO)), max_size=8))
def test_requests_come_out_whole_however_the_bytes_came(cuts: list[int]) -> None:
    wire, inbox, requests = ONE + TWO, Inbox(), []
    places = [0, *sorted(cuts), len(wire)]
    for start, end in pairwise(places):
        inbox.feed(wire[start:end])
        while (request := inbox.next_request()) is not None:
            requests.append(request)
    assert requests == [
        Request("POST", "/events", {"host": "h", "content-length": "4"}, b"body"),
        Request("GET", "/calls", {}, b""),
    ]


@pytest.mark.parametrize(
    "wire",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1),
        b"x" * 100_000,
    ],
)
def test_what_is_no_request_for_this_server_is_told(wire: bytes) -> None:
    inbox = Inbox()
    inbox.feed(wire)
    with pytest.raises(Unreadable):
        inbox.next_request()
