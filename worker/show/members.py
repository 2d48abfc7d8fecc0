"""How many members the group has: asked of Kafka by the command, so that the worker need not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException

from worker.sources.kafka_cluster import Cluster

if TYPE_CHECKING:
    from worker.settings import KafkaSettings

_PATIENCE_SECONDS: Final = 5.0


def members(kafka: KafkaSettings) -> str:
    """The number of members and the group's state, in words; or why that is not known."""
    admin = Cluster(kafka).admin
    asked = admin.describe_consumer_groups([kafka.group_id], request_timeout=_PATIENCE_SECONDS)
    try:
        group = asked[kafka.group_id].result()
    except KafkaException as error:
        return f"members not known: {error.args[0].str()}"
    count = len(group.members)
    return f"{count} member{'' if count == 1 else 's'}, {group.state.name.lower().replace('_', ' ')}"
