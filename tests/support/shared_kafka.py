"""One Kafka for all processes of a test run: the first that needs it starts it, and stops it after the last.

Locks of the system say who uses it, so a process that crashes counts as one that has finished.
"""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tests.support.apache_kafka import start_kafka
from tests.support.kafka_topics import KafkaTopics, NoKafka

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_NONE: Final = "no Kafka: "


@contextmanager
def shared_kafka(folder: Path, start: Callable[[], KafkaTopics] = start_kafka) -> Iterator[KafkaTopics]:
    """Use the Kafka of this folder, started here where nobody has; raise ``NoKafka`` as whoever tried first.

    Args:
        folder: belongs to this test run, and is the same for all its processes.
        start: starts it.
    """
    address = folder / "kafka.address"
    with (folder / "kafka.starting").open("w") as starting, (folder / "kafka.users").open("w") as users:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        own, kafka = _start_or_join(address, start)
        fcntl.flock(starting, fcntl.LOCK_UN)
        try:
            yield kafka
        finally:
            fcntl.flock(users, fcntl.LOCK_UN)
            if own is not None:
                _stop_after_the_last_user(own, address, starting.fileno(), users.fileno())


def _start_or_join(address: Path, start: Callable[[], KafkaTopics]) -> tuple[KafkaTopics | None, KafkaTopics]:
    """Return what was started here, if anything was, and what is to be used."""
    if address.exists():
        said = address.read_text()
        if said.startswith(_NONE):
            raise NoKafka(said.removeprefix(_NONE))
        return None, KafkaTopics(said)
    try:
        own = start()
    except NoKafka as error:
        # The others need not try for themselves.
        address.write_text(f"{_NONE}{error}")
        raise
    address.write_text(own.bootstrap_servers)
    return own, own


def _stop_after_the_last_user(own: KafkaTopics, address: Path, starting: int, users: int) -> None:
    """Whoever comes after this starts another one."""
    # In this order: who holds the first lock and waits for the second is on its way to become a user.
    fcntl.flock(starting, fcntl.LOCK_EX)
    fcntl.flock(users, fcntl.LOCK_EX)
    address.unlink()
    own.stop()
