"""Every file in ci/ passes lint and the strict schemas, and the schemas would notice a misspelt field."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.chart.conftest import CHART, CI, KUBERNETES, SCHEMAS, tool, validated

if TYPE_CHECKING:
    from tests.chart.conftest import Objects, Template


def test_lints() -> None:
    files = [word for each in CI for word in ("-f", str(CHART / f"ci/{each}-values.yaml"))]
    for arguments in ([], files):
        ended = subprocess.run(
            [tool("helm"), "lint", "--strict", "--kube-version", KUBERNETES, str(CHART), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout


def test_every_object_is_valid(template: Template, kubeconform: str) -> None:
    """All of all files in one call; nothing is skipped for want of a schema."""
    texts = [template(each) for each in ("", *CI)]
    assert [each.stderr for each in texts if each.returncode] == []
    ended = validated(kubeconform, "\n---\n".join(each.stdout for each in texts))
    assert ended.returncode == 0, ended.stdout
    assert "Invalid: 0, Errors: 0, Skipped: 0" in ended.stdout


MISSPELT = {
    "everything": (
        *("readOnlyRootFilesystem", "minAvailable", "averageValue", "policyTypes", "metricRelabelings"),
        *("remoteRef", "publishNotReadyAddresses", "expr", "automountServiceAccountToken"),
    ),
    "keda": ("maxReplicaCount", "podMetricsEndpoints", "ignoreNullValues"),
    "keda-lag": ("secretTargetRef",),
}


@pytest.mark.parametrize("ci", MISSPELT)
def test_the_schemas_refuse_a_misspelt_field(template: Template, kubeconform: str, ci: str) -> None:
    text = template(ci).stdout
    for field in MISSPELT[ci]:
        assert f"{field}:" in text
        text = text.replace(f"{field}:", f"{field}X:")
    ended = validated(kubeconform, text)
    assert ended.returncode == 1
    # Metadata of a trigger is any text: see below.
    unseen = {each for each in MISSPELT[ci] if f"{each}X" not in ended.stdout} - {"ignoreNullValues"}
    assert not unseen


@pytest.mark.parametrize("ci", ["keda", "keda-lag", "kinesis"])
@pytest.mark.usefixtures("kubeconform")
def test_keda_reads_every_key_of_a_trigger(objects: Objects, ci: str) -> None:
    """To the schema, metadata is any text; its keys are in KEDA's source."""
    known = json.loads((SCHEMAS / "crd/trigger-keys.json").read_text())
    for trigger in objects(ci)["ScaledObject", ""]["spec"]["triggers"]:
        assert trigger["metadata"].keys() <= set(known[trigger["type"]])
        assert {type(each) for each in trigger["metadata"].values()} == {str}
