"""The token is that of AWS' own signer, for whatever keys, region and time."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

from aws_msk_iam_sasl_signer import MSKAuthTokenProvider  # type: ignore[import-untyped]  # it has no types
from botocore import auth
from botocore.credentials import CredentialProvider, Credentials
from hypothesis import given
from hypothesis import strategies as st

from worker.aws.msk_token import LIFE_SECONDS, msk_token
from worker.aws.signing import Keys

PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)
KEYS = st.builds(Keys, st.from_regex(r"[A-Z0-9]{4,30}", fullmatch=True), PRINTABLE, st.none() | PRINTABLE)
REGIONS = st.sampled_from(["eu-west-1", "us-gov-west-1", "cn-north-1", "ap-southeast-5"])
INSTANTS = st.floats(0, 4_000_000_000)


class Given(CredentialProvider):  # type: ignore[misc]  # it has no stubs of its own
    """Keys for the library."""

    def __init__(self, keys: Keys) -> None:
        self._keys = Credentials(keys.access_key, keys.secret_key, keys.token)

    def load(self) -> Credentials:
        """Return them."""
        return self._keys


def theirs(keys: Keys, region: str, epoch_seconds: float) -> tuple[str, int]:
    """The library's token; its clock is botocore's."""
    now = datetime.fromtimestamp(epoch_seconds, UTC)
    with mock.patch.object(auth, "get_current_datetime", return_value=now):
        return MSKAuthTokenProvider.generate_auth_token_from_credentials_provider(region, Given(keys))


def parameters(token: str) -> tuple[str, dict[str, str]]:
    """The address and what it says, without who signed it by which program."""
    url = urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    said = dict(parse_qsl(url.query, strict_parsing=True))
    assert said.pop("User-Agent")
    return f"{url.scheme}://{url.netloc}{url.path}", said


@given(KEYS, REGIONS, INSTANTS)
def test_a_token_is_that_of_the_signer_library(keys: Keys, region: str, now: float) -> None:
    token, ends_ms = theirs(keys, region, now)
    assert parameters(msk_token(keys, region, now, "personalize-worker/1")) == parameters(token)
    assert int(now) + LIFE_SECONDS == ends_ms // 1000


def test_a_token_is_text_that_sasl_can_carry() -> None:
    """RFC 6750 allows these characters in a bearer token; the client's name may hold others."""
    token = msk_token(Keys("A", "b", "c/+="), "eu-west-1", 1e9, "name with blanks & more")
    assert token.isascii()
    assert not set("+/=& ") & set(token)
