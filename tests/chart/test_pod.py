"""The pod is allowed nothing that it does not need, and is asked the right questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.chart.conftest import FULL_VALUES

if TYPE_CHECKING:
    from collections.abc import Callable

    Objects = Callable[..., dict[str, Any]]


@pytest.fixture
def deployment(objects: Objects) -> dict[str, Any]:
    """The Deployment with default values."""
    return dict(objects()["Deployment"])


@pytest.fixture
def pod(deployment: dict[str, Any]) -> dict[str, Any]:
    """Its pod's specification."""
    return dict(deployment["spec"]["template"]["spec"])


def test_the_pod_is_restricted(pod: dict[str, Any]) -> None:
    """What the Pod Security Standard "restricted" asks for, and a read-only root beyond it."""
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False


def test_the_probes_ask_the_admin_port(pod: dict[str, Any]) -> None:
    container = pod["containers"][0]
    paths = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {
        "startupProbe": {"path": "/live", "port": "admin"},
        "livenessProbe": {"path": "/live", "port": "admin"},
        "readinessProbe": {"path": "/ready", "port": "admin"},
    }


def test_a_rollout_never_adds_a_member_to_the_group(deployment: dict[str, Any]) -> None:
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


def test_the_selector_selects_the_pod(objects: Objects) -> None:
    spec = objects("-f", FULL_VALUES)["Deployment"]["spec"]
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_the_role_is_on_the_account_that_the_pod_uses(objects: Objects) -> None:
    rendered = objects("-f", FULL_VALUES)
    account = rendered["ServiceAccount"]["metadata"]
    assert "eks.amazonaws.com/role-arn" in account["annotations"]
    assert rendered["Deployment"]["spec"]["template"]["spec"]["serviceAccountName"] == account["name"]


def test_an_account_that_exists_is_used_as_it_is(objects: Objects) -> None:
    rendered = objects("--set", "serviceAccount.create=false,serviceAccount.name=streams")
    assert "ServiceAccount" not in rendered
    assert rendered["Deployment"]["spec"]["template"]["spec"]["serviceAccountName"] == "streams"
