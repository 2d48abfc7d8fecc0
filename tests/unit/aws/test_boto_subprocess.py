"""boto3 in a process of its own says what it says in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.waiting import until
from worker.aws.boto_subprocess import BotoSubprocess, output_of
from worker.aws.endpoint import UnusableSettings, resolve
from worker.aws.provider_chain import CredentialsUnavailable
from worker.aws.services import DYNAMODB, KINESIS, PERSONALIZE_EVENTS, Wanted
from worker.aws.signing import Keys

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

PUT_EVENTS = Wanted(PERSONALIZE_EVENTS, "eu-west-1")


def test_the_service_is_the_one_that_boto3_finds_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@127.0.0.1:3128")
    assert BotoSubprocess("eu-west-1").resolve(PUT_EVENTS) == (resolve(PUT_EVENTS),)


def test_several_services_are_asked_for_at_once() -> None:
    wanted = PUT_EVENTS, Wanted(KINESIS, "us-east-1"), Wanted(DYNAMODB, "us-east-1", "http://127.0.0.1:9")
    found = BotoSubprocess("eu-west-1").resolve(*wanted)
    assert found == tuple(resolve(each) for each in wanted)
    assert [each.region for each in found] == ["eu-west-1", "us-east-1", "us-east-1"]


def test_all_that_is_wrong_is_told_at_once() -> None:
    wanted = Wanted(PERSONALIZE_EVENTS, "eu-wst1"), Wanted(KINESIS, "useast1"), Wanted(DYNAMODB, "eu-west-1")
    with pytest.raises(UnusableSettings, match=r"'eu-wst1'.*Personalize.*; .*'useast1'.*Kinesis"):
        BotoSubprocess("eu-west-1").resolve(*wanted)


def test_a_region_that_cannot_be_is_told_as_here() -> None:
    with pytest.raises(UnusableSettings, match="eu-west-1"):
        BotoSubprocess(None).resolve(Wanted(PERSONALIZE_EVENTS, "eu-wst1"))


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    loaded = BotoSubprocess("eu-west-1").load()
    assert loaded.method == "env"
    assert loaded.fetch() == Keys("AKIA", "secret")


def test_the_first_keys_come_with_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "FIRST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    boto = BotoSubprocess("eu-west-1")
    boto.resolve(PUT_EVENTS)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "LATER")
    assert boto.load().fetch() == Keys("FIRST", "secret")
    assert boto.load().fetch() == Keys("LATER", "secret")


def test_no_keys_are_told_with_what_was_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(CredentialsUnavailable, match="no provider") as caught:
        BotoSubprocess("eu-west-1").load()
    assert (caught.value.code, caught.value.passing) == ("NoCredentials", False)


def test_keys_that_come_later_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    boto = BotoSubprocess("eu-west-1")
    boto.resolve(PUT_EVENTS)
    with pytest.raises(CredentialsUnavailable):
        boto.load()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "LATER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert boto.load().fetch() == Keys("LATER", "secret")


def test_keys_that_end_are_asked_for_anew_a_quarter_of_an_hour_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The provider is a program of the user's, which gives a new key at each call."""
    calls = tmp_path / "calls"
    given = {"Version": 1, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2100-01-01T00:00:00Z"}
    program = tmp_path / "provider.py"
    program.write_text(
        "import json, pathlib\n"
        f"calls = pathlib.Path({str(calls)!r})\n"
        "calls.write_text((calls.read_text() if calls.exists() else '') + '.')\n"
        f"print(json.dumps({given!r} | {{'AccessKeyId': f'AKIA{{len(calls.read_text())}}'}}))\n"
    )
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {sys.executable} {program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    now = [0.0]
    loaded = BotoSubprocess("eu-west-1", now=lambda: now[0]).load()
    assert loaded.fetch().access_key == loaded.fetch().access_key == "AKIA1"
    assert loaded.expires_at() == 4_102_444_800.0
    now[0] = 4_102_444_800.0 - 14 * 60
    assert loaded.fetch().access_key == "AKIA2"


def test_a_program_that_hangs_ends_with_all_that_it_has_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else a ``credential_process`` that hangs would leave one more process at each attempt."""
    monkeypatch.setattr("worker.aws.boto_subprocess._has_terminal", lambda: False)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(subprocess.TimeoutExpired):
        output_of(["sh", "-c", f"(echo started; exec sleep 600) > {pipe} & wait"], 0.5)
    assert os.read(reader, 100) == b"started\n"
    # The end of the stream: nobody has it open for writing. Until then reading would block.
    until(lambda: os.read(reader, 100) == b"", 5, forgiving=BlockingIOError, what="ended")
    os.close(reader)
