"""The chart passes lint and the strict schemas, and the schemas would notice a misspelt field."""

from __future__ import annotations

import ctypes
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from confluent_kafka import cimpl

from tests.chart.conftest import CHART, FULL_VALUES
from worker.sources.kafka.client_settings import REFUSED

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

VARIABLE = "WORKER_KAFKA__CLIENT__GROUP_INSTANCE_ID"
VALUES = pytest.mark.parametrize("values", [(), ("-f", FULL_VALUES)], ids=["defaults", "full"])


@VALUES
def test_lints(helm: Run, values: tuple[str, ...]) -> None:
    ended = helm("lint", "--strict", CHART, *values)
    assert ended.returncode == 0, ended.stdout


@VALUES
def test_every_object_is_valid(
    rendered: Callable[..., str], kubeconform: Run, values: tuple[str, ...]
) -> None:
    ended = kubeconform(rendered(*values))
    assert ended.returncode == 0, ended.stdout
    assert "Valid: 3, Invalid: 0, Errors: 0, Skipped: 0" in ended.stdout


def test_the_schemas_refuse_a_misspelt_field(rendered: Callable[..., str], kubeconform: Run) -> None:
    ended = kubeconform(rendered().replace("readOnlyRootFilesystem", "readOnlyRootFileSystem"))
    assert ended.returncode == 1
    assert "readOnlyRootFileSystem" in ended.stdout


@pytest.mark.parametrize(
    "setting",
    [
        "replica=3",
        "replicas=many",
        "config.kafak.topics={interactions}",
        "config.shutdown.drain_seconds=soon",
        "secretFiles[0].setting=sasl.password",
        # Of 007 it would be the same: Helm reads before the worker does.
        "config.kafka.topics={7}",
        "config.kafka.group_id=7",
        "config.personalize.tracking_id=123",
        "config.dead_letters.topic=5",
    ],
)
def test_a_wrong_value_is_refused(helm: Run, setting: str) -> None:
    ended = helm("template", "release", CHART, "--set", setting)
    assert ended.returncode == 1
    assert "values don't meet the specifications of the schema" in ended.stderr


def test_text_that_looks_like_a_number_has_to_stand_in_quotes(helm: Run, tmp_path: Path) -> None:
    """Every setting that is text to librdkafka: a password of 0123 would reach the worker as 83."""
    texts = text_properties(tmp_path / "properties") - REFUSED.keys() - {"share.acknowledgement.mode"}
    values = tmp_path / "values.yaml"
    client = "".join(f"      {each}: 0123\n" for each in texts)
    values.write_text(f"config:\n  kafka:\n    client:\n{client}")
    ended = helm("template", "release", CHART, "-f", values)
    assert ended.returncode == 1
    unheard = {
        each
        for each in texts
        if f"'/config/kafka/client/{each}': got number, want string" not in ended.stderr
    }
    assert not unheard


def test_numbers_and_switches_of_librdkafka_may_stand_without(
    objects: Callable[..., Any], tmp_path: Path
) -> None:
    """With all of their digits, as helm writes them."""
    values = tmp_path / "values.yaml"
    limits = {"max_unsettled_bytes": 1 << 40}
    client = {
        "message.max.bytes": 100_000_000,
        "socket.keepalive.enable": True,
        "sasl.password": "0123",
        "queued.max.messages.kbytes": 2_097_151,
    }
    values.write_text(
        json.dumps({"config": {"kafka": {"client": client}, "limits": {"max_unsettled_bytes": 1 << 40}}})
    )
    written = yaml.safe_load(objects("-f", values)["ConfigMap"]["data"]["config.yaml"])
    assert written["kafka"]["client"] == client
    assert written["limits"] == limits


@pytest.mark.parametrize(
    ("replicas", "instance_id", "is_fine"),
    [(2, "a", False), (2, "worker-{hostname}", True), (1, "a", True), (2, None, True)],
)
def test_one_id_of_a_static_member_is_not_for_several_pods(
    helm: Run, tmp_path: Path, replicas: int, instance_id: str | None, *, is_fine: bool
) -> None:
    """They would fence each other."""
    values = tmp_path / "values.yaml"
    for given in (
        {"config": {"kafka": {"client": {"group.instance.id": instance_id} if instance_id else {}}}},
        {
            "env": [{"name": "WORKER_KAFKA__CLIENT__GROUP_INSTANCE_ID", "value": instance_id}]
            if instance_id
            else []
        },
    ):
        values.write_text(json.dumps(given | {"replicas": replicas}))
        ended = helm("template", "release", CHART, "-f", values)
        assert (ended.returncode == 0) is is_fine
        assert is_fine or "fence each other" in ended.stderr


def test_an_id_that_is_taken_from_the_pod_is_fine(helm: Run, tmp_path: Path) -> None:
    field = {"fieldRef": {"fieldPath": "metadata.name"}}
    env = [{"name": VARIABLE, "valueFrom": field}]
    values = tmp_path / "values.yaml"
    values.write_text(json.dumps({"replicas": 3, "env": env}))
    assert helm("template", "release", CHART, "-f", values).returncode == 0


def text_properties(path: Path) -> set[str]:
    """The settings that are text, as the installed librdkafka prints them."""
    library, system = ctypes.CDLL(cimpl.__file__), ctypes.CDLL(None)
    system.fopen.restype = ctypes.c_void_p
    file = ctypes.c_void_p(system.fopen(bytes(path), b"w"))
    library.rd_kafka_conf_properties_show(file)
    system.fclose(file)
    lines = [line for line in path.read_text().splitlines() if "Type: string" in line]
    return {line.split("|")[0].strip() for line in lines}
