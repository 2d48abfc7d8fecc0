"""Has Kafka give each partition back to its preferred leader.

Said in Kafka's own protocol: the ``elect_leaders`` of confluent-kafka 2.16.1 fails before it sends anything
(``SystemError: more argument specifiers than keyword list entries``).
"""

from __future__ import annotations

import socket
import struct
from typing import Final

# https://kafka.apache.org/protocol: ElectLeaders, its last version with plain encoding.
ELECT_LEADERS, VERSION = 43, 1
PREFERRED: Final = 0
ALL_TOPICS: Final = -1
CLIENT: Final = b"tests"
NO_ERROR: Final = 0
# Correlation id, throttle time, error code.
ANSWER: Final = struct.Struct(">iih")


def elect_preferred_leaders(port: int, seconds: float) -> None:
    """Ask the broker at this port of 127.0.0.1; it hands the question on to the controller."""
    body = struct.pack(">bii", PREFERRED, ALL_TOPICS, int(seconds * 1000))
    head = struct.pack(">hhih", ELECT_LEADERS, VERSION, 1, len(CLIENT)) + CLIENT
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        connection.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
        with connection.makefile("rb") as answers:
            (size,) = struct.unpack(">i", answers.read(4))
            _, _, error = ANSWER.unpack_from(answers.read(size))
    if error != NO_ERROR:
        raise RuntimeError(f"ElectLeaders was answered with error {error}")
