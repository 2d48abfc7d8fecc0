"""What to allow the worker on Kafka, in the words of whoever decides there: Kafka's ACLs, or AWS' IAM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from worker.settings import KafkaSettings

Right: TypeAlias = Literal["see_topic", "read_topic", "write_topic", "read_group"]

_WORDS: Final[dict[str, dict[Right, str]]] = {
    "client": {
        "see_topic": "grant DESCRIBE",
        "read_topic": "grant READ",
        "write_topic": "grant WRITE",
        "read_group": "grant this user READ on it",
    },
    "aws_msk_iam": {
        "see_topic": "allow kafka-cluster:DescribeTopic on it to the role",
        "read_topic": "allow kafka-cluster:ReadData and DescribeTopic on it to the role",
        "write_topic": "allow kafka-cluster:WriteData and DescribeTopic on it, and "
        "kafka-cluster:WriteDataIdempotently on the cluster, to the role",
        "read_group": "allow kafka-cluster:AlterGroup and DescribeGroup on it to the role",
    },
}


def grant(kafka: KafkaSettings, right: Right) -> str:
    """Return what to do so that the worker has this right, as part of a sentence."""
    return _WORDS[kafka.authentication][right]
