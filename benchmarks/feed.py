"""A stream of records at a steady rate, for as long as a block, and what it sent."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from msgspec import Struct

from worker.local.audit import Produced
from worker.local.traffic import POISON_ITEM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from benchmarks.ground import Ground

TICK_SECONDS = 0.05
# So many sessions are awake; each lives so many events, then another takes its place.
AWAKE, EVENTS = 400, 10
RECORD_BYTES = 300
SENT_AT_SECONDS = 1_767_225_600


class Sent(Struct, frozen=True, gc=False):
    """A record's place in the stream, from which all else follows."""

    place: int

    @property
    def session(self) -> int:
        """Its session's number."""
        return self.place // (AWAKE * EVENTS) * AWAKE + self.place % AWAKE

    @property
    def sequence(self) -> int:
        """Its place within the session."""
        return self.place % (AWAKE * EVENTS) // AWAKE

    @property
    def produced(self) -> Produced:
        """As the books compare it."""
        return Produced(f"session-{self.session:08d}", self.sequence, f"{self.place:012d}")


class Feed:
    """Produces in a thread of its own, which costs some hundredths of a core."""

    def __init__(
        self, ground: Ground, topic: str, per_second: int, *, unmappable_every: int = 0, poison_every: int = 0
    ) -> None:
        """Every so many records one is broken, or has an item that the endpoint refuses; 0: none."""
        self._ground = ground
        self._topic = topic
        self._per_second = per_second
        self._unmappable_every = unmappable_every
        self._poison_every = poison_every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed")
        self.sent = 0

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, once all of it is on the topic."""
        self.stop()

    def stop(self) -> None:
        """Send no more; return when all of it is on the topic."""
        self._stopping.set()
        self._thread.join()

    def produced(self) -> Iterator[Produced]:
        """What should arrive, or be a dead letter."""
        return (Sent(place).produced for place in range(self.sent))

    def excused(self) -> set[str]:
        """The ids of those that become dead letters."""
        bad = (place for place in range(self.sent) if self._is_unmappable(place) or self._is_poison(place))
        return {Sent(place).produced.event_id for place in bad}

    def value(self, place: int) -> str:
        """The record at this place of the stream."""
        sent = Sent(place).produced
        item = POISON_ITEM if self._is_poison(place) else f"item-{place % 20_000}"
        sent_at = (
            '"never"' if self._is_unmappable(place) else str(SENT_AT_SECONDS + place // self._per_second)
        )
        head = (
            f'{{"eventId":"{sent.event_id}","eventType":"view","sentAt":{sent_at},'
            f'"sessionId":"{sent.session_id}","userId":"user-{sent.session_id[-4:]}","itemId":"{item}","x":"'
        )
        return head.ljust(RECORD_BYTES - 2, "x") + '"}'

    def _run(self) -> None:
        began = time.monotonic()
        with self._ground.producer() as producer:
            while not self._stopping.wait(TICK_SECONDS):
                due = int((time.monotonic() - began) * self._per_second)
                for place in range(self.sent, due):
                    producer.produce(self._topic, self.value(place), Sent(place).produced.session_id)
                self.sent = max(self.sent, due)
                producer.poll(0)

    def _is_unmappable(self, place: int) -> bool:
        return _every(place, self._unmappable_every)

    def _is_poison(self, place: int) -> bool:
        return _every(place + 1, self._poison_every)


def _every(place: int, step: int) -> bool:
    return step > 0 and place % step == 0
