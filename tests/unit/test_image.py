"""The image leaves out what is never loaded, and nothing else."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore
import pytest

from worker.aws.services import DYNAMODB, KINESIS, PERSONALIZE_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PROJECT = Path(__file__).parents[2]
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
CREATES = {"create_client", "create_nested_client", "_client_creator"}


def tool() -> ModuleType:
    """tools/leave_out.py, which is no package."""
    spec = importlib.util.spec_from_file_location("leave_out", PROJECT / "tools/leave_out.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LEAVE_OUT = tool()


def clients(package: Any) -> Iterator[str]:
    """The services that the package's own code makes clients of, by a name that is written there."""
    for file in Path(package.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and name_of(node.func) in CREATES:
                named = [each.value for each in node.keywords if each.arg == "service_name"]
                yield from (
                    each.value
                    for each in [*node.args, *named]
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                )


def name_of(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def test_the_models_stay_of_all_that_botocore_calls_for_credentials() -> None:
    assert {*clients(botocore), *clients(boto3)} == LEAVE_OUT.FOR_CREDENTIALS


def test_the_models_stay_of_all_that_the_worker_calls() -> None:
    called = (PERSONALIZE_EVENTS, KINESIS, DYNAMODB)
    assert {each.name for each in called} == LEAVE_OUT.CALLED
    assert {each.listed_as for each in called} == {"personalize", "kinesis", "dynamodb"}
    assert {each.listed_as for each in called} <= LEAVE_OUT.CALLED | LEAVE_OUT.LISTED


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation like the image's, of boto3 and botocore; the rest is found where it is."""
    prefix = tmp_path_factory.mktemp("app")
    packages = prefix / "lib/python3/site-packages"
    for package in (boto3, botocore):
        folder = Path(str(package.__file__)).parent
        shutil.copytree(folder, packages / folder.name, copy_function=os.link)
    (packages / "boto3/examples").mkdir(exist_ok=True)
    LEAVE_OUT.main(str(prefix))
    return packages


def ran(packages: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        env={
            "PYTHONPATH": f"{packages}:{PROJECT}",
            "PATH": os.environ["PATH"],
            "HOME": "/nowhere",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_without_the_others_boto3_makes_a_client_of_each_that_stays(installed: Path) -> None:
    script = (
        "import boto3, sys\n"
        "for name in sys.argv[1:]: boto3.client(name, 'eu-west-1').meta.service_model.operation_names\n"
        "print(boto3.__file__)\n"
    )
    said = ran(installed, "-c", script, *sorted(LEAVE_OUT.CALLED | LEAVE_OUT.FOR_CREDENTIALS))
    assert said.startswith(str(installed))


@pytest.mark.slow
def test_without_the_others_the_worker_finds_endpoints_and_keys(installed: Path) -> None:
    module = ("-m", "worker.aws.boto_subprocess")
    keys = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}
    wanted = [word for name in sorted(LEAVE_OUT.CALLED) for word in (name, "eu-west-1", "")]
    here = ran(Path(boto3.__file__).parents[1], *module, "resolve", "eu-west-1", *wanted, **keys)
    assert ran(installed, *module, "resolve", "eu-west-1", *wanted, **keys) == here
    assert "https://personalize-events.eu-west-1.amazonaws.com" in here


@pytest.mark.slow
def test_without_the_others_web_identity_asks_the_token_service(installed: Path, tmp_path: Path) -> None:
    """Web identity (IRSA): a role is asked for with a token, and that nobody answers is said."""
    token = tmp_path / "token"
    token.write_text("made up")
    said = ran(
        installed,
        "-m",
        "worker.aws.boto_subprocess",
        "load",
        "eu-west-1",
        AWS_WEB_IDENTITY_TOKEN_FILE=str(token),
        AWS_ROLE_ARN="arn:aws:iam::123456789012:role/none",
        AWS_ENDPOINT_URL_STS="http://127.0.0.1:1",
        AWS_MAX_ATTEMPTS="1",
    )
    assert '"why":"EndpointConnectionError"' in said


def test_the_image_is_made_from_one_base_which_can_be_pinned() -> None:
    assert re.findall(r"^ARG PYTHON_IMAGE=(\S+)", DOCKERFILE, re.MULTILINE)[0].startswith("python:3.")
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${PYTHON_IMAGE}"}


def test_nothing_is_copied_into_the_context_that_the_dockerfile_does_not_copy() -> None:
    allowed = {
        line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for word in line.split()[:-1]
    }
    assert copied == allowed


def test_the_page_of_parts_names_every_package_that_is_large() -> None:
    page = (PROJECT / "docs/image.md").read_text()
    for name in ("botocore", "uvloop", "confluent_kafka", "worker"):
        assert f"| `{name}` |" in page
