"""What one would write oneself: boto3, a thread a shard, batches of a session, no leases and no checkpoints.

``python -m benchmarks.boto3_in_threads STREAM STREAMS_URL EVENTS_URL RECORDS`` ends once all are accepted.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import defaultdict
from typing import Any, Final

import boto3

MAX_EVENTS: Final = 10
LIMIT: Final = 2_000
WAIT_SECONDS: Final = 0.25


class Reader(threading.Thread):
    """Reads one shard until told to stop."""

    def __init__(self, stream: str, shard: str, streams: Any, events: Any, done: threading.Semaphore) -> None:
        super().__init__(daemon=True)
        self._stream, self._shard, self._streams, self._events = stream, shard, streams, events
        self._done = done

    def run(self) -> None:
        """Read and send."""
        iterator = self._streams.get_shard_iterator(
            StreamName=self._stream, ShardId=self._shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            answer = self._streams.get_records(ShardIterator=iterator, Limit=LIMIT)
            iterator = answer["NextShardIterator"]
            sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for record in answer["Records"]:
                event = json.loads(record["Data"])
                sessions[event["sessionId"]].append(event)
            for session, events in sessions.items():
                for first in range(0, len(events), MAX_EVENTS):
                    self._send(session, events[first : first + MAX_EVENTS])
            threading.Event().wait(WAIT_SECONDS)

    def _send(self, session: str, events: list[dict[str, Any]]) -> None:
        names = ("eventId", "eventType", "itemId", "sentAt")
        self._events.put_events(
            trackingId="benchmark",
            sessionId=session,
            eventList=[
                {**{name: each[name] for name in names}, "properties": json.dumps(each["properties"])}
                for each in events
            ],
        )
        for _ in events:
            self._done.release()


def main() -> None:
    """Read all shards until so many records are accepted."""
    stream, streams_url, events_url, records = sys.argv[1:5]
    session = boto3.Session(region_name="us-east-1")
    streams = session.client("kinesis", endpoint_url=streams_url)
    events = session.client("personalize-events", endpoint_url=events_url)
    done = threading.Semaphore(0)
    for shard in streams.list_shards(StreamName=stream)["Shards"]:
        Reader(stream, shard["ShardId"], streams, events, done).start()
    for _ in range(int(records)):
        done.acquire()


if __name__ == "__main__":
    main()
