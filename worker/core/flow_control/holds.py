"""Holds: why nothing is sent, or why records are kept, until somebody has fixed the cause."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct


class HoldKind(StrEnum):
    """The kind of problem to be fixed. The value is the word in logs, metrics and ``/ready``."""

    MISCONFIGURED = "misconfigured"
    """Credentials, permission, tracker or endpoint: AWS refuses the worker, not the events."""
    REFUSALS = "refusals"
    """Events of different sessions are refused in a row."""
    DEAD_LETTERS = "dead_letters"
    """The dead-letter topic can't be written."""
    UNMAPPABLE = "unmappable"
    """Nothing of a topic can be mapped. This does not open the circuit breaker: calls continue."""

    SCHEMA_REGISTRY = "schema_registry"
    """The schema registry is away or refuses us. This does not open the circuit breaker either: only the
    partitions wait whose next record needs a schema that is not known yet."""

    @property
    def is_probed_by_calls(self) -> bool:
        """Whether a call can find out that the hold is over.

        The others end with a dead letter that was written, a record that was mapped, or an answer of the
        registry.
        """
        return self in _PROBED_BY_CALLS


_PROBED_BY_CALLS: Final = frozenset({HoldKind.MISCONFIGURED, HoldKind.REFUSALS})


class Hold(Struct, frozen=True):
    """One hold: the cause, since when (seconds of the loop's clock), and what a person can do about it."""

    kind: HoldKind
    reason: str
    since: float
    advice: str
