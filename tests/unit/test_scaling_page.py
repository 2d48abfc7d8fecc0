"""What docs/scaling.md gives to copy is what was played, and asks for metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from benchmarks.scaling.autoscalers import LEAST_PODS, RECOMMENDED
from worker.core.scaling.demand import Bound
from worker.telemetry.definition import PREFIX
from worker.telemetry.definitions import DEFINITIONS

PAGE = (Path(__file__).parents[2] / "docs/scaling.md").read_text()
BLOCKS: list[dict[str, Any]] = [
    yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
]
SCALED, ADAPTER, HPA, LAG = BLOCKS
NAMES = {PREFIX + each.name for each in DEFINITIONS}


def test_the_behavior_is_the_one_that_was_played() -> None:
    behavior = SCALED["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    pods, percent = behavior["scaleUp"]["policies"]
    (fall,) = behavior["scaleDown"]["policies"]
    assert (pods["type"], pods["value"], pods["periodSeconds"]) == (
        "Pods",
        RECOMMENDED.rise_pods,
        RECOMMENDED.rise_seconds,
    )
    assert (percent["type"], percent["value"], percent["periodSeconds"]) == (
        "Percent",
        RECOMMENDED.rise_percent,
        RECOMMENDED.rise_seconds,
    )
    assert (fall["type"], fall["value"], fall["periodSeconds"]) == (
        "Percent",
        RECOMMENDED.fall_percent,
        RECOMMENDED.fall_seconds,
    )
    windows = [behavior[way]["stabilizationWindowSeconds"] for way in ("scaleUp", "scaleDown")]
    assert windows == [RECOMMENDED.rise_window_seconds, RECOMMENDED.fall_window_seconds]


def test_both_ask_for_the_average_of_the_number_itself() -> None:
    (trigger,) = SCALED["spec"]["triggers"]
    assert (trigger["metricType"], trigger["metadata"]["threshold"]) == ("AverageValue", "1")
    assert trigger["metadata"]["ignoreNullValues"] == "false"
    (rule,), (metric,) = ADAPTER["externalRules"], HPA["spec"]["metrics"]
    assert metric["external"]["target"] == {"type": "AverageValue", "averageValue": "1"}
    assert metric["external"]["metric"]["name"] == rule["name"]["as"] == PREFIX + "desired_workers"
    for query in (trigger["metadata"]["query"], rule["metricsQuery"]):
        assert query.startswith("avg(")
    assert SCALED["spec"]["minReplicaCount"] == HPA["spec"]["minReplicas"] == LEAST_PODS


def test_the_metrics_are_there() -> None:
    assert set(re.findall(rf"{PREFIX}\w+", PAGE)) <= NAMES


def test_every_reason_is_explained() -> None:
    rows = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    explained = {word for row in rows for word in re.findall(r"`([a-z_]+)`", row)}
    assert set(Bound) <= explained
    assert int(LAG["triggers"][0]["metadata"]["lagThreshold"]) >= 10_000
