"""Apache Kafka in Docker, where a daemon answers: one broker, one container, ended by its id."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

from tests.support.java_kafka import KAFKA_VERSION, START_SECONDS, free_port
from tests.support.kafka_topics import KafkaTopics, NoKafka

IMAGE: Final = f"apache/kafka:{KAFKA_VERSION}"


def _docker(*arguments: str, seconds: float = 60) -> str:
    command = ["docker", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise NoKafka(f"Docker does not answer: {error}") from error
    if done.returncode != 0:
        raise NoKafka(f"docker {arguments[0]}: {done.stderr.strip()[-300:]}")
    return done.stdout.strip()


def _settings(port: int) -> dict[str, str]:
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }


class DockerKafka(KafkaTopics):
    """One broker in one container."""

    can_be_killed = True

    def __init__(self) -> None:
        """Start the container and wait until it answers; ``NoKafka`` where Docker doesn't run."""
        if not shutil.which("docker"):
            raise NoKafka("no Docker on the path")
        _docker("version", "--format", "{{.Server.Version}}", seconds=10)
        port = free_port()
        super().__init__(f"127.0.0.1:{port}")
        environment = [word for name, value in _settings(port).items() for word in ("-e", f"{name}={value}")]
        published = f"127.0.0.1:{port}:{port}"
        self.container = _docker("run", "-d", "-p", published, *environment, IMAGE, seconds=600)
        try:
            self.wait_until_up(1, START_SECONDS)
        except BaseException:
            # Whatever went wrong, Ctrl-C included, no container may stay behind.
            self.stop()
            raise

    def kill(self, node: int = 1) -> None:  # noqa: ARG002  there is only one
        """Crash the broker."""
        _docker("kill", self.container)

    def restart(self) -> None:
        """Start the container again, on its old data."""
        _docker("start", self.container)
        self.wait_until_up(1, START_SECONDS)

    def stop(self) -> None:
        """Remove the container."""
        _docker("rm", "-f", self.container)
