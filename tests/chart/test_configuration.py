"""What stands under ``config`` reaches the worker as it stands there, and the chart reads the same words."""

from __future__ import annotations

import ctypes
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from confluent_kafka import cimpl

from tests.chart.conftest import CI, pod_of
from worker.config import read_settings
from worker.config.presets import read_preset
from worker.settings import AdminSettings, ShutdownSettings
from worker.sources.kafka.client_settings import REFUSED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chart.conftest import Object, Objects, Template
    from worker.settings import Settings


def read(objects: dict[tuple[str, str], Object], name: str, folder: Path, certificate: Path) -> Settings:
    """The settings of one worker, from its ConfigMap and the variables of its pod; secrets are `s3cret`."""
    file, secret = folder / "config.yaml", folder / "secret"
    text = str(objects["ConfigMap", name]["data"]["config.yaml"])
    # librdkafka opens the files of a login at once.
    file.write_text(re.sub(r"/run/secrets/kafka-\S+", str(certificate), text))
    secret.write_text("s3cret\n")
    variables = pod_of(objects["Deployment", name])["containers"][0].get("env", [])
    environ = {each["name"]: each["value"] for each in variables if "value" in each}
    environ |= {name: str(secret) for name in environ if name.endswith("_FILE")}
    return read_settings(file, {name: text for name, text in environ.items() if name.startswith("WORKER_")})


@pytest.mark.parametrize("ci", CI)
def test_the_worker_reads_what_is_rendered(
    objects: Objects, ci: str, tmp_path: Path, certificate: Path
) -> None:
    rendered = objects(ci)
    workers = [name for kind, name in rendered if kind == "Deployment"]
    assert workers
    for name in workers:
        settings = read(rendered, name, tmp_path, certificate)
        assert settings.personalize.tracking_id


def test_every_setting_arrives(objects: Objects, tmp_path: Path) -> None:
    settings = read(objects("everything"), "", tmp_path, tmp_path)

    assert settings.kafka.topics == ("interactions", "^shop-.*")
    assert settings.kafka.client["sasl.username"] == "s3cret"
    assert settings.kafka.client["sasl.password"] == "s3cret"
    segment = read_preset("segment").mapping
    assert settings.record.mapping == {**segment, "sent_at": {"path": "timestamp", "unit": "iso8601"}}
    assert settings.limits.max_unsettled_bytes == 268_435_456
    assert (settings.limits.max_age_seconds, settings.limits.when_too_old) == (3600, "skip")
    assert settings.batching.order == "freshest_first"
    assert settings.shutdown.drain_seconds == 40.5


def test_a_worker_of_kinesis_too(objects: Objects, tmp_path: Path) -> None:
    settings = read(objects("kinesis"), "", tmp_path, tmp_path)

    assert (settings.source, settings.group) == ("kinesis", "personalize-worker-eu")
    assert settings.dead_letters.stream == "interactions.dead-letters"
    # null is a value, also to helm.
    assert settings.dead_letters.hold_after_unmappable is None


def test_the_chart_repeats_the_defaults_of_the_worker(objects: Objects) -> None:
    pod = pod_of(objects("")["Deployment", ""])
    assert pod["terminationGracePeriodSeconds"] == ShutdownSettings().drain_seconds + 15
    assert pod["containers"][0]["ports"] == [{"name": "admin", "containerPort": AdminSettings().port}]


@pytest.mark.parametrize(("drain_seconds", "grace_seconds"), [(0, 15), (40.5, 56), (3600, 3615)])
def test_the_grace_period_stays_above_the_drain(
    objects: Objects, drain_seconds: float, grace_seconds: int
) -> None:
    rendered = objects("", f"config: {{shutdown: {{drain_seconds: {drain_seconds}}}}}")
    assert pod_of(rendered["Deployment", ""])["terminationGracePeriodSeconds"] == grace_seconds


def test_an_empty_value_is_as_if_it_were_not_there(template: Template) -> None:
    """A file of values often keeps a key and comments out what is below."""
    keys = (
        "config",
        "workers",
        "inlineSecrets",
        "secretFiles",
        "env",
        "resources",
        "nodeSelector",
        "tolerations",
    )
    empty = template("", "".join(f"{each}:\n" for each in keys))
    assert empty.returncode == 0, empty.stderr
    assert empty.stdout == template("", "resources: null").stdout


def test_another_configuration_is_another_pod(objects: Objects) -> None:
    def checksum(values: str) -> str:
        template = objects("", values)["Deployment", ""]["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/config"])

    assert checksum("replicas: 3") == checksum("")
    assert checksum("config: {log: {level: debug}}") != checksum("")


def test_text_that_looks_like_a_number_has_to_stand_in_quotes(template: Template, tmp_path: Path) -> None:
    """Every setting that is text to librdkafka: a password of 0123 would reach the worker as 83."""
    texts = text_properties(tmp_path / "properties") - REFUSED.keys() - {"share.acknowledgement.mode"}
    client = "".join(f"      {each}: 0123\n" for each in texts)
    ended = template("", f"config:\n  kafka:\n    client:\n{client}")
    assert ended.returncode == 1
    unheard = {
        each
        for each in texts
        if f"'/config/kafka/client/{each}': got number, want string" not in ended.stderr
    }
    assert not unheard


def test_numbers_and_switches_of_librdkafka_may_stand_without(objects: Objects) -> None:
    """With all of their digits, as helm writes them."""
    limits = {"max_unsettled_bytes": 1 << 40}
    client: dict[str, Any] = {
        "message.max.bytes": 100_000_000,
        "socket.keepalive.enable": True,
        "sasl.username": "0123",
        "queued.max.messages.kbytes": 2_097_151,
    }
    values = {
        "config": {"kafka": {"client": client}, "limits": limits},
        "resources": {"limits": {"memory": "2Ti"}},
    }
    written = yaml.safe_load(objects("", json.dumps(values))["ConfigMap", ""]["data"]["config.yaml"])
    assert written["kafka"]["client"] == client
    assert written["limits"] == limits


def test_ids_that_differ_from_pod_to_pod_are_fine(template: Template) -> None:
    field = "valueFrom: {fieldRef: {fieldPath: metadata.name}}"
    for values in (
        "config: {kafka: {client: {group.instance.id: 'worker-{hostname}'}}}",
        "{replicas: 1, config: {kafka: {client: {group.instance.id: worker}}}}",
        f"env: [{{name: WORKER_KAFKA__CLIENT__GROUP_INSTANCE_ID, {field}}}]",
        "env: [{name: WORKER_KAFKA__CLIENT__GROUP_INSTANCE_ID, value: w-$(POD)}]",
    ):
        assert template("", values).returncode == 0
    same = "env: [{name: WORKER_KAFKA__CLIENT__GROUP_INSTANCE_ID, value: a}]"
    assert "fence each other" in template("", same).stderr


def text_properties(path: Path) -> set[str]:
    """The settings that are text, as the installed librdkafka prints them."""
    library, system = ctypes.CDLL(cimpl.__file__), ctypes.CDLL(None)
    system.fopen.restype = ctypes.c_void_p
    file = ctypes.c_void_p(system.fopen(bytes(path), b"w"))
    library.rd_kafka_conf_properties_show(file)
    system.fclose(file)
    lines = [line for line in path.read_text().splitlines() if "Type: string" in line]
    return {line.split("|")[0].strip() for line in lines}
