"""What GitHub reads is in its language, and may do no more than it has to."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

PROJECT = Path(__file__).parents[2]
GITHUB = PROJECT / ".github"
WORKFLOWS = sorted(each.name for each in GITHUB.glob("workflows/*.yaml"))
SCHEMAS = [
    *(("github-workflows", f"workflows/{each}") for each in WORKFLOWS),
    ("github-issue-forms", "ISSUE_TEMPLATE/bug.yml"),
    ("github-issue-forms", "ISSUE_TEMPLATE/idea.yml"),
    ("github-issue-config", "ISSUE_TEMPLATE/config.yml"),
    ("renovate", "renovate.json"),
]
# What may be written, by workflow and job. Reading the code is all that the others may.
WRITES = {
    ("release.yaml", "wheel"): {"id-token"},
    ("release.yaml", "image"): {"packages", "id-token", "attestations"},
    ("release.yaml", "chart"): {"packages", "id-token", "attestations"},
    ("release.yaml", "publish"): {"contents"},
    ("site.yaml", "deploy"): {"pages", "id-token"},
}

on_every_workflow = pytest.mark.parametrize("name", WORKFLOWS)


def read(name: str) -> dict[Any, Any]:
    return dict(yaml.safe_load((GITHUB / "workflows" / name).read_text()))


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in read(name)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize(("schema", "file"), SCHEMAS)
def test_a_file_follows_its_schema(schema: str, file: str) -> None:
    tree = yaml.safe_load((GITHUB / file).read_text())
    if True in tree:
        # What YAML 1.1 makes of the key `on`.
        tree["on"] = tree.pop(True)
    said = json.loads((files("check_jsonschema") / f"builtin_schemas/vendor/{schema}.json").read_text())
    jsonschema.validators.validator_for(said)(said).validate(tree)


@on_every_workflow
def test_a_workflow_may_do_nothing_and_each_job_what_it_has_to(name: str) -> None:
    workflow = read(name)
    assert workflow["permissions"] == {}
    for job, said in workflow["jobs"].items():
        may_write = {what for what, how in said["permissions"].items() if how == "write"}
        assert may_write == WRITES.get((name, job), set()), job
        assert said["timeout-minutes"] > 0


@on_every_workflow
def test_an_action_is_named_by_a_release_and_code_is_fetched_without_leaving_a_login(name: str) -> None:
    for step in steps(name):
        if uses := step.get("uses"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+(\.\d+){0,2}|release/v1|[0-9a-f]{40})", uses), uses
            if uses.startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@on_every_workflow
def test_a_step_calls_targets_of_make_that_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    called = [
        word
        for step in steps(name)
        for line in re.findall(r"^make (.*)", step.get("run", ""), re.MULTILINE)
        for word in line.split()
        if re.fullmatch(r"[a-z][a-z-]*", word)
    ]
    assert set(called) <= targets


@on_every_workflow
def test_no_step_puts_what_others_write_into_a_shell(name: str) -> None:
    """Titles, branches and messages come in by the environment, if at all."""
    for step in steps(name):
        for said in re.findall(r"\$\{\{\s*([^}]*)\}\}", step.get("run", "")):
            assert said.startswith("matrix."), said


@on_every_workflow
def test_runs_of_a_workflow_do_not_get_in_each_others_way(name: str) -> None:
    """And what puts something in place is not cut short."""
    concurrency = read(name)["concurrency"]
    writes = any((name, job) in WRITES for job in read(name)["jobs"])
    assert concurrency["cancel-in-progress"] is False or not writes


@on_every_workflow
def test_a_pipe_hides_no_failure(name: str) -> None:
    """Unless it is named, GitHub's shell takes the success of the last command of a pipe for all of it."""
    for step in steps(name):
        assert " | " not in step.get("run", "") or step.get("shell") == "bash", step


def test_what_brings_something_by_hash_or_version_is_renewed() -> None:
    """Renovate finds the usual files by itself."""
    patterns = json.loads((GITHUB / "renovate.json").read_text())["pip_requirements"]["managerFilePatterns"]
    of_pip = [
        str(each.relative_to(PROJECT)) for each in PROJECT.glob("t*/**/*.txt") if "==" in each.read_text()
    ]
    assert "tools/uv.txt" in of_pip
    for each in of_pip:
        assert any(re.search(pattern.strip("/"), each) for pattern in patterns), each


def test_the_release_is_packed_by_the_helm_that_the_chart_is_tested_with() -> None:
    helm = [step for step in steps("release.yaml") if step.get("uses", "").startswith("azure/setup-helm@")]
    assert [each["with"]["version"] for each in helm] == ["${{ steps.tools.outputs.helm }}"]


def test_every_supported_python_is_tested() -> None:
    wanted = re.search(r'requires-python = ">=3\.(\d+)"', (PROJECT / "pyproject.toml").read_text())
    assert wanted
    versions = read("check.yaml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert versions == [f"3.{minor}" for minor in range(int(wanted[1]), int(wanted[1]) + len(versions))]
    named = re.findall(r"Python :: (3\.\d+)", (PROJECT / "pyproject.toml").read_text())
    assert set(named) <= set(versions)
