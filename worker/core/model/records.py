"""The records' types on their way through the worker: one frozen type per stage.

A ``Record`` (as it came from the topic) becomes an ``Interaction`` (mapped and valid), ``Undecodable`` (a
dead letter) or ``Skipped`` (by rule). One that holds several events becomes a ``FanOut``, which has one of
those three for each ``Element``. Interactions of one session and one user become a ``Batch``, which is one
PutEvents call.

The types are msgspec structs that the garbage collector does not track. A worker holds a hundred thousand of
them, they form no cycles, and they should cost neither a header each nor the collector's traversals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from worker.core.offsets.assignment import Assignment

Headers: TypeAlias = tuple[tuple[str, bytes | None], ...]

# Memory that a record takes besides its own bytes: its objects and its entries in queue and offset tracker; a
# header's objects; a session with its queue and its place in the heap, but without the texts of its ids.
# Measured by `python -m benchmarks holding`.
OVERHEAD_BYTES = 320
HEADER_BYTES = 160
SESSION_BYTES = 440
# What an element takes besides its encoded event: its own objects and its entry in the queue. Its record
# counts once for all of them, until the last one leaves. Measured in the same way.
ELEMENT_BYTES = 220


class Record(Struct, frozen=True, gc=False):
    """One record; its key, value and headers are byte for byte as the topic holds them."""

    assignment: Assignment
    """The assignment under which it came; it names topic and partition."""
    offset: int
    timestamp_ms: int | None
    """Epoch milliseconds, set by the producer or the broker, depending on the topic's configuration."""
    key: bytes | None
    value: bytes | None
    """``None`` is a tombstone."""
    headers: Headers
    received_at: float = 0.0
    """When it was received, in seconds of the loop's clock; records that came together share the float."""


class Element(Record, frozen=True, gc=False, kw_only=True):
    """A record seen as one of the several events that it holds; it shares key, value and headers with them.

    All elements of a record have its offset, which may be committed once each of them is settled.
    """

    index: int
    """Which of the record's events this is, from 0."""
    of: int
    """How many events the record holds, at least 2."""


REFUSED = "refused"
"""The ``kind`` of reason for what the API refused."""


class Reason(Struct, frozen=True, gc=False):
    """Why a record is a dead letter.

    ``kind`` is one word of a small fixed set, so it can label a metric; ``text`` names field and rule.
    Neither holds a value from the record, with one exception. The text for a refused event is the error code,
    a colon, and the API's message, which may cite a value.
    """

    kind: str
    text: str


class Interaction(Struct, frozen=True, gc=False):
    """A mapped, valid event; ``event`` is its JSON as it will stand in ``eventList``, encoded once."""

    record: Record
    session_id: str
    user_id: str | None
    event: bytes


class Undecodable(Struct, frozen=True, gc=False):
    """A record that is no interaction and never will be."""

    record: Record
    reason: Reason


class Skipped(Struct, frozen=True, gc=False):
    """A record that is left out by a rule; ``rule`` is one word, so it can label a metric."""

    record: Record
    rule: str


MappedOne: TypeAlias = Interaction | Undecodable | Skipped
"""What one element became, or a record that holds only one."""


class FanOut(Struct, frozen=True, gc=False):
    """A record that holds several events, each with an outcome of its own, in the record's order."""

    record: Record
    outcomes: tuple[MappedOne, ...]
    """At least two; the record of each is an ``Element``.

    If any is ``Undecodable``, another is an ``Interaction``. A record of which nothing can be mapped is
    ``Undecodable`` as a whole, because the mapping may be at fault and not the record.
    """


Mapped: TypeAlias = MappedOne | FanOut
"""What a record became."""


def each_of(mapped: Mapped) -> tuple[MappedOne, ...]:
    """Return what each of a record's elements became; of a record that holds only one, that one."""
    return mapped.outcomes if isinstance(mapped, FanOut) else (mapped,)


class Batch(Struct, frozen=True, gc=False):
    """The events of one PutEvents call: 1 to 10, in order, of one session and one user."""

    session_id: str
    user_id: str | None
    interactions: tuple[Interaction, ...]

    def halves(self) -> tuple[Batch, Batch]:
        """Return both halves of a batch of two or more, the earlier events first."""
        middle = len(self.interactions) // 2
        return self._of(self.interactions[:middle]), self._of(self.interactions[middle:])

    def is_ours(self) -> bool:
        """Whether the assignments of all its events are open."""
        return all(each.record.assignment.open for each in self.interactions)

    def _of(self, interactions: tuple[Interaction, ...]) -> Batch:
        return Batch(self.session_id, self.user_id, interactions)


def element_index(record: Record) -> int:
    """Return which of its record's elements this is; 0 for a record that holds only one."""
    return record.index if isinstance(record, Element) else 0


def text_bytes(text: str | None) -> int:
    """Return the bytes of memory that an id takes, up to four per character; always the same per text."""
    # Measured on a copy, because a text grows once somebody has asked for its UTF-8 form.
    return 0 if text is None else (" " + text).__sizeof__()


def element_bytes(event: bytes | None) -> int:
    """Estimate the memory that an element takes in addition to its record, excluding its session."""
    return ELEMENT_BYTES + len(event or b"")


def held_bytes(record: Record, event: bytes | None = None) -> int:
    """Estimate the memory that holding ``record`` (and its ``event``) takes, excluding its session.

    For an element this is what the whole record takes that it shares with the others.
    """
    size = OVERHEAD_BYTES + len(record.value or b"") + len(record.key or b"") + len(event or b"")
    if record.headers:
        size += sum(HEADER_BYTES + len(name) + len(value or b"") for name, value in record.headers)
    return size
