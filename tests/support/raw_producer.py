"""Produces with librdkafka itself: header names of any bytes and timestamps of any sign.

The producer of Python takes names for text, so what others write it cannot.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Final, Self

from confluent_kafka import cimpl

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_POINTER, _TEXT, _INT, _SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
_PRODUCER: Final = 0
_ERROR_BYTES: Final = 512
_FLUSH_MS: Final = 10_000
# What the next arguments of rd_kafka_producev are (rdkafka.h, rd_kafka_vtype_t).
_END, _TOPIC, _PARTITION, _VALUE, _KEY, _FLAGS, _TIMESTAMP, _HEADERS = 0, 1, 3, 4, 5, 7, 8, 10
_COPY: Final = 2


class RawProducer:
    """A producer without Python's idea of text."""

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._rdkafka = _library()

    def __enter__(self) -> Self:
        told = ctypes.create_string_buffer(_ERROR_BYTES)
        settings = self._rdkafka.rd_kafka_conf_new()
        for name, value in (
            *((b"bootstrap.servers", self._servers.encode()), (b"log_level", b"0")),
            *((b"linger.ms", b"0"), (b"request.required.acks", b"1")),
        ):
            self._rdkafka.rd_kafka_conf_set(settings, name, value, told, _ERROR_BYTES)
        self._producer = self._rdkafka.rd_kafka_new(_PRODUCER, settings, told, _ERROR_BYTES)
        assert self._producer, told.value
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rdkafka.rd_kafka_destroy(self._producer)

    def produce(
        self,
        topic: str,
        value: bytes | None,
        headers: Sequence[tuple[bytes, bytes | None]] = (),
        *,
        key: bytes | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Hand one record to partition 0; ``flush`` it."""
        told: list[object] = [_INT(_TOPIC), _TEXT(topic.encode()), _INT(_PARTITION), ctypes.c_int32(0)]
        told += [_INT(_VALUE), _TEXT(value), _SIZE(len(value or b"")), _INT(_FLAGS), _INT(_COPY)]
        told += [_INT(_KEY), _TEXT(key), _SIZE(len(key or b""))]
        if timestamp_ms is not None:
            told += [_INT(_TIMESTAMP), ctypes.c_int64(timestamp_ms)]
        if headers:
            told += [_INT(_HEADERS), _POINTER(self._made(headers))]
        error = self._rdkafka.rd_kafka_producev(_POINTER(self._producer), *told, _INT(_END))
        assert error == 0, error

    def flush(self) -> None:
        """Wait until the broker has all of them."""
        assert self._rdkafka.rd_kafka_flush(self._producer, _FLUSH_MS) == 0

    def _made(self, headers: Sequence[tuple[bytes, bytes | None]]) -> int:
        made: int = self._rdkafka.rd_kafka_headers_new(len(headers))
        for name, value in headers:
            size = -1 if value is None else len(value)
            self._rdkafka.rd_kafka_header_add(made, name, len(name), value, size)
        return made


def _library() -> ctypes.CDLL:
    """The librdkafka that confluent-kafka brings."""
    rdkafka = ctypes.CDLL(cimpl.__file__)
    rdkafka.rd_kafka_conf_new.restype = _POINTER
    rdkafka.rd_kafka_conf_set.argtypes = [_POINTER, _TEXT, _TEXT, _TEXT, _SIZE]
    rdkafka.rd_kafka_new.argtypes, rdkafka.rd_kafka_new.restype = [_INT, _POINTER, _TEXT, _SIZE], _POINTER
    rdkafka.rd_kafka_flush.argtypes = [_POINTER, _INT]
    rdkafka.rd_kafka_destroy.argtypes = [_POINTER]
    rdkafka.rd_kafka_headers_new.argtypes, rdkafka.rd_kafka_headers_new.restype = [_SIZE], _POINTER
    rdkafka.rd_kafka_header_add.argtypes = [_POINTER, _TEXT, ctypes.c_ssize_t, _TEXT, ctypes.c_ssize_t]
    return rdkafka
