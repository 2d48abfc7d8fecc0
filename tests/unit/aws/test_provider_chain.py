from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore import exceptions

from worker.aws.provider_chain import CredentialsUnavailable, describe, fault_of, load_from_chain
from worker.aws.signing import Keys
from worker.core.model.outcomes import Misconfigured, TransientFault

if TYPE_CHECKING:
    from pathlib import Path


def write_credentials(home: Path, secret: str) -> None:
    (home / "credentials").write_text(f"[default]\naws_access_key_id=AKID\naws_secret_access_key={secret}\n")


def test_the_environment_is_named_as_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    loaded = load_from_chain("eu-west-1")
    assert (loaded.method, loaded.fetch()) == ("env", Keys("AKID", "secret", "token"))


def test_a_corrected_credentials_file_is_read_again(aws_home: Path) -> None:
    write_credentials(aws_home, "wrong")
    before = load_from_chain("eu-west-1")
    write_credentials(aws_home, "right")
    after = load_from_chain("eu-west-1")
    assert before.fetch() == Keys("AKID", "wrong")
    assert (after.method, after.fetch()) == ("shared-credentials-file", Keys("AKID", "right"))


def test_a_process_gives_keys_that_expire(aws_home: Path) -> None:
    keys = {"Version": 1, "AccessKeyId": "AKID", "SecretAccessKey": "s", "SessionToken": "t"}
    (aws_home / "keys.json").write_text(json.dumps({**keys, "Expiration": "2099-01-01T00:00:00Z"}))
    (aws_home / "config").write_text(f"[default]\ncredential_process=cat {aws_home / 'keys.json'}\n")
    loaded = load_from_chain("eu-west-1")
    assert (loaded.method, loaded.fetch()) == ("custom-process", Keys("AKID", "s", "t"))


def test_having_none_is_said() -> None:
    with pytest.raises(CredentialsUnavailable) as caught:
        load_from_chain("eu-west-1")
    assert fault_of(caught.value) == Misconfigured("NoCredentials", str(caught.value))
    assert describe(caught.value).startswith("no provider of the AWS SDK has any")


def test_half_of_a_pair_is_the_operators_to_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    with pytest.raises(exceptions.PartialCredentialsError) as caught:
        load_from_chain("eu-west-1")
    assert fault_of(caught.value) == Misconfigured("CredentialsUnavailable")
    assert "AWS_SECRET_ACCESS_KEY" in describe(caught.value)


def test_a_profile_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "staging")
    with pytest.raises(exceptions.ProfileNotFound) as caught:
        load_from_chain("eu-west-1")
    assert "staging" in describe(caught.value)


def answered(status: int, code: str) -> exceptions.ClientError:
    response: Any = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return exceptions.ClientError(response, "AssumeRoleWithWebIdentity")


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (answered(400, "Throttling"), True),
        (answered(500, "InternalFailure"), True),
        (answered(403, "AccessDenied"), False),
        (answered(400, "InvalidIdentityToken"), False),
        (exceptions.ConnectTimeoutError(endpoint_url="http://127.0.0.1"), True),
        (exceptions.ReadTimeoutError(endpoint_url="http://127.0.0.1"), True),
        (exceptions.MetadataRetrievalError(error_msg="away"), True),
        (exceptions.CredentialRetrievalError(provider="custom-process", error_msg="printed"), False),
        (FileNotFoundError("token"), False),
    ],
)
def test_a_token_service_that_is_away_passes_and_one_that_refuses_does_not(
    error: Exception, *, passing: bool
) -> None:
    expected = TransientFault("CredentialsRefresh") if passing else Misconfigured("CredentialsUnavailable")
    assert fault_of(error) == expected


def test_a_refusal_is_described_by_its_code_and_the_rest_by_its_type() -> None:
    assert describe(answered(403, "AccessDenied")) == "AssumeRoleWithWebIdentity answered AccessDenied"
    printed = exceptions.CredentialRetrievalError(provider="custom-process", error_msg="secret")
    assert describe(printed) == "CredentialRetrievalError"
