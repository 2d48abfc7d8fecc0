"""A Kafka inside this process: librdkafka's mock cluster, for the demo, development and tests.

It listens on 127.0.0.1, so other processes can use it too, and it goes away with the context. Its functions
are called through ctypes in the librdkafka that confluent-kafka itself is linked with, wherever that is
installed: looking up a symbol in its extension module searches the libraries that the module depends on.

Limits: it keeps 5 MiB per partition (older records vanish), creates no topics through the admin client, and
supports neither transactions nor offsets for times. Load and faults are tested on Apache Kafka.
"""

from __future__ import annotations

import ctypes
from enum import IntEnum
from typing import TYPE_CHECKING

from confluent_kafka import cimpl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self


# enum rd_kafka_type_t in rdkafka.h: the cluster belongs to a client, of either type.
RD_KAFKA_PRODUCER = 0
ALL_BROKERS = -1
ERROR_TEXT_BYTES = 512
# syslog's "error", because the client that owns the cluster would warn that it has no servers of its own.
LOG_LEVEL = b"3"


class KafkaUnavailable(Exception):  # noqa: N818  it names the state
    """The embedded Kafka can't run here; ``str()`` says why."""


class Api(IntEnum):
    """Kinds of request to Kafka, with their numbers in its protocol."""

    PRODUCE = 0
    FETCH = 1
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12


_POINTER, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_SIGNATURES: dict[str, tuple[list[type], type | None]] = {
    "rd_kafka_conf_new": ([], _POINTER),
    "rd_kafka_conf_set": ([_POINTER, _TEXT, _TEXT, _TEXT, ctypes.c_size_t], _INT),
    "rd_kafka_new": ([_INT, _POINTER, _TEXT, ctypes.c_size_t], _POINTER),
    "rd_kafka_destroy": ([_POINTER], None),
    "rd_kafka_mock_cluster_new": ([_POINTER, _INT], _POINTER),
    "rd_kafka_mock_cluster_destroy": ([_POINTER], None),
    "rd_kafka_mock_cluster_bootstraps": ([_POINTER], _TEXT),
    "rd_kafka_mock_topic_create": ([_POINTER, _TEXT, _INT, _INT], _INT),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": ([_POINTER, ctypes.c_int32], None),
    "rd_kafka_mock_push_request_errors_array": (
        [_POINTER, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(_INT)],
        None,
    ),
    "rd_kafka_mock_clear_request_errors": ([_POINTER, ctypes.c_int16], None),
    "rd_kafka_mock_broker_set_down": ([_POINTER, ctypes.c_int32], _INT),
    "rd_kafka_mock_broker_set_up": ([_POINTER, ctypes.c_int32], _INT),
    "rd_kafka_mock_broker_set_rtt": ([_POINTER, ctypes.c_int32, _INT], _INT),
}


def _library(path: str) -> ctypes.CDLL:
    """Load librdkafka through the extension module at ``path``."""
    try:
        library = ctypes.CDLL(path)
        for name, (arguments, result) in _SIGNATURES.items():
            function = getattr(library, name)
            function.argtypes, function.restype = arguments, result
    except (OSError, AttributeError) as error:
        msg = (
            f"the embedded Kafka needs a librdkafka with mock clusters, as in confluent-kafka's wheels "
            f"(confluent-kafka {cimpl.version()[0]} here): {error}"
        )
        raise KafkaUnavailable(msg) from error
    return library


class EmbeddedKafka:
    """A cluster that lives as long as the ``with`` block; ``bootstrap_servers`` is where it listens.

    Args:
        topics: the topics, with their numbers of partitions.
        brokers: how many brokers to start.
        library: the path of the extension module that is linked with librdkafka.
    """

    bootstrap_servers: str

    def __init__(self, topics: Mapping[str, int], *, brokers: int = 1, library: str = cimpl.__file__) -> None:
        self._topics = dict(topics)
        self._brokers = brokers
        self._path = library

    def __enter__(self) -> Self:
        """Start the brokers and create the topics.

        Raises:
            KafkaUnavailable: the library lacks the mock cluster, or a topic could not be created.
        """
        self._rdkafka = _library(self._path)
        self._client = self._new_client()
        self._cluster = self._rdkafka.rd_kafka_mock_cluster_new(self._client, self._brokers)
        # By default, the mock broker waits 3 s for more members to join, as a real one does; here that is too
        # long.
        self._rdkafka.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self.bootstrap_servers = self._rdkafka.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        for topic, partitions in self._topics.items():
            self.create_topic(topic, partitions)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the brokers; their records and offsets are gone."""
        self._stop()

    def create_topic(self, topic: str, partitions: int) -> None:
        """Create a topic; each partition has one replica.

        Raises:
            KafkaUnavailable: it exists, or its numbers are out of range.
        """
        code = self._rdkafka.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, 1)
        if code:
            msg = f"topic {topic!r} with {partitions} partitions could not be created (librdkafka: {code})"
            raise KafkaUnavailable(msg)

    def fail_next(self, api: Api, *codes: int) -> None:
        """Answer the next requests of this kind with these codes, one each (``KafkaError``'s numbers).

        ``KafkaError._TRANSPORT`` cuts the connection.
        """
        errors = (ctypes.c_int * len(codes))(*codes)
        self._rdkafka.rd_kafka_mock_push_request_errors_array(self._cluster, api, len(codes), errors)

    def stop_failing(self, api: Api) -> None:
        """Drop the codes that ``fail_next`` still holds for this kind."""
        self._rdkafka.rd_kafka_mock_clear_request_errors(self._cluster, api)

    def stop_brokers(self) -> None:
        """Cut every connection and refuse new ones; records and offsets stay."""
        self._rdkafka.rd_kafka_mock_broker_set_down(self._cluster, ALL_BROKERS)

    def start_brokers(self) -> None:
        """Accept connections again."""
        self._rdkafka.rd_kafka_mock_broker_set_up(self._cluster, ALL_BROKERS)

    def set_round_trip_ms(self, milliseconds: int) -> None:
        """Answer every request this much later."""
        self._rdkafka.rd_kafka_mock_broker_set_rtt(self._cluster, ALL_BROKERS, milliseconds)

    def _new_client(self) -> int:
        """Return a client that owns the cluster; it connects to nothing."""
        text = ctypes.create_string_buffer(ERROR_TEXT_BYTES)
        settings = self._rdkafka.rd_kafka_conf_new()
        self._rdkafka.rd_kafka_conf_set(settings, b"log_level", LOG_LEVEL, text, ERROR_TEXT_BYTES)
        client: int | None = self._rdkafka.rd_kafka_new(RD_KAFKA_PRODUCER, settings, text, ERROR_TEXT_BYTES)
        if client is None:
            msg = f"librdkafka made no client: {text.value.decode()}"
            raise KafkaUnavailable(msg)
        return client

    def _stop(self) -> None:
        """Stop the brokers, then the client that owns them."""
        self._rdkafka.rd_kafka_mock_cluster_destroy(self._cluster)
        self._rdkafka.rd_kafka_destroy(self._client)
