"""A pattern of topics has one meaning: ours, librdkafka's, and the one that people read in it."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.support.posix import found_by_posix
from tests.support.samples import sample
from worker.core.topics import is_pattern, matches_topic, subscription
from worker.core.topics.parsing import PatternError, parse

LETTERS = "ab_.-1Z"
NAMES = st.text(alphabet=LETTERS, min_size=1, max_size=8)

ATOMS = st.sampled_from(
    ["a", "b", "_", "-", "1", "Z", r"\.", ".", "[.]", r"[\.a]", "[a-b]", "[^_]", "[^a.]", "[_a-]", "[0-9]"]
)
TIMES = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,}", "{0,2}", "{1,3}"])
PIECES = st.builds("{}{}".format, ATOMS, TIMES)


def sequences(pieces: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(pieces, min_size=1, max_size=4).map("".join)


def groups(pieces: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    options = st.lists(sequences(pieces), min_size=1, max_size=3).map("|".join)
    return st.builds("({}){}".format, options, TIMES)


BRANCHES = st.builds(
    "^{}{}".format,
    sequences(st.recursive(PIECES, lambda inner: inner | groups(inner), max_leaves=6)),
    st.sampled_from(["", "$"]),
)
PATTERNS = st.lists(BRANCHES, min_size=1, max_size=3).map("|".join)
# Anything that a hand may type.
SCRIBBLES = st.text(alphabet=r"^$|()[]{}*+?\.ab_-1,:=wd ", max_size=14).map("^{}".format)


@settings(max_examples=sample(40, 300))
@given(pattern=PATTERNS, names=st.lists(NAMES, min_size=1, max_size=10))
@example(pattern="^.*", names=["_", "_a", "a_", "__a"])
@example(pattern="^(_|a){2,3}$", names=["__", "_a", "a_", "aa_", "_a_"])
def test_a_pattern_takes_in_what_it_says_and_librdkafka_the_same(pattern: str, names: list[str]) -> None:
    """Held against the C library's own reading of what was written, and of what librdkafka is given."""
    (told,) = given_to_kafka(pattern)
    for name in names:
        takes = matches_topic(pattern, name)
        assert takes == (found_by_posix(pattern, name) and not name.startswith("__")), name
        assert takes == found_by_posix(told, name), name
        # The whole name, as a broker asks its own: RE2J's matches().
        assert takes == (re.fullmatch(told, name) is not None), name


@settings(max_examples=sample(60, 500))
@given(pattern=SCRIBBLES, names=st.lists(NAMES, min_size=1, max_size=5))
def test_whatever_is_written_is_read_as_posix_does_or_refused(pattern: str, names: list[str]) -> None:
    try:
        (told,) = subscription([pattern])
    except PatternError:
        return
    for name in names:
        takes = matches_topic(pattern, name)
        assert takes == (found_by_posix(pattern, name) and not name.startswith("__")), name
        assert takes == found_by_posix(told, name), name


def given_to_kafka(pattern: str) -> list[str]:
    """The subscription, unless the pattern is for Kafka's own topics only."""
    try:
        return subscription([pattern])
    except PatternError as refused:
        assume("begin with __" not in str(refused))
        raise


@given(pattern=PATTERNS, name=NAMES.map("__{}".format))
def test_a_pattern_never_takes_in_a_topic_of_kafkas_own(pattern: str, name: str) -> None:
    (told,) = given_to_kafka(pattern)
    assert not matches_topic(pattern, name)
    assert not found_by_posix(told, name)


def test_whoever_names_an_internal_topic_in_full_has_it() -> None:
    assert matches_topic("__consumer_offsets", "__consumer_offsets")
    assert subscription(["__consumer_offsets"]) == ["__consumer_offsets"]


@pytest.mark.parametrize(
    ("pattern", "name", "takes"),
    [
        ("^shop", "shop.events", True),
        ("^shop", "my-shop", False),
        ("^shop$", "shop.events", False),
        ("^clicks$|^views$", "views", True),
        ("^(clicks|views)$", "views", True),
        ("^(clicks|views)$", "shop.views", False),
        (r"^shop\.[^.]+$", "shop.a.b", False),
        ("^[.]dot", ".dot", True),
        ("^a{2,3}$", "aaaa", False),
        ("^", "anything", True),
        ("^a$", "a\n", False),
    ],
)
def test_a_pattern_begins_where_the_name_does_and_may_end_before_it(
    pattern: str,
    name: str,
    takes: bool,  # noqa: FBT001  the value under test
) -> None:
    assert matches_topic(pattern, name) is takes


def test_a_name_is_no_pattern() -> None:
    assert not is_pattern("a.b")
    assert not matches_topic("a.b", "axb")
    assert matches_topic("a.b", "a.b")


def test_what_means_the_same_twice_is_subscribed_to_once() -> None:
    """librdkafka refuses a subscription that holds an entry twice."""
    assert subscription(["a", "^b", "a", "^b.*"]) == ["a", "^(b.*)$", "^(b.*.*)$"]
    assert subscription(["^b", "^(b)", "^b"]) == ["^(b.*)$"]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("^clicks|views", "would match anywhere"),
        (r"^clicks$|\.views$", "would match anywhere"),
        (r"^[\w.]+-events$", "backslash within"),
        (r"^[a\-z]", "backslash within"),
        (r"^[\.-z]", "backslash within"),
        (r"^a\d+", r"has \d"),
        (r"^a\b", r"has \b"),
        (r"^(a)\1", r"has \1"),
        ("^a\\", "has \\"),
        ("^a[[:digit:]]", "[0-9]"),
        ("^(?i)a", "(?"),
        ("^a+?", "repeats a repetition"),
        ("^a**", "repeats a repetition"),
        ("^*a", "nothing before it"),
        ("^a(", "without a )"),
        ("^a)", ") without a ("),
        ("^[a", "[ without a ]"),
        ("^[]a]", "nothing in it"),
        ("^[z-a]", "a range"),
        ("^[a-b-c]", "a range"),
        ("^[!]", "no letter"),
        ("^()a", "nothing in it"),
        ("^(a|)b", "nothing in it"),
        ("^a||^b", "would match anywhere"),
        ("^a{,2}", "{m}"),
        ("^a{2,1}", "m up to n"),
        ("^a{0}", "m up to n"),
        ("^a{250}", "m up to n"),
        ("^a$b", "after a $"),
        ("^(a$|b)", "within a group"),
        ("^a^b", "not at the beginning"),
        ("^$", "no name"),
        ("^a b", "no topic's name has"),
        ("^\u00e4", "no topic's name has"),
        ("^__.*", "write such a one in full"),
        ("^(a{200}){200}", "repeats too much"),
        ("^" + "(" * 60 + "a" + ")" * 60, "nested too deep"),
        ("^" + "a" * 1000, "longer than"),
        ("^(" + "|".join(f".[_{letter}]" for letter in "abcdefghijklmnopqrst") + ")" + "x" * 600, "too long"),
    ],
)
def test_what_is_not_read_alike_by_all_is_refused_with_the_reason(pattern: str, said: str) -> None:
    with pytest.raises(PatternError) as refused:
        parse(pattern)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "pattern", ["^(a*)*b$", "^(a|a)*b$", "^.*.*.*.*.*.*x$", "^((a?){10}){10}b$", "^(.*_?.*)*z$", "^(a|_|.)*b"]
)
def test_no_pattern_makes_looking_through_the_topics_slow(pattern: str) -> None:
    """A backtracking reader takes years for some of these."""
    began = time.process_time()
    for end in "ab.":
        matches_topic(pattern, "a" * 248 + end)
    assert time.process_time() - began < 2
