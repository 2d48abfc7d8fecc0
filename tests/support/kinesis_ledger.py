"""What was put into streams, as the streams say it: each event with its shard and sequence number."""

from __future__ import annotations

import random
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from worker.local.audit import Produced

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_IN_A_CALL: Final = 100


class Entry(Struct, frozen=True):
    """A record that a stream took."""

    shard: str
    sequence: int
    event_id: str
    session_id: str


class Ledger:
    """Puts events and keeps account of them; used by several threads.

    Sessions are partition keys, so the order of a session is that of its sequence numbers, across a shard and
    all that it becomes.
    """

    def __init__(self, client: Any, sessions: int = 40) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._entries: dict[str, list[Entry]] = {}
        self._random = random.Random(1)  # noqa: S311  made-up events, not secrets
        self._sessions = sessions
        self._name = uuid.uuid4().hex[:12]

    def put(self, stream: str, count: int) -> None:
        """Put so many events of random sessions."""
        left = [self._event(stream) for _ in range(count)]
        while left:
            left = [*self._put(stream, left[:_MOST_IN_A_CALL]), *left[_MOST_IN_A_CALL:]]

    def produced(self) -> list[Produced]:
        """What should arrive."""
        return [Produced(each.session_id, each.sequence, each.event_id) for each in self._all()]

    def of(self, stream: str) -> list[Entry]:
        """What one stream took."""
        with self._lock:
            return list(self._entries.get(stream, ()))

    def _all(self) -> Iterable[Entry]:
        with self._lock:
            return [entry for entries in self._entries.values() for entry in entries]

    def _event(self, stream: str) -> dict[str, Any]:
        return {
            "eventId": uuid.uuid4().hex,
            "eventType": "view",
            "itemId": f"item-{self._random.randrange(1000)}",
            "sentAt": int(time.time()),
            # Of one stream alone: between two there is no order.
            "sessionId": f"{self._name}-{stream}-{self._random.randrange(self._sessions)}",
            "userId": None,
        }

    def _put(self, stream: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those that the stream did not take."""
        records = [{"Data": msgspec.json.encode(each), "PartitionKey": each["sessionId"]} for each in events]
        answers = self._client.put_records(StreamName=stream, Records=records)["Records"]
        refused = []
        with self._lock:
            entries = self._entries.setdefault(stream, [])
            for event, answer in zip(events, answers, strict=True):
                if answer.get("ErrorCode"):
                    refused.append(event)
                else:
                    place = answer["ShardId"], int(answer["SequenceNumber"])
                    entries.append(Entry(*place, event["eventId"], event["sessionId"]))
        return refused


class Feed:
    """Puts events into a stream at an even rate, in a thread, until ``stop``."""

    def __init__(self, ledger: Ledger, stream: str, events_per_second: float) -> None:
        self._ledger, self._stream = ledger, stream
        self._every = 0.1
        self._share = max(1, round(events_per_second * self._every))
        self._stopping = threading.Event()
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Put no more; raise what went wrong."""
        self._stopping.set()
        self._thread.join()
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self._every):
                self._ledger.put(self._stream, self._share)
        except Exception as error:  # noqa: BLE001  told by ``stop``
            self._failed = error
