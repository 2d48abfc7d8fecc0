"""The demo's Kinesis: the stand-in within this process, for streams and for the lease table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker.core.model import dead_letter_headers
from worker.local.kinesis.endpoint import LocalKinesis
from worker.local.kinesis.faults import Faults, Rule
from worker.local.topics import Letter
from worker.local.venue import DEAD_LETTERS, GROUP, NAME

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from worker.local.kinesis.shards import Record, Shard
    from worker.local.traffic import TopicRecord
    from worker.local.venue import Keys

SHARDS: Final = 4
# The shortest that there is: a killed worker's leases are taken after twice as long.
FAILOVER_SECONDS: Final = 3.0
# What goes wrong all the time: some reads too many, some answers lost after the table took the write.
FAULTS: Final = Faults(
    rules=(
        Rule(does="throttle", calls=("GetRecords",), every=15),
        Rule(does="lose", calls=("UpdateItem",), every=20),
        Rule(does="empty", calls=("GetRecords",), every=7),
    )
)
_SHARD_END: Final = "SHARD_END"
_ANY_SIZE: Final = 1 << 40


class _Letter(msgspec.Struct):
    """The members of a letter that the demo looks at."""

    headers: dict[str, str | None]
    value: str | None = None
    value_base64: bytes | None = None


class KinesisVenue:
    """The stand-in; implements ``Venue``.

    Args:
        keys: those that it knows.
        region: what the worker takes for its region.
    """

    def __init__(self, keys: Keys, region: str) -> None:
        self._region = region
        self._local = LocalKinesis(faults=FAULTS, access_keys={keys.access_key: keys.secret_key})
        self._stream = self._local.streams.create(NAME, SHARDS)
        self._letters = self._local.streams.create(DEAD_LETTERS)
        self._is_split = False

    async def __aenter__(self) -> Self:
        """Listen."""
        await self._local.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more."""
        await self._local.__aexit__(kind, error, trace)

    def settings(self) -> dict[str, Any]:
        """Name addresses, streams and table."""
        return {
            "source": "kinesis",
            "kinesis": {
                "streams": [NAME],
                "application_name": GROUP,
                "region": self._region,
                "endpoint_url": self._local.url,
                "dynamodb_endpoint_url": self._local.url,
                "create_table": True,
                "failover_seconds": FAILOVER_SECONDS,
            },
            "dead_letters": {"stream": DEAD_LETTERS},
        }

    def put(self, records: Sequence[TopicRecord]) -> None:
        """Put records; a stream knows none without a value."""
        for record in records:
            if record.value is not None:
                self._stream.put(record.key.decode(), record.value)

    async def finish(self) -> None:
        """Do nothing: what was put is there."""

    async def letters_written(self) -> int:
        """Count the records of the dead-letter stream."""
        return len(self._all_letters())

    async def letters(self) -> list[Letter]:
        """Read the dead-letter stream."""
        return [_letter(each) for each in self._all_letters()]

    async def uncommitted(self) -> int:
        """Count the shards of which the table does not say that all is done."""
        rows = self._local.tables[GROUP].items()
        return sum(not _is_done(shard, rows.get(name, {})) for name, shard in self._stream.shards.items())

    def reshard(self) -> None:
        """Split the first shard; the next time, merge the two that it became."""
        first, second = self._stream.open_shards[:2]
        if self._is_split:
            self._stream.merge(first.id, second.id)
        else:
            self._stream.split(first.id)
        self._is_split = True

    def _all_letters(self) -> list[bytes]:
        return [record.data for shard in self._letters.shards.values() for record in _records(shard)]


def _records(shard: Shard) -> list[Record]:
    return shard.read(shard.first_sequence, len(shard), _ANY_SIZE)


def _is_done(shard: Shard, row: dict[str, Any]) -> bool:
    """Whether the lease's checkpoint is the shard's end; one that was read may hold nothing."""
    checkpoint = row.get("checkpoint", {}).get("S")
    if shard.is_closed:
        return bool(checkpoint == _SHARD_END)
    records = _records(shard)
    return not records or checkpoint == str(records[-1].sequence)


def _letter(data: bytes) -> Letter:
    letter = msgspec.json.decode(data, type=_Letter)
    value = letter.value_base64 if letter.value is None else letter.value.encode()
    return Letter(value or b"", letter.headers.get(dead_letter_headers.ERROR_CLASS) or "unknown")
