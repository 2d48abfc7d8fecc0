"""Builds the real parts, each from its section of the configuration. It decides and runs nothing."""

from __future__ import annotations

import asyncio
import platform
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, cast

import confluent_kafka
from msgspec import Struct

from worker.assembly import Adapters, Worker, assemble
from worker.config.record_format import build_format
from worker.core.mapping import compile_mapping
from worker.core.model.error_codes import ERROR_CODES
from worker.dead_letters.writer import KafkaDeadLetters
from worker.delivery.http.errors import DELIVERY_CODES
from worker.delivery.put_events import ClientSettings, PutEventsClient
from worker.formats.schemas import Schemas
from worker.sources.kafka.client_settings import client_settings
from worker.sources.kafka.source import KafkaSource
from worker.status import Status
from worker.telemetry.admin import AdminServer
from worker.telemetry.definition import Build
from worker.telemetry.health import LoopLag
from worker.telemetry.meter import Counts
from worker.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from worker.ports import Map
    from worker.settings import Settings

VERSION: Final = version("personalize-worker")


class Telemetry(Struct, frozen=True):
    """What a worker counts and reports of itself."""

    counts: Counts
    status: Status
    admin: AdminServer


def build_telemetry(settings: Settings) -> Telemetry:
    """Build the counters, the status, and the server for both; it does not listen yet."""
    counts = Counts(time.time, ERROR_CODES | DELIVERY_CODES)
    lag = LoopLag()
    status = Status(
        asyncio.get_running_loop().time,
        version=VERSION,
        group=settings.kafka.group_id,
        counts=counts,
        loop_lag_seconds=lambda: lag.worst_seconds,
    )
    metrics = Metrics(counts, status.gauges, _build())
    admin = AdminServer(
        settings.admin.host,
        settings.admin.port,
        readiness=status.readiness,
        render_metrics=metrics.render,
        status=status.status,
        lag=lag,
    )
    return Telemetry(counts, status, admin)


def build_worker(
    settings: Settings, counts: Counts, client: PutEventsClient, dead_letters: KafkaDeadLetters
) -> tuple[Worker, KafkaSource]:
    """Build the worker that reads Kafka, and its source."""
    clock = asyncio.get_running_loop().time

    source = KafkaSource(
        client_settings(settings.kafka, for_="consumer"),
        settings.kafka.topics,
        commit_seconds=settings.kafka.commit_seconds,
        clock=clock,
    )
    adapters = Adapters(source, record_mapping(settings), client, dead_letters, counts, time.time)
    return assemble(settings, adapters, clock), source


def record_mapping(settings: Settings, schemas: Schemas | None = None) -> Map:
    """Return the mapping from records to interactions, as configured; ``schemas`` are the registry's."""
    record = settings.record
    mapped = compile_mapping(
        record.mapping,
        record.placeholder_ids,
        builtin_placeholder_ids=record.builtin_placeholder_ids,
        record_format=build_format(record, Schemas() if schemas is None else schemas),
    )
    # Without a registry no format answers that it needs a schema.
    return cast("Map", mapped)


def put_events_client(settings: Settings) -> PutEventsClient:
    """Build the API client as configured; open it with ``startup.open_client``, and close it."""
    personalize = settings.personalize
    return PutEventsClient(
        ClientSettings(
            tracking_id=personalize.tracking_id,
            region=personalize.region,
            endpoint_url=personalize.endpoint_url,
            plain_http=personalize.plain_http,
            connect_seconds=personalize.connect_seconds,
            answer_seconds=personalize.answer_seconds,
            max_connections=personalize.max_in_flight,
        )
    )


def dead_letter_writer(settings: Settings) -> KafkaDeadLetters:
    """Build the writer of the dead-letter topic; close it."""
    producer = client_settings(settings.kafka, for_="producer")
    return KafkaDeadLetters(producer, settings.dead_letters.topic, version=VERSION)


def _build() -> Build:
    return Build(VERSION, platform.python_version(), confluent_kafka.libversion()[0])
