"""A worker that takes in so many records, and no more until a file is there: what is fetched ahead waits.

``python -m tests.support.valve FILE RECORDS run --config FILE``.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from worker.__main__ import main
from worker.sources.kafka.source import KafkaSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.core.model.records import Record

CLOSED_SECONDS = 0.05


def put_in(valve: Path, records: int) -> None:
    """Have the source of this process behave so."""
    left, right, is_open = records, KafkaSource.receive, valve.exists

    async def receive(source: KafkaSource, max_records: int) -> Sequence[Record]:
        nonlocal left
        if is_open():
            return await right(source, max_records)
        if not left:
            # Not even a poll: librdkafka does what it does, and hands nothing over.
            await asyncio.sleep(CLOSED_SECONDS)
            return ()
        received = await right(source, min(left, max_records))
        left -= len(received)
        return received

    KafkaSource.receive = receive  # type: ignore[method-assign]  # it is what this program is for


if __name__ == "__main__":
    put_in(Path(sys.argv.pop(1)), int(sys.argv.pop(1)))
    sys.exit(main())
