"""The modules that log, each under its own name: ``log.levels`` names them, or the packages above them."""

from __future__ import annotations

from typing import Final

LOGGING_MODULES: Final = (
    "worker.aws.clock",
    "worker.aws.credentials",
    "worker.dead_letters.writer",
    "worker.pipeline.age_filter",
    "worker.pipeline.dead_letter_log",
    "worker.pipeline.degradation",
    "worker.pipeline.hold_monitor",
    "worker.pipeline.outage",
    "worker.pipeline.parking",
    "worker.pipeline.pipeline",
    "worker.pipeline.quarantine",
    "worker.pipeline.rebalance",
    "worker.pipeline.retry",
    "worker.pipeline.samples",
    "worker.pipeline.schema_fetcher",
    "worker.replay.run",
    "worker.replay.source",
    "worker.runtime.failures",
    "worker.runtime.kafka_parts",
    "worker.runtime.kinesis_parts",
    "worker.runtime.life_cycle",
    "worker.runtime.log_signals",
    "worker.runtime.login_watch",
    "worker.runtime.run",
    "worker.runtime.startup",
    "worker.sources.kafka.client",
    "worker.sources.kafka.error_monitor",
    "worker.sources.kafka.group",
    "worker.sources.kafka.monitor",
    "worker.sources.kafka.partition_reader",
    "worker.sources.kafka.questions",
    "worker.sources.kafka.source",
    "worker.sources.kinesis.held_leases",
    "worker.sources.kinesis.lease_keeper",
    "worker.sources.kinesis.lease_survey",
    "worker.sources.kinesis.lease_taker",
    "worker.sources.kinesis.replaced_streams",
    "worker.sources.kinesis.shard_reader",
    "worker.sources.kinesis.source",
    "worker.telemetry.admin",
    "worker.telemetry.logs",
    "worker.tracing.exporting",
    "worker.tracing.opening",
)


def level_names() -> set[str]:
    """Return every name that a level may be given to."""
    names = set(LOGGING_MODULES)
    for module in LOGGING_MODULES:
        parts = module.split(".")
        names |= {".".join(parts[:depth]) for depth in range(1, len(parts))}
    return names
