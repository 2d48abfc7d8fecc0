"""What a worker loads: nothing that its configuration does not use, because each pod pays for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.processes import WorkerProcess
from worker.local.kafka import EmbeddedKafka

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

UNUSED = (
    # Libraries: of a process of its own, of extras, of no worker at all.
    *("boto3", "botocore", "opentelemetry", "google", "aiohttp", "jmespath"),
    # What only mistakes, help texts, presets and installed metadata need.
    *("difflib", "importlib.metadata", "importlib.resources", "worker.config.tracing"),
    # Kinesis, DynamoDB and their dead letters.
    *("worker.sources.kinesis", "worker.core.leases", "worker.dead_letters.stream", "worker.aws.json_client"),
    *("worker.runtime.kinesis_parts", "worker.runtime.kinesis_clients"),
    # Formats beside JSON, and the schema registry.
    *("worker.formats.avro", "worker.formats.protobuf", "worker.formats.messagepack"),
    *("worker.formats.delimited", "worker.formats.json.framed", "worker.registry.client"),
    # Patterns of topics, logins by AWS, tracing.
    *("worker.core.topics.parsing", "worker.aws.msk_token", "worker.tracing"),
    # The status page, until somebody looks at it.
    "worker.status.web",
    # Other commands.
    *("worker.local", "worker.replay", "worker.suggest", "worker.commands.check", "worker.commands.try_"),
    *("worker.commands.try_arguments", "worker.commands.dead_letters_arguments", "worker.commands.demo"),
)
# Or the test would look at a worker that is not built.
USED = ("worker.sources.kafka.source", "worker.formats.json.decoder", "worker.pipeline.pipeline")
# Of our own; libraries load more where more is installed. Each is 0.2 ms of a start, and 17 KB.
MOST_MODULES = 280


def below(modules: Iterable[str], names: Iterable[str]) -> list[str]:
    return [module for module in modules for name in names if f"{module}.".startswith(f"{name}.")]


def test_a_plain_worker_of_kafka_and_json_loads_nothing_else(tmp_path: Path) -> None:
    """With all its parts built, and its pages asked as a cluster asks them: it is ready, and scraped."""
    with EmbeddedKafka({"events": 1, "letters": 1}) as kafka:
        settings = {
            "kafka": {"bootstrap_servers": kafka.bootstrap_servers, "topics": ["events"]},
            "personalize": {"tracking_id": "t", "region": "eu-west-1", "endpoint_url": "http://127.0.0.1:9"},
            "dead_letters": {"topic": "letters"},
            "admin": {"host": "127.0.0.1", "port": 0},
        }
        keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
        program = ("tests.support.loaded_modules",)
        worker = WorkerProcess(settings, tmp_path / "worker.log", keys, program)
        try:
            worker.wait_until_ready()
            assert worker.metric("personalize_worker_build_info") == 1
            worker.told_to_end()
            assert worker.exit_code(30) == 0
        finally:
            worker.kill()
    told = worker.lines()[-1]
    assert told["collects"]
    modules = told["modules"]
    assert len(below(modules, USED)) == len(USED)
    assert below(modules, UNUSED) == []
    assert len(below(modules, ["worker"])) <= MOST_MODULES
