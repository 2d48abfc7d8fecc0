"""The configuration: one frozen tree, checked at start; each part is given only its own section.

Every key, its default, its limits and its one line of explanation stand in this package and nowhere else.
The reader (``worker.config``), the JSON schema and the mistakes that a user sees are derived from these
types. Only ``worker.config`` builds the tree from outside; built directly, as tests do, nothing is checked.
"""

from typing import Annotated, Literal

from msgspec import Meta

from worker.settings.delivery import (
    BatchingSettings,
    DeadLetterSettings,
    PersonalizeSettings,
    RetrySettings,
)
from worker.settings.kinesis import KinesisSettings
from worker.settings.process import (
    AdminSettings,
    LimitSettings,
    LogSettings,
    ShutdownSettings,
    TracingSettings,
)
from worker.settings.registry import SchemaRegistrySettings
from worker.settings.source import KafkaSettings, RecordSettings
from worker.settings.values import ClientValue, Section

__all__ = [
    "AdminSettings",
    "BatchingSettings",
    "ClientValue",
    "DeadLetterSettings",
    "KafkaSettings",
    "KinesisSettings",
    "LimitSettings",
    "LogSettings",
    "PersonalizeSettings",
    "RecordSettings",
    "RetrySettings",
    "SchemaRegistrySettings",
    "Section",
    "Settings",
    "ShutdownSettings",
    "TracingSettings",
]


class Settings(Section, frozen=True, kw_only=True):
    """The configuration of the Personalize worker."""

    source: Annotated[
        Literal["kafka", "kinesis"],
        Meta(description="Where records come from; the section of that name says more."),
    ] = "kafka"
    kafka: KafkaSettings = KafkaSettings()
    kinesis: KinesisSettings = KinesisSettings()
    record: RecordSettings = RecordSettings()
    schema_registry: SchemaRegistrySettings = SchemaRegistrySettings()
    personalize: PersonalizeSettings
    batching: BatchingSettings = BatchingSettings()
    retry: RetrySettings = RetrySettings()
    dead_letters: DeadLetterSettings = DeadLetterSettings()
    limits: LimitSettings = LimitSettings()
    shutdown: ShutdownSettings = ShutdownSettings()
    admin: AdminSettings = AdminSettings()
    log: LogSettings = LogSettings()
    tracing: TracingSettings = TracingSettings()

    @property
    def group(self) -> str:
        """The name that the pods share which divide the partitions among themselves."""
        return self.kafka.group_id if self.source == "kafka" else self.kinesis.application_name

    @property
    def revoke_seconds(self) -> float:
        """How long partitions that are taken away may go on delivering."""
        return self.kafka.revoke_seconds if self.source == "kafka" else self.kinesis.revoke_seconds
