"""librdkafka's mock cluster, with what it cannot do by itself done to it as far as that goes.

It cannot cut a log. But a consumer learns of a cut from one answer alone, that of OffsetForLeaderEpoch, and
a relay between the two changes that answer. So the consumer does all that it does after a cut; the records
above the cut are still there to be read, as if others had taken their place.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

from confluent_kafka import cimpl

from tests.contract.consumer.librdkafka import LibrdkafkaStand

if TYPE_CHECKING:
    from tests.contract.consumer.stand import Protocol, Reset
    from worker.local.kafka import EmbeddedKafka

# https://kafka.apache.org/protocol: what names a broker's address, and what tells where an epoch ended.
_NAME_ADDRESSES: Final = {3, 10}
_OFFSET_FOR_LEADER_EPOCH: Final = 23
_SIZE: Final = struct.Struct(">i")
_REQUEST: Final = struct.Struct(">hhi")
_OFFSET: Final = struct.Struct(">q")


class Relay:
    """Stands between consumers and the one broker of the mock; says where the log was cut."""

    def __init__(self, broker: int) -> None:
        self._broker = broker
        self.cut_at: int | None = None
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        threading.Thread(target=self._let_in, daemon=True).start()

    def close(self) -> None:
        self._door.close()

    def _let_in(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        kinds: dict[int, int] = {}
        with (
            suppress(OSError),
            closing(client),
            socket.create_connection(("127.0.0.1", self._broker)) as broker,
        ):
            threading.Thread(target=self._ask, args=(client, broker, kinds), daemon=True).start()
            while True:
                answer = _frame(broker)
                (number,) = _SIZE.unpack_from(answer)
                answer = self._changed(kinds.pop(number, -1), answer)
                client.sendall(_SIZE.pack(len(answer)) + answer)

    def _ask(self, client: socket.socket, broker: socket.socket, kinds: dict[int, int]) -> None:
        with suppress(OSError):
            while True:
                question = _frame(client)
                kind, _, number = _REQUEST.unpack_from(question)
                kinds[number] = kind
                broker.sendall(_SIZE.pack(len(question)) + question)
        with suppress(OSError):
            broker.shutdown(socket.SHUT_RDWR)

    def _changed(self, kind: int, answer: bytes) -> bytes:
        if kind in _NAME_ADDRESSES:
            return answer.replace(_SIZE.pack(self._broker), _SIZE.pack(self.port))
        if kind != _OFFSET_FOR_LEADER_EPOCH or self.cut_at is None:
            return answer
        # The epoch's end is the last thing that it says.
        (end,) = _OFFSET.unpack(answer[-_OFFSET.size :])
        return answer[: -_OFFSET.size] + _OFFSET.pack(min(end, self.cut_at))


class MockStand(LibrdkafkaStand):
    """librdkafka on its own mock."""

    def __init__(self, kafka: EmbeddedKafka, protocol: Protocol, reset: Reset, partitions: int) -> None:
        port = int(kafka.bootstrap_servers.rsplit(":", 1)[1])
        self._relay = Relay(port)
        super().__init__(
            f"127.0.0.1:{self._relay.port}", protocol, reset, partitions, asks=kafka.bootstrap_servers
        )
        self._kafka = kafka
        self._written = dict.fromkeys(range(partitions), 0)
        self._doomed_from: int | None = None

    async def open(self) -> None:
        self._kafka.create_topic(self.topic, self.partitions)

    async def write(self, partition: int, *names: str) -> None:
        await super().write(partition, *names)
        self._written[partition] += len(names)

    async def write_doomed(self, partition: int, *names: str) -> None:
        """All the same to the mock; the cut will be said to be here, in every partition."""
        self._doomed_from = self._written[partition]
        await self.write(partition, *names)

    async def cut(self) -> None:
        """The leader's epoch goes up, so every consumer asks where the one before it ended."""
        self._relay.cut_at = self._doomed_from
        library = ctypes.CDLL(cimpl.__file__)
        lead = library.rd_kafka_mock_partition_set_leader
        lead.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int32]
        for partition in range(self.partitions):
            lead(self._kafka._cluster, self.topic.encode(), partition, 1)  # noqa: SLF001  nobody else elects

    async def expire(self, partition: int, start: int) -> None:
        """It can't, but by what is larger than all it keeps; the exclusions say so."""
        raise NotImplementedError

    async def recreate(self) -> None:
        """It deletes no topics."""
        raise NotImplementedError

    async def close(self) -> None:
        await super().close()
        self._relay.close()


def _frame(source: socket.socket) -> bytes:
    (size,) = _SIZE.unpack(_exactly(source, _SIZE.size))
    return _exactly(source, size)


def _exactly(source: socket.socket, size: int) -> bytes:
    read = bytearray()
    while len(read) < size:
        if not (part := source.recv(size - len(read))):
            raise OSError
        read += part
    return bytes(read)
