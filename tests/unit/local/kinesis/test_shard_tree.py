"""Whatever is split, merged and rescaled: each hash key has one open shard, and children come later."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from worker.local.kinesis.hash_ranges import MAX_HASH_KEY
from worker.local.kinesis.shard_tree import ShardTree

CHANGES = st.lists(
    st.tuples(st.sampled_from(["split", "merge", "rescale"]), st.integers(0, 99), st.integers(0, 3)),
    max_size=8,
)


def change(tree: ShardTree, how: str, chosen: int, now: float) -> None:
    shards = tree.open
    place = chosen % len(shards)
    if how == "split":
        first, last = shards[place].hash_range
        tree.split(shards[place], first + (last - first) // 3, now)
    elif how == "merge" and place + 1 < len(shards):
        tree.merge(shards[place + 1], shards[place], now)
    elif how == "rescale":
        tree.rescale(1 + chosen % 9, now)


@given(st.integers(1, 5), CHANGES)
def test_open_shards_divide_the_hash_keys_among_them(count: int, changes: list[tuple[str, int, int]]) -> None:
    now = 1000.0
    tree = ShardTree(count, now)
    for how, chosen, seconds in changes:
        now += seconds
        change(tree, how, chosen, now)
        ranges = [each.hash_range for each in tree.open]
        assert (ranges[0][0], ranges[-1][1]) == (0, MAX_HASH_KEY)
        assert all(one[1] + 1 == other[0] for one, other in pairwise(ranges))
        assert all(tree.shard_of(end) is each for each in tree.open for end in each.hash_range)
        if how == "rescale":
            assert len(ranges) == 1 + chosen % 9


@given(st.integers(1, 3), CHANGES)
def test_all_numbers_of_a_child_are_above_those_of_its_parents(
    count: int, changes: list[tuple[str, int, int]]
) -> None:
    now = 1000.0
    tree = ShardTree(count, now)
    for how, chosen, seconds in changes:
        for each in tree.open:
            tree.append(each, "k", b"", now)
        now += seconds
        change(tree, how, chosen, now)
    for child in tree.all.values():
        for name in child.parents:
            parent = tree.all[name]
            assert parent.ending_sequence is not None
            assert parent.next_sequence <= parent.ending_sequence < child.first_sequence
            assert child in tree.children(parent)
