"""A record as confluent-kafka hands it over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.stage import EPOCH_SECONDS
from tests.support.twins import TOPIC

if TYPE_CHECKING:
    from tests.simulation.truth import Written


class Message:
    """A record as confluent-kafka hands it over."""

    __slots__ = ("record", "text")

    def __init__(self, record: Written) -> None:
        self.record = record
        self.text = record.value()

    def __len__(self) -> int:
        return len(self.text)

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return TOPIC

    def partition(self) -> int:
        return self.record.partition

    def offset(self) -> int:
        return self.record.offset

    def timestamp(self) -> tuple[int, int]:
        return 1, int((EPOCH_SECONDS + self.record.at) * 1000)

    def leader_epoch(self) -> int:
        return self.record.leader_epoch

    def headers(self) -> None:
        return None

    def key(self) -> bytes:
        return self.record.name.encode()

    def value(self) -> bytes:
        return self.text
