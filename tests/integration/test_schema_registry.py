"""Avro records that name their schema, on a real Kafka: the registry goes away, and comes back."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.registry_api import RegistryApi
from tests.support.registry_server import serving
from tests.support.samples import at_a_desk_and_in_ci, only_ci
from tests.support.waiting import until
from tests.unit.formats.written import avro
from worker.core.model import dead_letter_headers
from worker.local.audit import Produced, audit
from worker.local.traffic import TopicRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.processes import WorkerProcess
    from tests.support.site import Site

pytestmark = pytest.mark.kafka

FIELDS = [
    {"name": name, "type": kind}
    for name, kind in (
        ("eventType", "string"),
        ("sentAt", "long"),
        ("sessionId", "string"),
        ("eventId", "string"),
    )
]
SCHEMAS = [
    {"type": "record", "name": "Event", "fields": FIELDS},
    {"type": "record", "name": "Event", "fields": [{"name": "added", "type": "int"}, *FIELDS]},
]
SESSIONS = 24
SOON_SECONDS = 60


class Stand:
    """A topic, a worker, and a registry that can be away."""

    def __init__(self, site: Site, api: RegistryApi, url: str) -> None:
        self.site, self.api, self.url = site, api, url
        site.open_topic()
        self._sent = 0
        self.ids = [api.register("events", {"schema": json.dumps(each)}) for each in SCHEMAS]
        self.worker = self.start("worker")

    def start(self, name: str) -> WorkerProcess:
        registry = {"url": [self.url]}
        return self.site.start_worker(name, record={"format": "avro"}, schema_registry=registry)

    def put(self, sessions: list[int], version: int, schema_id: int | None = None) -> None:
        """An event of each session, written by a version of the schema, named by its own id or another."""
        records = []
        for session in sessions:
            event = Produced(f"s-{session}", self._sent, f"e-{self._sent}")
            self._sent += 1
            fields = {"eventType": "view", "sentAt": 1_767_225_600, "added": 1}
            fields |= {"sessionId": event.session_id, "eventId": event.event_id}
            value = avro(fields, SCHEMAS[version])
            frame = b"\0" + (schema_id or self.ids[version]).to_bytes(4, "big")
            records.append(TopicRecord(b"%d" % session, frame + value))
            if schema_id is None:
                self.site.produced.append(event)
        self.site.put(records)

    def by_partition(self) -> dict[int, list[int]]:
        """The sessions of each partition."""
        found: dict[int, set[int]] = {}
        for each in self.site.kafka.read(self.site.names.topic):
            found.setdefault(each.partition() or 0, set()).add(int(each.key() or b""))
        return {partition: sorted(sessions) for partition, sessions in found.items()}

    def accepted(self) -> int:
        return len(self.site.endpoint.accepted_ids())

    def assert_kept(self) -> None:
        found = audit(self.site.produced, self.site.endpoint.accepted())
        assert (found.lost, found.out_of_order, found.unknown) == ((), (), ())


@pytest.fixture
def stand(site: Site) -> Iterator[Stand]:
    with ExitStack() as stack:
        api = RegistryApi()
        yield Stand(site, api, stack.enter_context(serving(api)))


@pytest.mark.parametrize("trouble", at_a_desk_and_in_ci(["away"], ["login"]))
def test_what_needs_a_new_schema_waits_and_the_rest_flows(stand: Stand, trouble: str) -> None:
    everybody = list(range(SESSIONS))
    stand.put(everybody, 0)
    until(lambda: stand.accepted() == SESSIONS, SOON_SECONDS, what="the first events")
    held, *others = stand.by_partition().values()
    flowing = [session for of_partition in others for session in of_partition]
    if trouble == "away":
        stand.api.away = 503
    else:
        stand.api.login = "Basic of nobody"
    stand.put(held, 1)
    stand.put(held, 0)
    stand.put(flowing, 0)
    stand.put(flowing, 0)
    # Others go on, at their own pace, while the partition waits in order: not even what it could read goes.
    until(lambda: stand.accepted() == SESSIONS + 2 * len(flowing), SOON_SECONDS, what="the other partitions")
    until(lambda: "schema_registry" in stand.worker.ready()[1], SOON_SECONDS, what="the hold")
    assert stand.accepted() == SESSIONS + 2 * len(flowing)
    stand.api.away, stand.api.login = 0, ""
    stand.site.wait_until_committed()
    stand.assert_kept()
    assert stand.site.dead_letters() == {}


@only_ci
def test_a_schema_that_nobody_knows_is_a_dead_letter(stand: Stand) -> None:
    stand.put([1, 2, 3], 0)
    stand.put([2], 0, schema_id=999)
    stand.put([1, 2, 3], 1)
    stand.site.wait_until_committed()
    stand.assert_kept()
    (letter,) = stand.site.kafka.read(stand.site.names.dead_letters)
    assert b"no schema 999" in dict(letter.headers() or ())[dead_letter_headers.REASON]


@only_ci
def test_a_worker_starts_while_the_registry_is_away_and_catches_up(stand: Stand) -> None:
    stand.api.away = 500
    stand.put(list(range(SESSIONS)), 1)
    until(lambda: "schema_registry" in stand.worker.ready()[1], SOON_SECONDS, what="the hold")
    stand.worker.kill()
    successor = stand.start("successor")
    until(lambda: "schema_registry" in successor.ready()[1], SOON_SECONDS, what="the hold")
    stand.api.away = 0
    stand.site.wait_until_committed()
    stand.assert_kept()
