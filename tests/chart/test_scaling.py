"""Who decides the number of pods, and by what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.chart.conftest import CI, ROOT

if TYPE_CHECKING:
    from tests.chart.conftest import Objects


@pytest.mark.parametrize("ci", CI)
def test_who_decides_the_number_of_pods_decides_it_alone(objects: Objects, ci: str) -> None:
    rendered = objects(ci)
    for (kind, name), each in rendered.items():
        if kind == "Deployment":
            scalers = [
                each for each in ("ScaledObject", "HorizontalPodAutoscaler") if (each, name) in rendered
            ]
            assert ("replicas" in each["spec"]) is (not scalers)
            assert len(scalers) <= 1


def test_keda_asks_for_the_figure_of_this_workers_pods(objects: Objects) -> None:
    scaled = objects("keda")["ScaledObject", ""]["spec"]
    (trigger,) = scaled["triggers"]
    assert trigger["metadata"]["query"] == (
        'avg(personalize_worker_desired_workers{namespace="streams",'
        'pod=~"release-personalize-worker-[a-z0-9]+-[a-z0-9]+"})'
    )
    assert (trigger["metricType"], trigger["metadata"]["threshold"]) == ("AverageValue", "1")
    assert (scaled["minReplicaCount"], scaled["maxReplicaCount"]) == (2, 12)
    assert scaled["scaleTargetRef"] == {"name": "release-personalize-worker"}
    # No answer takes no pod away.
    assert "fallback" not in scaled
    scaled = objects("keda", "autoscaling: {keda: {fallbackAfterFailures: 3}}")["ScaledObject", ""]["spec"]
    assert scaled["fallback"] == {"failureThreshold": 3, "replicas": 2, "behavior": "currentReplicasIfHigher"}


def test_the_chart_scales_as_the_page_says_that_was_simulated(objects: Objects) -> None:
    page = (ROOT / "docs/scaling.md").read_text()
    blocks = [yaml.safe_load(each) for each in re.findall(r"```yaml\n(apiVersion.*?)```", page, re.DOTALL)]
    told = next(each["spec"] for each in blocks if each["kind"] == "ScaledObject")
    ours = objects("keda")["ScaledObject", ""]["spec"]
    assert ours["advanced"] == told["advanced"]
    (one,), (other,) = ours["triggers"], told["triggers"]
    assert one["metadata"]["query"].partition("{")[0] == other["metadata"]["query"].partition("{")[0]
    for key in ("threshold", "ignoreNullValues"):
        assert one["metadata"][key] == other["metadata"][key]
    assert ("fallback" in ours) is ("fallback" in told)
    hpa = next(each["spec"] for each in blocks if each["kind"] == "HorizontalPodAutoscaler")
    (one,), (other,) = objects("everything")["HorizontalPodAutoscaler", ""]["spec"]["metrics"], hpa["metrics"]
    assert one["external"]["target"] == other["external"]["target"]
    assert one["external"]["metric"]["name"] == other["external"]["metric"]["name"]


def test_keda_logs_in_to_kafka_as_the_worker_does(objects: Objects) -> None:
    (trigger,) = objects("keda-lag")["ScaledObject", ""]["spec"]["triggers"]
    assert trigger["metadata"] == {
        "bootstrapServers": "kafka.kafka:9093",
        "consumerGroup": "personalize-worker-eu",
        "topic": "interactions",
        "lagThreshold": "50000",
        "offsetResetPolicy": "earliest",
        "sasl": "scram_sha512",
        "tls": "enable",
    }
    assert trigger["authenticationRef"] == {"name": "kafka"}


def test_of_several_topics_and_of_patterns_keda_takes_what_the_group_reads(objects: Objects) -> None:
    for topics in ("[a, b]", "['^shop']"):
        scaled = objects("keda-lag", f"config: {{kafka: {{topics: {topics}}}}}")["ScaledObject", ""]
        assert "topic" not in scaled["spec"]["triggers"][0]["metadata"]


def test_each_stream_is_a_trigger(objects: Objects) -> None:
    triggers = objects("kinesis")["ScaledObject", ""]["spec"]["triggers"]
    assert [each["metadata"]["streamName"] for each in triggers] == ["interactions", "clicks"]
    assert {each["metadata"]["awsRegion"] for each in triggers} == {"eu-west-1"}


def test_an_hpa_takes_the_figure_for_the_number_of_pods(objects: Objects) -> None:
    spec = objects("everything")["HorizontalPodAutoscaler", ""]["spec"]
    (metric,) = spec["metrics"]
    assert metric["external"]["target"] == {"type": "AverageValue", "averageValue": "1"}
    assert metric["external"]["metric"] == {
        "name": "personalize_worker_desired_workers",
        "selector": {"matchLabels": {"namespace": "streams", "worker": "worker"}},
    }
