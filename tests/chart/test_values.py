"""The chart's own files agree with one another and with the worker."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import yaml
from msgspec.structs import fields

from tests.chart.conftest import CHART, CI, ROOT
from worker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chart.conftest import Object

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())


def test_the_schema_is_up_to_date() -> None:
    """With the worker's own in it, and with the rules that are told as sentences."""
    command = [sys.executable, str(ROOT / "tools/chart/schema.py"), "--check"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr


def test_the_schema_knows_every_section_and_no_other() -> None:
    assert set(SCHEMA["definitions"]["config"]["properties"]) == {each.name for each in fields(Settings)}


def resolved(schema: Object) -> Object:
    """The schema that a reference means."""
    while "$ref" in schema:
        found: Object = SCHEMA
        for word in schema["$ref"].removeprefix("#/").split("/"):
            found = found[word]
        schema = found
    return schema


def closed(schema: Object, at: str = "") -> Iterator[tuple[str, Object]]:
    """Every place with keys of its own, where it is."""
    schema = resolved(schema)
    if "properties" in schema:
        yield at, schema
        for key, below in schema["properties"].items():
            yield from closed(below, f"{at}.{key}")
    if "items" in schema:
        yield from closed(schema["items"], f"{at}[]")
    if isinstance(more := schema.get("additionalProperties"), dict):
        yield from closed(more, f"{at}.*")


def test_unknown_keys_are_refused_everywhere() -> None:
    # The mapping has a grammar of its own, which the worker checks.
    open_to_all = {".config.record.mapping", ".workers.*.config.record.mapping"}
    assert {
        at for at, schema in closed(SCHEMA) if schema.get("additionalProperties") is not False
    } == open_to_all


def test_no_message_is_about_branches() -> None:
    """Helm shows each branch of a failed anyOf, and explains none."""
    text = json.dumps(SCHEMA)
    for word in ('"anyOf"', '"oneOf"', '"allOf"', '"if"', '"pattern"'):
        assert word not in text


def test_the_schema_knows_every_value_and_no_other() -> None:
    def differ(schema: Object, values: object, at: str) -> Iterator[str]:
        schema = resolved(schema)
        if isinstance(values, dict) and "properties" in schema and at not in OPEN:
            yield from (f"{at}.{key}" for key in schema["properties"].keys() ^ values.keys())
            for key in schema["properties"].keys() & values.keys():
                yield from differ(schema["properties"][key], values[key], f"{at}.{key}")

    assert set(differ(SCHEMA, VALUES, "")) == {".global"}


# What is as Kubernetes has it, and starts empty or with some of it.
OPEN = frozenset(
    {
        *(".config", ".affinity", ".dnsConfig", ".resources", ".updateStrategy.rollingUpdate"),
        *(".probes.startup", ".probes.liveness", ".probes.readiness", ".externalSecret.storeRef"),
        *(".autoscaling.keda.authenticationRef", ".autoscaling.behavior.scaleUp"),
        ".autoscaling.behavior.scaleDown",
    }
)


def test_every_value_is_tried_by_a_file_in_ci() -> None:
    tried: set[str] = set()
    for each in CI:
        written = yaml.safe_load((CHART / f"ci/{each}-values.yaml").read_text())
        tried |= written.keys()
    assert VALUES.keys() - tried <= {"securityContext"}


def test_chart_image_and_worker_have_one_version() -> None:
    """So that the chart's tag is that of the image which was built with it, without a flag."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (chart["version"], chart["appVersion"]) == (version, version)
    assert (VALUES["image"]["repository"], VALUES["image"]["tag"]) == ("personalize-worker", "")
    (image,) = yaml.safe_load(chart["annotations"]["artifacthub.io/images"])
    assert image["image"] == f"personalize-worker:{version}"
    # make image
    assert "IMAGE ?= personalize-worker:$(VERSION)" in (ROOT / "Makefile").read_text()


def test_the_annotations_for_artifact_hub_are_yaml() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    for key in ("links", "changes", "images"):
        assert yaml.safe_load(chart["annotations"][f"artifacthub.io/{key}"])


def documented(values: Object, at: str = "") -> Iterator[str]:
    """Every key that helm-docs makes a row of: leaves, and what is empty."""
    for key, value in values.items():
        name = f"{at}.{key}".removeprefix(".")
        row = f"| {name} |"
        if isinstance(value, dict) and value and row not in README:
            yield from documented(value, name)
        else:
            yield row


README = (CHART / "README.md").read_text()


def test_the_readme_has_every_value_with_its_meaning() -> None:
    """It is made by helm-docs (make chart-docs)."""
    rows = {line.partition(" | ")[0] + " |": line for line in README.splitlines() if line.startswith("| ")}
    for row in documented(VALUES):
        assert row in rows
        assert rows[row].rpartition("| ")[0].rpartition("` | ")[2].strip(), row


def test_the_readme_says_what_the_comments_say() -> None:
    said = re.findall("# -- (.*)", (CHART / "values.yaml").read_text())
    assert len(said) > 100
    for text in said:
        assert text in README, "make chart-docs"
