"""What stands under ``config`` reaches the worker as it stands there, and the chart reads the same words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml
from msgspec.structs import fields

from tests.chart.conftest import CHART, FULL_VALUES
from worker.config import read_settings
from worker.config.presets import read_preset
from worker.settings import AdminSettings, Settings, ShutdownSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Objects = Callable[..., dict[str, Any]]


def pod(objects: dict[str, Any]) -> dict[str, Any]:
    """The pod's specification."""
    return dict(objects["Deployment"]["spec"]["template"]["spec"])


def test_the_worker_reads_what_is_rendered(objects: Objects, tmp_path: Path) -> None:
    """The file as the ConfigMap holds it, and the secret from the variable that the chart names."""
    rendered = objects("-f", FULL_VALUES)
    file = tmp_path / "config.yaml"
    file.write_text(rendered["ConfigMap"]["data"]["config.yaml"])
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    named = [each["name"] for each in pod(rendered)["containers"][0]["env"] if each["name"].endswith("_FILE")]

    settings = read_settings(file, dict.fromkeys(named, str(secret)))

    assert settings.kafka.topics == ("interactions", "^shop-.*")
    assert settings.kafka.client["sasl.username"] == "worker"
    assert settings.kafka.client["sasl.password"] == "s3cret"
    segment = read_preset("segment").mapping
    assert settings.record.mapping == {**segment, "sent_at": {"path": "timestamp", "unit": "iso8601"}}
    assert settings.limits.max_unsettled_bytes == 268_435_456
    assert (settings.limits.max_age_seconds, settings.limits.when_too_old) == (3600, "skip")
    assert settings.batching.order == "freshest_first"
    assert settings.shutdown.drain_seconds == 40.5


def test_a_worker_of_kinesis_reads_what_is_rendered(objects: Objects, tmp_path: Path) -> None:
    rendered = objects("-f", str(CHART / "ci" / "kinesis-values.yaml"))
    file = tmp_path / "config.yaml"
    file.write_text(rendered["ConfigMap"]["data"]["config.yaml"])

    settings = read_settings(file, {})

    assert (settings.source, settings.group) == ("kinesis", "personalize-worker-eu")
    assert settings.dead_letters.stream == "interactions.dead-letters"


def test_a_secret_is_mounted_where_the_worker_is_told(objects: Objects) -> None:
    spec = pod(objects("-f", FULL_VALUES))
    container = spec["containers"][0]
    told = next(each["value"] for each in container["env"] if each["name"].endswith("_FILE"))
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    volumes = {each["name"]: each for each in spec["volumes"]}
    (source,) = volumes["secrets"]["projected"]["sources"]
    (item,) = source["secret"]["items"]
    assert f"{mounts['secrets']}/{item['path']}" == told
    assert (source["secret"]["name"], item["key"]) == ("kafka-login", "password")


def test_the_chart_knows_every_section_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(schema["properties"]["config"]["properties"]) == {each.name for each in fields(Settings)}


def test_the_schema_knows_every_value_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(schema["properties"]) - {"global"} == set(values)


def test_the_chart_repeats_the_defaults_of_the_worker(objects: Objects) -> None:
    spec = pod(objects())
    assert spec["terminationGracePeriodSeconds"] == ShutdownSettings().drain_seconds + 15
    assert spec["containers"][0]["ports"] == [{"name": "admin", "containerPort": AdminSettings().port}]


def test_the_grace_period_stays_above_the_drain(objects: Objects) -> None:
    for drain_seconds, grace_seconds in (("0", 15), ("40.5", 56), ("3600", 3615)):
        spec = pod(objects("--set-json", f"config.shutdown.drain_seconds={drain_seconds}"))
        assert spec["terminationGracePeriodSeconds"] == grace_seconds


def test_another_configuration_is_another_pod(objects: Objects) -> None:
    def checksum(*arguments: str) -> str:
        return str(
            objects(*arguments)["Deployment"]["spec"]["template"]["metadata"]["annotations"][
                "checksum/config"
            ]
        )

    assert checksum() == checksum()
    assert checksum() != checksum("--set", "config.log.level=debug")
