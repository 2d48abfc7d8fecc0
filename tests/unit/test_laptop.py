"""compose.yaml is in its language, names images by version, and what it mounts fits together."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from importlib.resources import files
from itertools import islice
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from tests.support.builders import record
from worker.commands.arguments import build_parser
from worker.config import read_settings
from worker.core.model.records import Interaction
from worker.runtime.wiring import record_mapping

if TYPE_CHECKING:
    from types import ModuleType

PROJECT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
RULES = PROJECT / "helm/personalize-worker/files/alerts.yaml"


def feed() -> ModuleType:
    spec = importlib.util.spec_from_file_location("feed", PROJECT / "laptop/feed.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def mounts() -> list[str]:
    return [each.split(":")[0] for service in SERVICES.values() for each in service.get("volumes", ())]


def test_it_follows_the_compose_specification() -> None:
    said = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text())
    jsonschema.validators.validator_for(said)(said).validate(COMPOSE)


def test_every_image_is_named_by_its_version() -> None:
    for name, service in SERVICES.items():
        if "build" not in service:
            assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?", service["image"]), name


def test_every_service_that_is_waited_for_is_there_and_ports_are_open_here_only() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", ())) <= set(SERVICES)
        assert all(each.startswith("127.0.0.1:") for each in service.get("ports", ()))
    shared = SERVICES["worker"]["network_mode"].partition(":")[2]
    assert "127.0.0.1:9090:9090" in SERVICES[shared]["ports"]


@pytest.mark.parametrize("place", mounts())
def test_what_is_mounted_is_there(place: str) -> None:
    if "/files/" in place and not RULES.parent.exists():
        pytest.skip("the chart has no alerts and no dashboard yet")
    assert (PROJECT / place).exists()


@pytest.mark.parametrize("name", ["worker", "putevents"])
def test_the_worker_is_started_by_commands_that_there_are(name: str) -> None:
    default = ["run", "--config", "/etc/personalize-worker/config.yaml"]
    build_parser().parse_args(SERVICES[name].get("command", default))
    if healthy := SERVICES[name].get("healthcheck"):
        assert healthy["test"][:2] == ["CMD", "personalize-worker"]
        build_parser().parse_args(healthy["test"][2:])


def test_the_worker_maps_what_the_feed_writes_but_for_one_in_a_thousand() -> None:
    settings = read_settings(PROJECT / "laptop/worker.yaml", {})
    mapping = record_mapping(settings)
    written = list(islice(feed().records(1), 3000))
    mapped = [mapping(record(key=key.encode(), value=value.encode())) for key, value in written]
    assert sum(not isinstance(each, Interaction) for each in mapped) == 3
    assert settings.kafka.topics == ("interactions",)
    assert all(key == json.loads(value)["session"] for key, value in written[:999])


def test_the_topics_of_the_worker_are_made_and_fed() -> None:
    settings = read_settings(PROJECT / "laptop/worker.yaml", {})
    made = SERVICES["topics"]["command"][0]
    assert {*settings.kafka.topics, settings.dead_letters.topic} <= set(re.split(r"[ ;]+", made))
    assert SERVICES["feed"]["command"][:4] == ["--brokers", "kafka:9092", "--topic", "interactions"]


def test_prometheus_gets_the_charts_rules_with_their_words_filled_in(tmp_path: Path) -> None:
    if not RULES.exists():
        pytest.skip("the chart has no alerts yet")
    script = SERVICES["prometheus"]["command"][0].splitlines()[0]
    out = tmp_path / "alerts.yaml"
    subprocess.run(
        ["sh", "-ec", script.replace("/chart/alerts.yaml", str(RULES)).replace("/tmp/alerts.yaml", str(out))],  # noqa: S108, S607  a folder of the container's
        check=True,
    )
    rules = out.read_text()
    assert "__" not in re.sub(r"(?m)^\s*#.*$", "", rules).replace("__name__", "")
    job = yaml.safe_load((PROJECT / "laptop/prometheus.yaml").read_text())["scrape_configs"][0]["job_name"]
    assert f'job="{job}"' in rules
    if which("promtool"):
        subprocess.run(["promtool", "check", "rules", str(out)], check=True, capture_output=True)  # noqa: S607  found on PATH, or the test is skipped
