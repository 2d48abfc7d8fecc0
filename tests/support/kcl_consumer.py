"""A consumer made of kcl-rs, in a process and an environment of its own: it is no dependency of ours.

``python kcl_consumer.py FOLDER`` reads ``settings.json`` there (``url``, ``application``, and ``stream`` or
``streams``), and adds a line to ``records.jsonl`` for each record. It checkpoints after each batch. SIGTERM
ends it; it keeps its leases until they expire.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import kcl_rs

folder = Path(sys.argv[1])
settings = json.loads((folder / "settings.json").read_text())
lock = threading.Lock()
output = (folder / "records.jsonl").open("a")


class Processor(kcl_rs.RecordProcessorBase):  # type: ignore[misc]  # not installed here
    def initialize(self, told: Any) -> None:
        self.shard = told.shard_id
        with lock:
            output.write(json.dumps({"begins": self.shard, "after": told.sequence_number}) + "\n")
            output.flush()

    def process_records(self, told: Any) -> None:
        if not told.records:
            return
        with lock:
            for each in told.records:
                event = json.loads(bytes(each.data))
                line = {"shard": self.shard, "sequence": each.sequence_number, "id": event["eventId"]}
                output.write(json.dumps(line) + "\n")
            output.flush()
        told.checkpointer.checkpoint()

    def lease_lost(self, told: Any) -> None:
        pass

    def shard_ended(self, told: Any) -> None:
        told.checkpointer.checkpoint()

    def shutdown_requested(self, told: Any) -> None:
        told.checkpointer.checkpoint()


of_streams = (
    {"stream_identifiers": settings["streams"]}
    if "streams" in settings
    else {"stream_name": settings["stream"]}
)
scheduler = kcl_rs.Scheduler(
    application_name=settings["application"],
    record_processor_factory=Processor,
    worker_identifier="kcl",
    region="us-east-1",
    endpoint_url=settings["url"],
    initial_position="TRIM_HORIZON",
    access_key_id="local",
    secret_access_key="local",  # noqa: S106  everybody's
    retrieval_mode="POLLING",
    idle_time_between_reads_millis=300,
    shard_sync_interval_millis=2000,
    **of_streams,
)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=scheduler.shutdown).start())
scheduler.run()
