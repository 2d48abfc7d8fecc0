"""What is said after an install."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.chart.conftest import CHART, KUBERNETES, tool

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def chart_with_notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the chart that renders its notes: `helm template` leaves them out."""
    chart = tmp_path_factory.mktemp("notes") / "chart"
    shutil.copytree(CHART, chart)
    notes = (chart / "templates/NOTES.txt").read_text()
    (chart / "templates/notes.yaml").write_text(
        f'{{{{- define "notes" }}}}{notes}{{{{ end }}}}\nnotes: |\n{{{{- include "notes" . | nindent 2 }}}}\n'
    )
    return chart


@pytest.mark.parametrize(
    ("ci", "told"),
    [
        ("", ["NOT CONFIGURED: kafka.bootstrap_servers, kafka.topics", "Nothing of this chart scrapes"]),
        (
            "minimal",
            [
                *("reads interactions with 2 pod(s)", "helm -n streams test release --logs"),
                "kubectl -n streams port-forward deployment/release-personalize-worker 9090:9090",
                "http://localhost:9090/",
            ],
        ),
        ("keda-lag", ["with 2 to 12 pod(s)", "more pods do not help"]),
        (
            "several-workers",
            [
                *("release-personalize-worker-clicks reads clicks with 4 pod(s)", "-purchases reads"),
                "port-forward deployment/release-personalize-worker-clicks 9090:9090",
                "port-forward deployment/release-personalize-worker-purchases 9091:9090",
                "http://localhost:9091/",
            ],
        ),
        ("everything", ["inlineSecrets are readable"]),
    ],
)
def test_the_notes_say_what_to_look_at_next(chart_with_notes: Path, ci: str, told: list[str]) -> None:
    values = ["-f", str(CHART / f"ci/{ci}-values.yaml")] if ci else []
    ended = subprocess.run(
        [
            *(tool("helm"), "template", "release", str(chart_with_notes), "--namespace", "streams"),
            *("--kube-version", KUBERNETES, "--show-only", "templates/notes.yaml", *values),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    for each in told:
        assert each in ended.stdout
    assert ("NOT CONFIGURED" in ended.stdout) is (ci == "")
