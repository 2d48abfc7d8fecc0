from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.http.errors import TransportError
from worker.http.reply import Reply
from worker.http.response_parser import MAX_ANSWER_BYTES, MAX_FRAMING_BYTES, ResponseParser

ERROR = (
    b"HTTP/1.1 400 Bad Request\r\nDate: Tue, 14 Nov 2023 23:59:59 GMT\r\nX-AMZN-ErrorType: Throttling\r\n"
    b"retry-after:  3 \r\nx-amz-retry-after: 1500\r\nRetry-After: 9\r\n"
)
THROTTLED = Reply(400, "Throttling", "3", "1500", b'{"message":"m"}')
ANSWERS = {
    "sized": ERROR + b'Content-Length: 15\r\n\r\n{"message":"m"}',
    "chunked": ERROR
    + b'Transfer-Encoding: chunked\r\n\r\nB;x=y\r\n{"message":\r\n4\r\n"m"}\r\n0\r\nT: t\r\n\r\n',
    "interim": b"HTTP/1.1 100 Continue\r\nretry-after: 7\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    + ERROR
    + b'content-length: 15\r\n\r\n{"message":"m"}',
}


def reader_of(dates: list[bytes] | None = None) -> ResponseParser:
    """A reader; the Dates that it hears go into the list."""
    return ResponseParser(([] if dates is None else dates).append)


def read(
    *pieces: bytes, reader: ResponseParser | None = None
) -> tuple[Reply | TransportError | None, ResponseParser]:
    """Feed until there is an answer."""
    reader = reader or reader_of()
    for piece in pieces:
        reply = reader.feed(piece)
        if reply is not None:
            return reply, reader
    return None, reader


@given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(0, 400)))
def test_an_answer_is_the_same_in_whatever_pieces_it_arrives(form: str, cuts: list[int]) -> None:
    whole = ANSWERS[form]
    places = sorted({0, len(whole), *(cut % len(whole) for cut in cuts)})
    pieces = [whole[begin:end] for begin, end in pairwise(places)]
    reply, reader = read(*pieces)
    assert reply == THROTTLED
    assert reader.reusable


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([*ANSWERS.values(), b"HTTP/1.1 200 OK\r\n", b"\r\n"]))
)
def test_no_bytes_make_reading_raise(pieces: list[bytes]) -> None:
    reply, reader = read(*pieces)
    assert reply is None or isinstance(reply, Reply | TransportError)
    assert isinstance(reader.end(), Reply | TransportError)
    assert not reader.reusable


@given(st.lists(st.sampled_from([*ANSWERS.values(), b"HTTP/1.1 204 X\r\n\r\n"]), min_size=1, max_size=5))
def test_answers_that_follow_one_another_have_nothing_of_each_other(said: list[bytes]) -> None:
    reader = reader_of()
    for each in said:
        reader.expect()
        reply, _ = read(each, reader=reader)
        assert reply == (Reply(204) if b"204" in each else THROTTLED)
        assert reader.reusable


@pytest.mark.parametrize("status", [200, 503])
def test_without_a_length_the_end_of_the_connection_is_the_end_of_the_answer(status: int) -> None:
    reply, reader = read(b"HTTP/1.1 %d X\r\n\r\nab" % status, b"cd")
    assert reply is None
    assert reader.end() == Reply(status, body=b"abcd")


def test_a_lost_connection_is_no_end_of_an_answer() -> None:
    _, reader = read(b"HTTP/1.1 503 X\r\n\r\nab")
    assert reader.cut() == TransportError("AnswerCutShort")
    assert reader_of().cut() == reader_of().end() == TransportError("ConnectionReset")
    assert read(b"HTTP/1.1 100 Continue\r\n\r\n")[1].end() == TransportError("AnswerCutShort")
    assert read(b"HTTP/1.1 200 OK\r\ncontent-")[1].end() == TransportError("AnswerCutShort")


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 2OO OK\r\n\r\n",
        b"\x16\x03\x01\x00\xa5",
    ],
)
def test_an_answer_that_can_be_read_in_two_ways_or_none_is_unreadable(said: bytes) -> None:
    assert read(said)[0] == TransportError("AnswerUnreadable")


@pytest.mark.parametrize(
    "endless",
    [
        [b"HTTP/1.1 200 OK\r\n", b"x: " + b"y" * 1000 + b"\r\n"],
        [b"HTTP/1.1 200 OK\r\nx: ", b"y" * 1000],
        [b"", b"HTTP/1.1 100 Continue\r\n\r\n"],
        [b"HTTP/1.1 500 X\r\ntransfer-encoding: chunked\r\n\r\n", b"1;" + b"y" * 1000 + b"\r\nx\r\n"],
    ],
    ids=["headers", "header", "interim", "chunks"],
)
def test_what_is_no_body_has_a_bound_too(endless: list[bytes]) -> None:
    begin, again = endless
    pieces = [begin, *[again] * (2 * MAX_FRAMING_BYTES // len(again))]
    assert read(*pieces)[0] == TransportError("AnswerUnreadable")


@pytest.mark.parametrize("piece", [1000, 10 * MAX_ANSWER_BYTES])
def test_of_the_body_the_beginning_is_kept(piece: int) -> None:
    pieces = [b"x" * piece] * (2 + 2 * MAX_ANSWER_BYTES // piece)
    reply, reader = read(b"HTTP/1.1 500 X\r\ncontent-length: 9999999\r\n\r\n", *pieces)
    assert reply == Reply(500, body=b"x" * MAX_ANSWER_BYTES)
    assert not reader.reusable


def test_a_long_body_may_come_in_many_chunks() -> None:
    reader = ResponseParser(lambda _: None, 64 * MAX_FRAMING_BYTES)
    chunk = b"64\r\n" + b"x" * 100 + b"\r\n"
    chunks = 32 * MAX_FRAMING_BYTES // 100
    pieces = [b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n", *[chunk] * chunks, b"0\r\n\r\n"]
    reply, _ = read(*pieces, reader=reader)
    assert reply == Reply(200, body=b"x" * 100 * chunks)
    assert reader.reusable


def test_the_date_of_each_whole_answer_is_told() -> None:
    dates: list[bytes] = []
    reader = reader_of(dates)
    read(b"HTTP/1.1 200 OK\r\ndate: then\r\ncontent-length: 0\r\n", reader=reader)
    assert dates == []
    read(b"\r\n", reader=reader)
    reader.expect()
    read(ANSWERS["interim"], reader=reader)
    assert dates == [b"then", b"Tue, 14 Nov 2023 23:59:59 GMT"]
