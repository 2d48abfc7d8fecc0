"""The chart's tools, from PATH or where ``make chart-tools`` puts them; without them, tests are skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/personalize-worker"
FULL_VALUES = CHART / "ci/full-values.yaml"
SCHEMAS = ROOT / ".cache/schemas"


def missing(what: str) -> None:
    """Skip with the way to get it; in CI, where it is brought, fail."""
    reason = f"{what} is missing: make chart-tools (needs Go)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def tool(name: str) -> str:
    """The path of a tool."""
    found = shutil.which(name, path=f"{ROOT / '.cache/bin'}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        missing(name)
    return str(found)


@pytest.fixture(scope="session")
def helm() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs helm with these arguments."""
    command = tool("helm")

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([command, *arguments], capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def rendered(helm: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., str]:
    """What the chart renders with these arguments, as text."""

    def render(*arguments: str | Path) -> str:
        ended = helm("template", "release", CHART, "--namespace", "streams", *arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return render


@pytest.fixture(scope="session")
def objects(rendered: Callable[..., str]) -> Callable[..., dict[str, Any]]:
    """What the chart renders with these arguments, by kind."""

    def render(*arguments: str | Path) -> dict[str, Any]:
        return {each["kind"]: each for each in yaml.safe_load_all(rendered(*arguments))}

    return render


@pytest.fixture(scope="session")
def kubeconform() -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Checks objects against the strict schemas that are there."""
    command = tool("kubeconform")
    folder = next(SCHEMAS.glob("v*-strict"), None)
    if folder is None:
        missing(f"{SCHEMAS.relative_to(ROOT)}")
    place = f"{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    arguments = [command, "-strict", "-summary", "-schema-location", place]

    def check(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(arguments, input=text, capture_output=True, text=True, check=False)

    return check
