"""A worker among marks: a Kafka, and an endpoint that repeats what it is sent."""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import Consumer, Producer

from tests.security.echo_endpoint import EchoEndpoint
from tests.security.marked_records import good, unmappable
from tests.security.watched import Watched
from tests.support.kafka_topics import QUIET
from worker.core.mapping import compile_mapping
from worker.core.model import dead_letter_headers
from worker.core.model.partition import Partition
from worker.core.model.records import REFUSED, Reason, Record, Undecodable
from worker.core.offsets.assignment import Assignment
from worker.dead_letters.letter import letter_headers
from worker.local.kafka import EmbeddedKafka

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from tests.security.marked_records import MarkedRecord
    from tests.security.marks import Marks

TOPIC, DEAD_LETTERS = "interactions", "dead"
SECRET_SETTINGS: Final = (
    "sasl.username",
    "sasl.password",
    "ssl.key.password",
    "ssl.keystore.password",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
)


class Environment(AbstractContextManager["Environment"]):
    """Kafka and endpoint; workers by need, each of which ends with the block."""

    def __init__(self, marks: Marks, folder: Path) -> None:
        """Nothing runs before the block."""
        self.marks, self.folder = marks, folder
        self.workers: list[Watched] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start both."""
        self.kafka = self._stack.enter_context(EmbeddedKafka({TOPIC: 2, DEAD_LETTERS: 1}))
        self.echo = self._stack.enter_context(EchoEndpoint())
        self._producer = Producer({"bootstrap.servers": self.kafka.bootstrap_servers, **QUIET})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what still runs."""
        for worker in self.workers:
            worker.kill()
        self._stack.close()

    def put(self, records: Iterable[MarkedRecord]) -> None:
        """Have them on the topic."""
        for each in records:
            self._producer.produce(TOPIC, each.value, each.key, headers=list(each.headers))
        assert self._producer.flush(10) == 0

    def dead_letters(self) -> dict[str, bytes]:
        """All there are: key, value and headers, by the class of error."""
        settings = {"bootstrap.servers": self.kafka.bootstrap_servers, "group.id": "-", **QUIET}
        reader = Consumer({**settings, "auto.offset.reset": "earliest", "enable.auto.commit": False})
        reader.subscribe([DEAD_LETTERS])
        letters: dict[str, bytes] = {}
        for each in reader.consume(100, 3):
            headers = each.headers() or []
            written = b"".join(name.encode() + (value or b"") for name, value in headers)
            kind = (dict(headers)[dead_letter_headers.ERROR_CLASS] or b"").decode()
            letters[kind] = letters.get(kind, b"") + (each.key() or b"") + (each.value() or b"") + written
        reader.close()
        return letters

    def put_dead_letters(self) -> None:
        """Have one for each reason in the dead letters, and one that the API refused in words citing it."""
        records = unmappable(self.marks) | {REFUSED: good(self.marks, "refused before")}
        said = self.marks.nasty("refused before: message")
        for offset, each in enumerate(records.values()):
            record = Record(
                Assignment(Partition(TOPIC, 0), 1), offset, 1, each.key, each.value, tuple(each.headers)
            )
            mapped = compile_mapping({})(record)
            reason = Reason(REFUSED, f"InvalidInputException: {said}")
            if isinstance(mapped, Undecodable):
                reason = mapped.reason
            headers = letter_headers(record, reason, 1, failed_at_seconds=time.time(), version="0.1.0")
            self._producer.produce(DEAD_LETTERS, each.value, each.key, headers=headers)
        assert self._producer.flush(10) == 0

    def start(
        self,
        words: Sequence[str] = ("worker", "run", "--config"),
        environ: Mapping[str, str] | None = None,
        **sections: dict[str, Any],
    ) -> Watched:
        """Start ``python -m`` these words, after ``--config`` with a file; ``sections`` go over its own."""
        config = self.folder / f"{len(self.workers)}.yaml"
        config.write_text(json.dumps(self.settings(**sections)))
        environment = {"NO_PROXY": "127.0.0.1", **secret_environment(self.marks), **(environ or {})}
        file = [str(config)] if words[-1] == "--config" else []
        worker = Watched([*words, *file], environment, self.folder, self.marks)
        self.workers.append(worker)
        return worker

    def settings(self, **sections: dict[str, Any]) -> dict[str, Any]:
        """A configuration with a mark wherever something is secret."""
        own: dict[str, dict[str, Any]] = {
            "kafka": {
                "bootstrap_servers": self.kafka.bootstrap_servers,
                "topics": [TOPIC],
                "commit_seconds": 0.2,
                "client": {
                    "debug": "all",
                    "session.timeout.ms": 6000,
                    **{name: self.marks.text(name) for name in SECRET_SETTINGS},
                },
            },
            "personalize": {
                "tracking_id": self.marks.text("tracking id"),
                "region": "eu-west-1",
                "endpoint_url": self.echo.url,
            },
            "batching": {"linger_seconds": 0.05},
            "retry": {"first_wait_seconds": 0.05, "max_wait_seconds": 0.2},
            "dead_letters": {"topic": DEAD_LETTERS},
            "shutdown": {"drain_seconds": 1},
            "admin": {"host": "127.0.0.1", "port": 0},
            "log": {"format": "json", "level": "debug"},
        }
        return own | {name: own.get(name, {}) | section for name, section in sections.items()}


def secret_environment(marks: Marks) -> dict[str, str]:
    """Keys as a pod may have them."""
    return {
        "AWS_ACCESS_KEY_ID": marks.text("access key id"),
        "AWS_SECRET_ACCESS_KEY": marks.text("secret access key"),
        "AWS_SESSION_TOKEN": marks.text("session token"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
