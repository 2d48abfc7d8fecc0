"""What librdkafka's statistics say. The fields are as a real Kafka's client gave them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.model.partition import Partition
from worker.sources.kafka.statistics import decode, moved, statistics_ms

PARTITION = {
    "broker": 1,
    "hi_offset": 7,
    "ls_offset": 6,
    "next_offset": 6,
    "app_offset": 6,
    "committed_offset": 5,
    "fetch_state": "active",
    "fetchq_cnt": 0,
}
UNASSIGNED = {"hi_offset": -1001, "committed_offset": -1001}


def test_a_partition_is_read() -> None:
    topics = {"t": {"partitions": {"0": PARTITION, "-1": UNASSIGNED}}}
    statistics = decode(json.dumps({"topics": topics}))
    assert statistics is not None
    ((key, each),) = statistics.partitions()
    assert key == Partition("t", 0)
    assert (each.hi_offset, each.ls_offset, each.next_offset, each.committed_offset) == (7, 6, 6, 5)


def test_where_it_was_moved_counts_while_nothing_has_come_since() -> None:
    topics = {"t": {"partitions": {"0": PARTITION, "1": PARTITION | {"app_offset": -1001}}}}
    statistics = decode(json.dumps({"topics": topics}))
    assert statistics is not None
    assert list(moved(statistics.partitions())) == [(Partition("t", 1), 6)]


def test_whatever_is_not_there_is_not_known() -> None:
    statistics = decode("{}")
    assert statistics is not None
    assert list(statistics.partitions()) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "brokers": st.dictionaries(st.text(), JSON | st.fixed_dictionaries({"throttle": JSON, "rx": JSON})),
        "topics": st.dictionaries(
            st.text(), st.fixed_dictionaries({"partitions": st.dictionaries(st.text(), JSON)})
        ),
        "cgrp": JSON,
    },
)


@given(st.text() | st.binary() | JSON.map(json.dumps) | SHAPED.map(json.dumps))
def test_no_statistics_whatever_they_are_raise(text: str | bytes) -> None:
    statistics = decode(text)
    if statistics is not None:
        for (topic, partition), _ in statistics.partitions():
            assert isinstance(topic, str)
            assert partition >= 0


@pytest.mark.parametrize(
    "text",
    [
        '{"client_id": "a"b"}',
        "",
        "null",
        "[]",
        "[" * 100_000,
        '{"topics": {"t\ud800": {}}}',
        b'{"topics": {"\xff": {}}}',
    ],
    ids=["a quote", "nothing", "null", "a list", "deep", "half a pair", "no UTF-8"],
)
def test_what_is_no_statistics_is_none(text: str | bytes) -> None:
    assert decode(text) is None


@pytest.mark.parametrize(
    ("said", "taken"),
    [(None, 5000), (0, 5000), ("0", 5000), (1000, 1000), ("250", 250), (3_600_000, 5000), ("often", 5000)],
)
def test_they_come_as_often_as_readiness_needs_them(said: object, taken: int) -> None:
    settings = {} if said is None else {"statistics.interval.ms": said}
    assert statistics_ms(settings) == taken
