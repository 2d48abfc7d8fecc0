"""A release is one version everywhere, and says what is in it."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from worker.version import VERSION

if TYPE_CHECKING:
    from types import ModuleType

PROJECT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"


def tool(name: str) -> ModuleType:
    """A script of ``tools/``, which is no package."""
    spec = importlib.util.spec_from_file_location(name, PROJECT / f"tools/{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NOTES = tool("release_notes")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One that is ready to be released as what it is."""
    for name in ("pyproject.toml", NOTES.MODULE, NOTES.CHART, "CHANGELOG.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(
        f"# Changelog\n\n## [Unreleased]\n\n- later\n\n## [{version(tmp_path)}] - 2026-12-01\n\n- now\n\n"
        "## [0.0.1] - 2026-01-01\n\n- before\n"
    )
    base = re.sub(
        r"(?m)^(ARG PYTHON_IMAGE=[^\s@]+).*$", rf"\1@sha256:{'0' * 64}", (PROJECT / "Dockerfile").read_text()
    )
    (tmp_path / "Dockerfile").write_text(base)
    return tmp_path


def version(project: Path) -> str:
    return str(tomllib.loads((project / "pyproject.toml").read_text())["project"]["version"])


def test_package_chart_and_image_are_one_version() -> None:
    assert {said for _, said in NOTES.versions(PROJECT)} == {version(PROJECT)}
    assert version(PROJECT) == VERSION


def test_the_notes_are_the_sections_words(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert NOTES.main(f"v{version(project)}", project) == 0
    assert capsys.readouterr().out == "- now\n"


def test_another_version_anywhere_is_no_release(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert NOTES.main("v9.9.9", project) == 1
    assert [line.partition(" is ")[0] for line in capsys.readouterr().err.splitlines()[:4]] == [
        "not 9.9.9: pyproject.toml",
        f"not 9.9.9: {NOTES.MODULE}",
        f"not 9.9.9: {NOTES.CHART}, version",
        f"not 9.9.9: {NOTES.CHART}, appVersion",
    ]


def test_a_version_without_a_date_is_no_release(project: Path) -> None:
    changelog = project / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("2026-12-01", "unreleased"))
    assert NOTES.main(f"v{version(project)}", project) == 1


def test_a_base_without_a_digest_is_no_release(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dockerfile = project / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("@sha256:", "#"))
    assert NOTES.main(f"v{version(project)}", project) == 1
    assert "without a digest" in capsys.readouterr().err


def bill(place: Path) -> dict[str, Any]:
    if not UV.exists():
        pytest.skip("needs the uv that make setup brings")
    command = [sys.executable, str(PROJECT / "tools/sbom.py"), str(place)]
    subprocess.run(command, env={"UV": str(UV), "HOME": "/tmp"}, check=True, capture_output=True)  # noqa: S108  uv wants a home
    return dict(json.loads(place.read_text()))


def test_the_bill_of_materials_names_all_that_the_image_installs_by_hash(tmp_path: Path) -> None:
    said = bill(tmp_path / "sbom.json")
    names = {each["name"] for each in said["components"]}
    wanted = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    direct = {each.partition(">")[0] for each in wanted["dependencies"]}
    assert {*direct, "protobuf", "botocore", "urllib3"} <= names
    assert not {"pytest", "mkdocs"} & names
    for each in said["components"]:
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
        assert all(file["hashes"][0]["alg"] == "SHA-256" for file in each["externalReferences"])


def test_the_bill_of_materials_is_the_same_each_time(tmp_path: Path) -> None:
    assert bill(tmp_path / "one.json") == bill(tmp_path / "two.json")
