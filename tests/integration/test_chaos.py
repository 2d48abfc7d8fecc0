"""A short chaos on three brokers; ``make chaos`` is the long one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.chaos.network import NoProxy
from tests.chaos.plan import KINDS, make_plan
from tests.chaos.run import run_chaos
from tests.support.kafka_topics import NoKafka
from tests.support.samples import LONG

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.long,
    pytest.mark.skipif(not LONG, reason="takes a minute of both cores: make test-long"),
]

# Of this seed, all three fit into so short a time.
SECONDS, SEED = 43.0, 22
SHORT = ("worker killed", "broker killed", "Kafka cut off from a worker")


def test_faults_of_worker_broker_and_network_break_no_promise(tmp_path: Path) -> None:
    """Every commit is held against what was settled by then."""
    plan = make_plan(SEED, SECONDS, [each for each in KINDS if each.name in SHORT])
    try:
        outcome = run_chaos(tmp_path, plan, seconds=SECONDS, protocol="consumer", seed=SEED)
    except (NoKafka, NoProxy) as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    assert outcome.broken_promises() == []
    assert len(outcome.report.episodes) > len(plan)
    assert outcome.commits
