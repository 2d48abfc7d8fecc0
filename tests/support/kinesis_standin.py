"""The stand-in for Kinesis and DynamoDB as a process of its own, for the faults that no emulator has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from tests.support.processes import EndpointProcess, ask

if TYPE_CHECKING:
    from pathlib import Path

WORDS: Final = ("worker.local.kinesis", "--port", "0")


class StandIn(EndpointProcess):
    """``python -m worker.local.kinesis``."""

    def __init__(self, log: Path) -> None:
        """Start it and wait until it says where it listens."""
        super().__init__(log, WORDS)

    def set_rules(self, *rules: dict[str, Any]) -> None:
        """From now on, this goes wrong and nothing else."""
        ask(f"{self.url}/faults", msgspec.json.encode({"rules": rules}))

    def calls(self) -> dict[str, Any]:
        """How many calls there were."""
        told: dict[str, Any] = msgspec.json.decode(ask(f"{self.url}/calls"))
        return told
