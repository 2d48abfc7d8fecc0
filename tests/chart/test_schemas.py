"""The chart passes lint and the strict schemas, and the schemas would notice a misspelt field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chart.conftest import CHART, FULL_VALUES

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]

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
    ],
)
def test_a_wrong_value_is_refused(helm: Run, setting: str) -> None:
    ended = helm("template", "release", CHART, "--set", setting)
    assert ended.returncode == 1
    assert "values don't meet the specifications of the schema" in ended.stderr
