"""The chart on a real control plane: it is taken, rolls out, is upgraded, rolled back, and leaves nothing.

The namespace enforces the strictest pod security, and no object may have a field unknown to Kubernetes.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.chart.conftest import CHART, KUBERNETES, SCHEMAS, tool
from tests.support.control_plane import ControlPlane, is_built
from tests.support.samples import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.skipif(not LONG, reason="needs a control plane of its own: make chart-on-a-cluster"),
    pytest.mark.skipif(not is_built(), reason="no control plane is built: make chart-on-a-cluster"),
]

VALUES = sorted(CHART.glob("ci/*-values.yaml"))
EACH = pytest.mark.parametrize("values", VALUES, ids=[each.stem.removesuffix("-values") for each in VALUES])
NAMESPACE = "streams"
# Nothing starts here, so there is no rebalance to wait for between two pods.
AT_ONCE = ("--set", "minReadySeconds=0")


class Release:
    """A release of the chart in a namespace of its own."""

    def __init__(self, plane: ControlPlane, name: str) -> None:
        """Make the namespace."""
        self.plane, self.namespace = plane, f"{NAMESPACE}-{name}"
        labels = [f"pod-security.kubernetes.io/{each}=restricted" for each in ("enforce", "warn")]
        plane.kubectl("create", "namespace", self.namespace)
        plane.kubectl("label", "namespace", self.namespace, *labels)
        self._created = set(self.objects())

    def helm(self, *arguments: str | Path) -> str:
        """Run helm; it has to succeed, and to say no warning."""
        where = [f"--kubeconfig={self.plane.kubeconfig}", f"--namespace={self.namespace}"]
        ended = subprocess.run(
            [tool("helm"), *arguments, *where], capture_output=True, text=True, check=False, timeout=120
        )
        assert ended.returncode == 0, ended.stderr
        assert "would violate PodSecurity" not in ended.stderr
        assert "unknown field" not in ended.stderr
        return ended.stdout

    def objects(self) -> list[str]:
        """Every object of the namespace, of every kind there is, but for events and what follows pods."""
        kinds = self.plane.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name")
        passing = {"events", "events.events.k8s.io", "leases.coordination.k8s.io"}
        wanted = ",".join(each for each in kinds.stdout.split() if each not in passing)
        found = self.plane.kubectl("-n", self.namespace, "get", wanted, "-o", "name", "--ignore-not-found")
        assert found.returncode == 0, found.stderr
        return found.stdout.split()

    def would_take(self, rendered: str) -> None:
        """The API server would create these objects as they stand."""
        apply = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"]
        taken = self.plane.kubectl("-n", self.namespace, *apply, given=rendered)
        assert taken.returncode == 0, taken.stderr
        assert "would violate PodSecurity" not in taken.stderr

    def left(self) -> set[str]:
        """What is there that was not before the release."""
        return set(self.objects()) - self._created

    def ready_replicas(self) -> int:
        """How many pods of all deployments are said to run."""
        found = self.plane.kubectl("-n", self.namespace, "get", "deployments", "-o", "json")
        items: list[dict[str, Any]] = json.loads(found.stdout)["items"]
        return sum(each["status"].get("readyReplicas", 0) for each in items)


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane that knows the custom resources too."""
    with ControlPlane() as plane:
        for definition in sorted((SCHEMAS / "crds").glob("*.yaml")):
            applied = plane.kubectl("apply", "--server-side", "-f", definition)
            assert applied.returncode == 0, applied.stderr
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        yield plane


@EACH
def test_every_object_is_taken_as_it_stands(plane: ControlPlane, values: Path) -> None:
    """What ``helm template`` prints is all that is needed: it may be applied by itself."""
    release = Release(plane, f"apply-{values.stem}")
    release.would_take(
        release.helm("template", "release", CHART, "--skip-tests", "--kube-version", KUBERNETES, "-f", values)
    )


@EACH
def test_it_comes_changes_returns_and_goes(plane: ControlPlane, values: Path) -> None:
    release = Release(plane, values.stem)
    release.helm("install", "release", CHART, "-f", values, *AT_ONCE, "--wait", "--timeout", "60s")
    before = release.ready_replicas()
    assert before >= 1
    # The pod of `helm test` needs the service account that is there now.
    release.would_take(release.helm("get", "hooks", "release"))

    release.helm(
        "upgrade", "release", CHART, "-f", values, *AT_ONCE, "--set", "podLabels.step=second", "--wait"
    )
    release.helm("rollback", "release", "1", "--wait")
    assert release.ready_replicas() == before
    assert len(json.loads(release.helm("history", "release", "-o", "json"))) == 3

    release.helm("uninstall", "release", "--wait", "--cascade", "foreground")
    assert release.left() == set()


def test_a_pod_that_breaks_pod_security_would_be_noticed(plane: ControlPlane) -> None:
    release = Release(plane, "forbidden")
    rendered = release.helm("template", "release", CHART, "--kube-version", KUBERNETES, "-f", VALUES[0])
    broken = rendered.replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true")
    assert broken != rendered
    taken = plane.kubectl("-n", release.namespace, "apply", "--dry-run=server", "-f", "-", given=broken)
    assert "would violate PodSecurity" in taken.stderr


def test_a_field_that_kubernetes_does_not_know_would_be_noticed(plane: ControlPlane) -> None:
    release = Release(plane, "misspelt")
    rendered = release.helm("template", "release", CHART, "--kube-version", KUBERNETES, "-f", VALUES[0])
    broken = rendered.replace("readOnlyRootFilesystem", "readOnlyRootFileSystem")
    assert broken != rendered
    taken = plane.kubectl(
        "-n", release.namespace, "apply", "--dry-run=server", "--validate=strict", "-f", "-", given=broken
    )
    assert taken.returncode != 0
    assert "readOnlyRootFileSystem" in taken.stderr
