"""How far a replay of a stream's letters has come: one row of a table of its own in DynamoDB.

The lease table is the KCL's, whose older versions take every row for a lease, so nothing else is written into
it. The row says of each shard where to go on. Each write has the version before it as its condition, so of
two replays of the same letters one notices, and ends.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from worker.aws.error_answers import UNREADABLE
from worker.aws.json_client import AwsFault
from worker.core.model.places import read_place, shown_place
from worker.replay.letter_topic import LettersUnreadable
from worker.replay.source import ReplayedElsewhere
from worker.sources.kinesis.lease_rows import KEY
from worker.sources.kinesis.lease_table import TARGET
from worker.sources.kinesis.table_errors import CONDITION_FAILED, NOT_FOUND, NOT_THE_API, table_fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from worker.aws.json_client import Answered

    Call: TypeAlias = Callable[[str, bytes], Awaitable[Answered | AwsFault]]

TRIES: Final = 6
_SECONDS_BETWEEN: Final = 2.0
_VERSION: Final = "version"
_RUN: Final = "run"
_STREAM: Final = "streamCreated"
_POSITIONS: Final = "positions"


class _Text(Struct, frozen=True):
    text: str = msgspec.field(name="S")


class _Number(Struct, frozen=True):
    number: str = msgspec.field(name="N")


class _Places(Struct, frozen=True):
    shards: dict[str, _Text] = msgspec.field(name="M")


class _Row(Struct, frozen=True, rename={"stream": _STREAM}):
    version: _Number
    run: _Text
    stream: _Text
    positions: _Places


class _Item(Struct, frozen=True, rename="pascal"):
    item: _Row | None = None


class StreamProgress:
    """The row of one replay.

    Args:
        call: makes one call of DynamoDB; ``JsonClient.call``.
        table: the table's name.
        replay: the row's key: the stream, and the filters.
        stream_created: when the stream was made, in epoch seconds: of another one nothing is done.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        call: Call,
        table: str,
        replay: str,
        *,
        stream_created: float,
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self._call = call
        self._table = table
        self._replay = replay
        self._stream = f"{stream_created:.3f}"
        self._sleep = sleep
        self._run = secrets.token_hex(8)
        # The version that this run last read or wrote; 0: there is no row.
        self._version = 0
        self._known: dict[int, int] = {}

    @property
    def known(self) -> dict[int, int]:
        """What was read, or written since."""
        return dict(self._known)

    async def read(self) -> dict[int, int]:
        """Return where to go on, by shard; nothing if nothing of this stream is noted, or there is no table.

        Raises:
            LettersUnreadable: the table does not answer.
        """
        row = await self._read()
        self._version, self._known = 0, {}
        if row is not None:
            self._version = int(row.version.number)
            if row.stream.text == self._stream:
                self._known = _places(row)
        return self.known

    async def write(self, positions: Mapping[int, int]) -> None:
        """Note these, and keep what is noted of other shards.

        Raises:
            ReplayedElsewhere: another run has noted something meanwhile.
            LettersUnreadable: the table does not take it.
        """
        known = {**self._known, **positions}
        if known == self._known:
            return
        version = self._version + 1
        condition: dict[str, Any] = {"ConditionExpression": f"attribute_not_exists({KEY})"}
        if self._version:
            condition = {
                "ConditionExpression": "#v = :seen",
                "ExpressionAttributeNames": {"#v": _VERSION},
                "ExpressionAttributeValues": {":seen": {"N": str(self._version)}},
            }
        answer = await self._ask("PutItem", {"Item": self._item(known, version), **condition})
        if answer is None and not await self._is_written(version):
            raise ReplayedElsewhere
        self._version, self._known = version, known

    async def forget(self, positions: Mapping[int, int]) -> None:
        """Note these, and nothing of other shards."""
        self._known = {}
        await self.write(positions)

    async def _is_written(self, version: int) -> bool:
        """Whether this run's own write was there before, and its answer was lost."""
        row = await self._read()
        return row is not None and row.run.text == self._run and int(row.version.number) == version

    async def _read(self) -> _Row | None:
        body = await self._ask("GetItem", {"Key": {KEY: {"S": self._replay}}, "ConsistentRead": True})
        try:
            return None if body is None else msgspec.json.decode(body, type=_Item).item
        except UNREADABLE:
            raise self._unusable(NOT_THE_API.code, "its rows are none of a replay's") from None

    async def _ask(self, operation: str, parameters: dict[str, Any]) -> bytes | None:
        """Return the answer; None if the condition failed, or there is no table to read."""
        body = msgspec.json.encode({"TableName": self._table, **parameters})
        for tried in range(1, TRIES + 1):
            answer = await self._call(f"{TARGET}{operation}", body)
            if not isinstance(answer, AwsFault):
                return answer.body
            if answer.code == CONDITION_FAILED or (answer.code == NOT_FOUND and operation == "GetItem"):
                return None
            fault = table_fault(answer)
            if not fault.retryable or tried == TRIES:
                raise self._unusable(fault.code, fault.message)
            await self._sleep(_SECONDS_BETWEEN)
        return None

    def _item(self, positions: Mapping[int, int], version: int) -> dict[str, Any]:
        return {
            KEY: {"S": self._replay},
            _VERSION: {"N": str(version)},
            _RUN: {"S": self._run},
            _STREAM: {"S": self._stream},
            _POSITIONS: {"M": {str(each): {"S": shown_place(at)} for each, at in positions.items()}},
        }

    def _unusable(self, code: str, message: str) -> LettersUnreadable:
        why = f"how far it is replayed can't be had: {code}" + (f": {message}" if message else "")
        return LettersUnreadable(self._table, why, place="table")


def _places(row: _Row) -> dict[int, int]:
    found = {int(number): read_place(at.text) for number, at in row.positions.shards.items()}
    return {number: place for number, place in found.items() if place is not None}
