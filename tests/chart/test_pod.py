"""The pod is allowed nothing that it does not need, and is asked the right questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chart.conftest import CI, pod_of

if TYPE_CHECKING:
    from tests.chart.conftest import Object, Objects


@pytest.fixture
def deployment(objects: Objects) -> Object:
    """The Deployment with default values."""
    return objects("")["Deployment", ""]


@pytest.mark.parametrize("ci", CI)
def test_every_pod_is_restricted(objects: Objects, ci: str) -> None:
    """What the Pod Security Standard "restricted" asks for, and a read-only root beyond it."""
    rendered = objects(ci)
    pods = [pod_of(each) for (kind, _), each in rendered.items() if kind == "Deployment"]
    pods += [each["spec"] for (kind, _), each in rendered.items() if kind == "Pod"]
    assert len(pods) >= 2
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert ("runAsUser" in pod["securityContext"]) is (ci != "ipv6-openshift")
        assert pod["containers"][0]["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False


def test_the_probes_ask_the_admin_port(deployment: Object) -> None:
    container = pod_of(deployment)["containers"][0]
    paths = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {
        "startupProbe": {"path": "/live", "port": "admin"},
        "livenessProbe": {"path": "/live", "port": "admin"},
        "readinessProbe": {"path": "/ready", "port": "admin"},
    }


def test_a_rollout_never_adds_a_member_to_the_group(deployment: Object) -> None:
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert deployment["spec"]["minReadySeconds"] == 10


def test_the_selector_is_that_of_the_first_release(deployment: Object) -> None:
    """An upgrade can't change it."""
    assert deployment["spec"]["selector"]["matchLabels"] == {
        "app.kubernetes.io/name": "personalize-worker",
        "app.kubernetes.io/instance": "release",
    }


@pytest.mark.parametrize("ci", CI)
def test_selectors_select_the_workers_and_not_the_test(objects: Objects, ci: str) -> None:
    rendered = objects(ci)
    tests = of(rendered, "Pod")[0]["metadata"]["labels"].items()
    for name in (name for kind, name in rendered if kind == "Deployment"):
        deployment = rendered["Deployment", name]
        labels = deployment["spec"]["template"]["metadata"]["labels"].items()
        selectors = [deployment["spec"]["selector"]["matchLabels"]]
        selectors += [rendered["PodDisruptionBudget", name]["spec"]["selector"]["matchLabels"]]
        for kind in ("PodMonitor", "ServiceMonitor"):
            selectors += [each["spec"]["selector"]["matchLabels"] for each in of(rendered, kind)]
        selectors += [each["spec"]["selector"] for each in of(rendered, "Service")]
        for selector in selectors:
            assert selector.items() <= labels
            assert not selector.items() <= tests


def of(rendered: dict[tuple[str, str], Object], kind: str) -> list[Object]:
    """The objects of a kind."""
    return [each for (found, _), each in rendered.items() if found == kind]


def test_pods_are_spread_by_their_own_labels(deployment: Object) -> None:
    (spread,) = pod_of(deployment)["topologySpreadConstraints"]
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    assert spread["labelSelector"]["matchLabels"] == deployment["spec"]["selector"]["matchLabels"]


def test_the_role_is_on_the_account_that_the_pod_uses(objects: Objects) -> None:
    rendered = objects("confluent-cloud")
    account = rendered["ServiceAccount", ""]["metadata"]
    assert "eks.amazonaws.com/role-arn" in account["annotations"]
    assert pod_of(rendered["Deployment", ""])["serviceAccountName"] == account["name"]


def test_an_account_that_exists_is_used_as_it_is(objects: Objects) -> None:
    rendered = objects("", "serviceAccount: {create: false, name: streams}")
    assert not of(rendered, "ServiceAccount")
    assert pod_of(rendered["Deployment", ""])["serviceAccountName"] == "streams"


def test_the_image_is_the_digest_if_there_is_one(objects: Objects) -> None:
    def image(values: str) -> str:
        return str(pod_of(objects("", values)["Deployment", ""])["containers"][0]["image"])

    digest = f"sha256:{'a' * 64}"
    assert image("image: {tag: '2'}") == "personalize-worker:2"
    assert image(f"image: {{digest: {digest}}}") == f"personalize-worker:0.1.0@{digest}"


def test_what_is_put_around_the_worker_is_there(objects: Objects) -> None:
    rendered = objects("everything")
    pod = pod_of(rendered["Deployment", ""])
    assert [each["name"] for each in pod["containers"]] == ["worker", "proxy"]
    assert [each["name"] for each in pod["initContainers"]] == ["log-agent"]
    for key in ("runtimeClassName", "schedulerName", "hostAliases", "dnsPolicy", "dnsConfig", "affinity"):
        assert pod[key]
    assert pod["containers"][0]["startupProbe"] == {
        "httpGet": {"path": "/live", "port": "admin"},
        "periodSeconds": 2,
        "failureThreshold": 60,
    }
    for each in rendered.values():
        labels = each["metadata"].get("labels", {})
        of_our_own = each["metadata"]["name"] in {"release-more", "streams", "gvisor"}
        assert of_our_own or labels.get("example.com/team")


def test_more_objects_are_templates(objects: Objects) -> None:
    assert ("TriggerAuthentication", "aws") in objects("kinesis")
    assert objects("kinesis")["TriggerAuthentication", "aws"]["metadata"]["namespace"] == "streams"
    assert ("ConfigMap", "release-kafka-user") in objects("strimzi-mtls")
