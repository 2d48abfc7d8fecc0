"""Builds the real parts, each from its section of the configuration. It decides and runs nothing."""

from __future__ import annotations

import asyncio
import platform
import time
from typing import TYPE_CHECKING

import confluent_kafka
from msgspec import Struct

from worker.assembly import Adapters, Worker, assemble
from worker.aws.access import AwsAccess
from worker.aws.services import DYNAMODB, KINESIS, Wanted
from worker.config.record_format import build_format
from worker.core.mapping import compile_mapping
from worker.core.model.error_codes import ERROR_CODES
from worker.delivery.codes import DELIVERY_CODES
from worker.delivery.put_events import ClientSettings, PutEventsClient
from worker.formats.schemas import Schemas
from worker.status import Status
from worker.status.site import StatusSite
from worker.telemetry.admin import AdminServer
from worker.telemetry.cpu import CpuClock
from worker.telemetry.definition import Build
from worker.telemetry.health import LoopLag
from worker.telemetry.meter import Counts
from worker.telemetry.metrics import Metrics
from worker.version import VERSION

if TYPE_CHECKING:
    from worker.ports import DeadLetters, Map, PutEvents, Source
    from worker.registry.client import RegistryClient
    from worker.settings import Settings


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
        group=settings.group,
        source=settings.source,
        counts=counts,
        loop_lag_seconds=lambda: lag.worst_seconds,
        cpu=CpuClock().read,
    )
    metrics = Metrics(counts, status.gauges, _build())
    admin = AdminServer(
        settings.admin.host,
        settings.admin.port,
        readiness=status.readiness,
        render_metrics=metrics.render,
        status=status.status,
        site=StatusSite(status),
        lag=lag,
    )
    return Telemetry(counts, status, admin)


class Connections(Struct, frozen=True):
    """The outer parts of a worker that are opened and closed by whoever runs it."""

    source: Source
    put_events: PutEvents
    dead_letters: DeadLetters
    registry: RegistryClient | None


def build_worker(settings: Settings, connections: Connections, counts: Counts) -> Worker:
    """Build the worker that reads the source."""
    schemas = Schemas()
    adapters = Adapters(
        connections.source,
        record_mapping(settings, schemas),
        connections.put_events,
        connections.dead_letters,
        counts,
        time.time,
        registry=connections.registry,
        schemas=schemas,
    )
    return assemble(settings, adapters, asyncio.get_running_loop().time)


def record_mapping(settings: Settings, schemas: Schemas | None = None) -> Map:
    """Return the mapping from records to interactions, as configured; ``schemas`` are the registry's."""
    record = settings.record
    return compile_mapping(
        record.mapping,
        record.placeholder_ids,
        builtin_placeholder_ids=record.builtin_placeholder_ids,
        record_format=build_format(record, Schemas() if schemas is None else schemas),
    )


def registry_client(settings: Settings) -> RegistryClient | None:
    """Build the schema registry's client if one is configured; open it before use, and close it."""
    if not settings.schema_registry.url:
        return None
    from worker.registry.client import RegistryClient  # noqa: PLC0415  few workers have a registry

    # Schemas of Protobuf are text in the registry, which nobody can compile here.
    return RegistryClient(settings.schema_registry, serialized=settings.record.format == "protobuf")


def put_events_settings(settings: Settings) -> ClientSettings:
    """Return the settings of the API client."""
    personalize = settings.personalize
    return ClientSettings(
        tracking_id=personalize.tracking_id,
        region=personalize.region,
        endpoint_url=personalize.endpoint_url,
        plain_http=personalize.plain_http,
        connect_seconds=personalize.connect_seconds,
        answer_seconds=personalize.answer_seconds,
        max_connections=personalize.max_in_flight,
    )


def put_events_client(settings: Settings, access: AwsAccess | None = None) -> PutEventsClient:
    """Build the API client as configured; open it with ``startup.open_client``, and close it.

    ``access`` is what it shares with the clients of other services, if there are any.
    """
    return PutEventsClient(put_events_settings(settings), access)


def aws_access(settings: Settings) -> AwsAccess:
    """Build what all AWS clients of a worker share: the keys, and where each service is."""
    kinesis = settings.kinesis
    wanted = [put_events_settings(settings).wanted]
    if settings.source == "kinesis":
        wanted += (
            Wanted(KINESIS, kinesis.region, kinesis.endpoint_url, kinesis.plain_http),
            Wanted(DYNAMODB, kinesis.region, kinesis.dynamodb_endpoint_url, kinesis.plain_http),
        )
    return AwsAccess(*wanted)


def _build() -> Build:
    return Build(VERSION, platform.python_version(), confluent_kafka.libversion()[0])
