"""The chart's tools, from PATH or where ``make chart-tools`` puts them; without them, tests are skipped."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from tests.unit.conftest import certificate

__all__ = ["certificate"]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm/personalize-worker"
SCHEMAS = ROOT / ".cache/schemas"
CI = sorted(each.name.removesuffix("-values.yaml") for each in CHART.glob("ci/*-values.yaml"))
# A helm that was built by `go install` takes itself for one of Kubernetes 1.20.
KUBERNETES = "1.33.0"

# In C where PyYAML has it: the dashboard is long.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Ended = subprocess.CompletedProcess[str]
Object = dict[str, Any]


class Template(Protocol):
    """``helm template`` with the values of a file in ci/, by its name, and more values as YAML."""

    def __call__(self, ci: str, values: str = "", *arguments: str) -> Ended: ...


class Objects(Protocol):
    """What it renders, by kind and name without the release's; the name alone is ``""``."""

    def __call__(self, ci: str, values: str = "") -> dict[tuple[str, str], Object]: ...


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


@cache
def _rendered(command: str, chart: Path, ci: str, values: str, arguments: tuple[str, ...]) -> Ended:
    files = ["-f", str(chart / f"ci/{ci}-values.yaml")] if ci else []
    more = ["-f", "-"] if values else []
    place = ["--namespace", "streams", "--kube-version", KUBERNETES]
    return subprocess.run(
        [command, "template", "release", str(chart), *place, *files, *more, *arguments],
        input=values,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def template() -> Template:
    """Renders the chart; the same once only."""
    command = tool("helm")

    def run(ci: str, values: str = "", *arguments: str) -> Ended:
        return _rendered(command, CHART, ci, values, arguments)

    return run


@pytest.fixture(scope="session")
def objects(template: Template) -> Objects:
    """Renders the chart and reads what comes of it."""

    def render(ci: str, values: str = "") -> dict[tuple[str, str], Object]:
        ended = template(ci, values)
        assert ended.returncode == 0, ended.stderr
        return by_kind_and_name(ended.stdout)

    return render


@cache
def by_kind_and_name(text: str) -> dict[tuple[str, str], Object]:
    """The objects of a rendered text, by kind and what their name adds to the release's."""
    read = [each for each in yaml.load_all(text, LOADER) if each]
    # The second is what ci/everything-values.yaml calls it.
    prefix = re.compile("^(release-personalize-worker|streams-worker)-?")
    found = {(each["kind"], prefix.sub("", each["metadata"]["name"])): each for each in read}
    assert len(found) == len(read), "two objects of one name"
    return found


def pod_of(deployment: Object) -> Object:
    """The pod's specification."""
    return dict(deployment["spec"]["template"]["spec"])


@pytest.fixture(scope="session")
def kubeconform() -> str:
    """The path of the tool that checks objects against strict schemas, which are there too."""
    command = tool("kubeconform")
    for each in (f"v{KUBERNETES}-strict", "crd"):
        if not (SCHEMAS / each).is_dir():
            missing(f"{(SCHEMAS / each).relative_to(ROOT)}")
    return command


def validated(command: str, text: str) -> Ended:
    """What it says to these objects."""
    places = (
        "{{.NormalizedKubernetesVersion}}{{.StrictSuffix}}/{{.ResourceKind}}{{.KindSuffix}}.json",
        "crd/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json",
    )
    schemas = [word for each in places for word in ("-schema-location", f"{SCHEMAS}/{each}")]
    arguments = [command, "-strict", "-summary", "-kubernetes-version", KUBERNETES, *schemas]
    return subprocess.run(arguments, input=text, capture_output=True, text=True, check=False)
