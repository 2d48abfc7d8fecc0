"""Dead letters in a stream: one JSON object a letter, written once the stream has it, and not before."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import record
from worker.core.model import dead_letter_headers as names
from worker.core.model.records import Reason
from worker.dead_letters.stream import StreamDeadLetters
from worker.ports import DeadLettersUnwritable

if TYPE_CHECKING:
    from worker.core.model.records import Headers

REASON = Reason("missing", "session_id: nothing there")


class Stream:
    """What was appended, and what it answers."""

    def __init__(self, why: str | None = None) -> None:
        self.why = why
        self.letters: list[tuple[bytes, str]] = []

    async def append(self, letter: bytes, partition_key: str) -> str | None:
        self.letters.append((letter, partition_key))
        return self.why


async def written(
    key: bytes | None, value: bytes | None, headers: Headers = ()
) -> tuple[dict[str, str], str]:
    stream = Stream()
    letters = StreamDeadLetters(stream, version="1.2.3")
    await letters.write(record(key=key, value=value, headers=headers, offset=7), REASON, tries=3)
    ((letter, partition_key),) = stream.letters
    return msgspec.json.decode(letter), partition_key


async def test_a_letter_says_where_its_record_was_and_why_it_is_one() -> None:
    letter, _ = await written(b"k", b"{}")
    headers = msgspec.convert(letter["headers"], dict[str, str])
    assert headers[names.ORIGINAL_OFFSET] == "7"
    assert headers[names.ERROR_CLASS] == "missing"
    assert headers[names.REASON] == "session_id: nothing there"
    assert headers[names.TRIES] == "3"


@given(key=st.none() | st.binary(max_size=400), value=st.none() | st.binary(max_size=400))
async def test_the_record_can_always_be_had_back_byte_for_byte(
    key: bytes | None, value: bytes | None
) -> None:
    letter, partition_key = await written(key, value)
    for name, content in (("key", key), ("value", value)):
        if name in letter:
            told = letter[name]
            assert (None if told is None else told.encode()) == content
        else:
            assert b64decode(letter[f"{name}_base64"]) == content
    assert 1 <= len(partition_key) <= 256
    partition_key.encode()


async def test_headers_that_are_no_text_are_no_reason_to_lose_a_letter() -> None:
    letter, _ = await written(b"k", b"{}", (("trace", b"\xff\x00"), ("none", None)))
    headers = msgspec.convert(letter["headers"], dict[str, str | None])
    assert (headers["trace"], headers["none"]) == ("\\xff\x00", None)


async def test_a_letter_that_the_stream_does_not_have_is_not_written() -> None:
    letters = StreamDeadLetters(Stream("letters: InternalFailure"), version="1.2.3")
    with pytest.raises(DeadLettersUnwritable, match="letters: InternalFailure"):
        await letters.write(record(), REASON, tries=1)
