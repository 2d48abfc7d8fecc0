"""Prints what CHANGELOG.md says of a version, if everything that is released together says that version.

    python tools/release_notes.py v1.2.3

Exit code 1, with what is wrong: the package, its module, the chart or its image's tag is another version, the
changelog has no section of it, or none with a date, or the base of the image is not named by its digest.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[1]
BASE = re.compile(r"^ARG PYTHON_IMAGE=\S+@sha256:[0-9a-f]{64}$", re.MULTILINE)
CHART = "helm/personalize-worker/Chart.yaml"
MODULE = "worker/version.py"


def versions(project: Path) -> Iterator[tuple[str, str]]:
    """Where a version is said, and which."""
    yield "pyproject.toml", tomllib.loads((project / "pyproject.toml").read_text())["project"]["version"]
    found = re.search(r'^VERSION: Final = "([^"\n]+)"$', (project / MODULE).read_text(), re.MULTILINE)
    yield MODULE, found[1] if found else "nothing"
    chart = (project / CHART).read_text()
    for key in ("version", "appVersion"):
        found = re.search(rf'^{key}: "?([^"\n]+)"?$', chart, re.MULTILINE)
        yield f"{CHART}, {key}", found[1] if found else "nothing"


def section(changelog: str, version: str) -> str | None:
    """What stands below the version's heading, if that has a date."""
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n"
    found = re.search(rf"{heading}(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else None


def mistakes(project: Path, version: str) -> list[str]:
    """What keeps this version from being released."""
    wrong = [f"{place} is {said}" for place, said in versions(project) if said != version]
    if not section((project / "CHANGELOG.md").read_text(), version):
        wrong.append(f"CHANGELOG.md has no section `## [{version}] - YYYY-MM-DD` with words below it")
    if not re.search(
        r"^ARG PYTHON_IMAGE=\S+@sha256:[0-9a-f]{64}$", (project / "Dockerfile").read_text(), re.MULTILINE
    ):
        wrong.append("Dockerfile names its base without a digest: ARG PYTHON_IMAGE=python:...@sha256:...")
    return wrong


def main(tag: str, project: Path = PROJECT) -> int:
    """Print the section, or what is wrong."""
    version = tag.removeprefix("v")
    if wrong := mistakes(project, version):
        sys.stderr.writelines(f"not {version}: {each}\n" for each in wrong)
        return 1
    print(section((project / "CHANGELOG.md").read_text(), version))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
