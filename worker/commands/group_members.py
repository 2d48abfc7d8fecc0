"""Asks Kafka for the number of the group's members; the command asks, so that the worker need not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException

from worker.sources.kafka.cluster import Cluster
from worker.sources.kafka.iam_login import why_no_login

if TYPE_CHECKING:
    from worker.settings import KafkaSettings

_PATIENCE_SECONDS: Final = 5.0


def members(kafka: KafkaSettings, group_id: str) -> str:
    """Return the number of members and the group's state, in words; or why they are not known.

    The group is that of the worker that answered, because the given configuration may be another worker's.
    """
    other = "" if group_id == kafka.group_id else f"; --config is another worker's, of {kafka.group_id}"
    return _members(kafka, group_id) + other


def _members(kafka: KafkaSettings, group_id: str) -> str:
    if why := why_no_login(kafka):
        return f"members not known: {why}"
    try:
        admin = Cluster(kafka).admin
        asked = admin.describe_consumer_groups([group_id], request_timeout=_PATIENCE_SECONDS)
        group = asked[group_id].result()
    except KafkaException as error:
        return f"members not known: {error.args[0].str()}"
    count = len(group.members)
    return f"{count} member{'' if count == 1 else 's'}, {group.state.name.lower().replace('_', ' ')}"
