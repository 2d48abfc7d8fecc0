"""Where the tests' Kafka comes from, and what is said where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.apache_kafka import ADDRESS_VARIABLE, start_kafka
from tests.support.kafka_topics import NoKafka

if TYPE_CHECKING:
    from pathlib import Path


def test_without_a_way_to_kafka_the_reason_names_all_three(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(ADDRESS_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoKafka, match=r"WORKER_TEST_KAFKA is not set; Java and Maven: .*; Docker: "):
        start_kafka()
