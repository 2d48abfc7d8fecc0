"""A token comes back as it was; nothing else is one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.local.kinesis.stream_shapes import ShardFilter
from worker.local.kinesis.tokens import ShardIterator, ShardPage, Tokens

TOKENS = st.one_of(
    st.builds(
        ShardIterator,
        made_at=st.floats(0, 1e10),
        number=st.integers(0, 2**60),
        stream_created_at=st.floats(0, 1e10),
        sequence=st.integers(0, 2**186).map(str),
    ),
    st.builds(
        ShardPage,
        made_at=st.floats(0, 1e10),
        stream_created_at=st.floats(0, 1e10),
        most=st.integers(1, 10_000),
        wanted=st.none() | st.just(ShardFilter(type="AT_LATEST")),
    ),
)
LONGEST = ShardIterator(1.8e9, 2**40, "s" * 128, 1.8e9, "shardId-000000000000", "9" * 56)


@given(TOKENS)
def test_a_token_comes_back_as_it_was(token: ShardIterator | ShardPage) -> None:
    tokens = Tokens()
    assert tokens.token(tokens.text(token)) == token
    assert Tokens().token(tokens.text(token)) is None


@given(TOKENS, st.data())
def test_a_text_with_another_character_is_none(token: ShardIterator | ShardPage, data: st.DataObject) -> None:
    tokens = Tokens()
    text = tokens.text(token)
    # The last characters of base64 may have bits that say nothing.
    place = data.draw(st.integers(0, len(text) - 5))
    other = data.draw(st.characters().filter(lambda each: each != text[place]))
    assert tokens.token(text[:place] + other + text[place + 1 :]) is None


def test_an_iterator_is_no_longer_than_the_api_takes() -> None:
    assert len(Tokens().text(LONGEST)) <= 512
