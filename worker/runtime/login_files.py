"""The files that a login to Kafka is made of, read again while the worker runs.

A mounted secret changes under a running pod: Kubernetes swaps a symbolic link, others write files. Values
that the environment names by file (``WORKER_KAFKA__CLIENT__SASL_PASSWORD_FILE``) are compared with those in
use, certificates by their content. Only hashes of the latter are kept.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, structs

from worker.config.environment import client_value
from worker.config.reading import Unreadable
from worker.sources.kafka.properties import FILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.settings import ClientValue, KafkaSettings

# What librdkafka takes for a client that is there.
PASSWORD: Final = frozenset({"sasl.username", "sasl.password"})
_MAX_BYTES: Final = 4 << 20


class Change(Struct, frozen=True):
    """A login that differs from the one in use."""

    kafka: KafkaSettings
    """The settings with its values."""
    files: dict[str, bytes]
    """What marks the files that they name."""
    names: tuple[str, ...]
    """The entries of ``kafka.client`` that have changed: the names, not the values."""

    @property
    def anew(self) -> bool:
        """Whether other clients have to be made for it."""
        return not PASSWORD.issuperset(self.names)


class LoginFiles:
    """What is in the files, compared with what is in use. Its methods block for as long as files do.

    Args:
        kafka: the settings, as they were read at start.
        values: the files that hold entries of ``kafka.client``, by entry.
    """

    def __init__(self, kafka: KafkaSettings, values: Mapping[str, Path]) -> None:
        self.kafka = kafka
        """The settings in use."""
        self._values = values
        self._files = dict(_marks(kafka.client))

    @property
    def watched(self) -> bool:
        """Whether there is anything that may change."""
        return bool(self._values or self._files)

    def look(self) -> Change | None:
        """Return what has changed; None if nothing has, or if it can't be read just now."""
        client = dict(self.kafka.client)
        try:
            client |= {name: client_value(path) for name, path in self._values.items()}
        except Unreadable:
            # Between two versions of a file there may be none.
            return None
        files = dict(_marks(client))
        if files.keys() != self._files.keys():
            return None
        names = [name for name in client if client[name] != self.kafka.client.get(name)]
        names += [name for name in files if files[name] != self._files[name]]
        if not names:
            return None
        return Change(structs.replace(self.kafka, client=client), files, tuple(names))

    def use(self, change: Change) -> None:
        """Note that this is in use now."""
        self.kafka, self._files = change.kafka, change.files


def _marks(client: Mapping[str, ClientValue]) -> Iterator[tuple[str, bytes]]:
    """Iterate over the files that can be read, each with a mark that differs if its content does."""
    for name in FILES:
        if name in client and (mark := _mark(Path(str(client[name])))) is not None:
            yield name, mark


def _mark(path: Path) -> bytes | None:
    try:
        # ssl.ca.location may be a folder of certificates.
        files = sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]
        mark = sha256()
        for each in files:
            with each.open("rb") as file:
                mark.update(sha256(file.read(_MAX_BYTES)).digest())
    except (OSError, ValueError):
        return None
    return mark.digest()
