"""botocore's chain of credential providers: where keys come from, and what its errors mean to the worker."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from worker.aws.signing import Keys
from worker.core.model.error_codes import classify
from worker.core.model.outcomes import Misconfigured, Throttled, TransientFault

if TYPE_CHECKING:
    from collections.abc import Callable

# Any other character breaks a header, for example the newline at the end of a mounted secret.
_WELL_FORMED = re.compile(r"[!-~]+")


class CredentialsUnavailable(Exception):  # noqa: N818  it names the state
    """There are no usable keys; ``str()`` says why and contains no secret.

    Args:
        why: a sentence.
        code: one word.
        passing: whether it may resolve itself soon, without anybody acting.
        method: botocore's name for the source of unusable keys, if any were found.
    """

    def __init__(self, why: str, *, code: str, passing: bool = False, method: str = "") -> None:
        super().__init__(why)
        self.code = code
        self.passing = passing
        self.method = method


class Loaded(Struct, frozen=True):
    """Credentials that were found."""

    method: str
    """botocore's name for the source: env, shared-credentials-file, assume-role-with-web-identity, ..."""
    fetch: Callable[[], Keys]
    """Returns the keys, refreshed if needed. It blocks, and raises whatever the provider raises."""
    expires_at: Callable[[], float | None] = lambda: None
    """When the keys that were returned last expire, in epoch seconds; None: never, or unknown."""


def load_from_chain(region: str | None) -> Loaded:
    """Find credentials as boto3 does, in a new session, because an old one caches its files.

    Blocks; raises ``CredentialsUnavailable`` if there are none, or whatever the provider raises.
    """
    import boto3  # noqa: PLC0415  0.1 s and more that only a thread should spend

    found = boto3.session.Session(region_name=region).get_credentials()
    if found is None:
        why = "no provider of the AWS SDK has any (environment, profile, web identity, pod, instance)"
        raise CredentialsUnavailable(why, code="NoCredentials")

    def fetch() -> Keys:
        frozen = found.get_frozen_credentials()
        return Keys(frozen.access_key or "", frozen.secret_key or "", frozen.token or None)

    def expires_at() -> float | None:
        # botocore exposes it nowhere else; the class of keys that do not expire has no such attribute.
        expiry = getattr(found, "_expiry_time", None)
        return expiry.timestamp() if expiry else None

    return Loaded(found.method, fetch, expires_at)


def validate(keys: Keys) -> Keys:
    """Return the keys unchanged if they could be AWS keys.

    Raises:
        CredentialsUnavailable: they could not.
    """
    parts = [keys.access_key, keys.secret_key] + ([] if keys.token is None else [keys.token])
    if not all(_WELL_FORMED.fullmatch(part) for part in parts):
        msg = "they contain spaces or characters that no credentials have"
        raise CredentialsUnavailable(msg, code="CredentialsMalformed")
    return keys


def fault_of(error: Exception) -> Misconfigured | TransientFault:
    """Say who must act when no keys could be had: nobody, if a token service may recover, or the operator."""
    if isinstance(error, CredentialsUnavailable):
        return TransientFault(error.code) if error.passing else Misconfigured(error.code, str(error))
    from botocore import exceptions  # noqa: PLC0415  as above

    if isinstance(error, exceptions.ClientError):
        passing = isinstance(_answer_of(error), (TransientFault, Throttled))
    else:
        away = (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.MetadataRetrievalError)
        passing = isinstance(error, away)
    return TransientFault("CredentialsRefresh") if passing else Misconfigured("CredentialsUnavailable")


def describe(error: Exception) -> str:
    """Say why there are no keys, but not what a provider printed, because that may be a secret."""
    if isinstance(error, CredentialsUnavailable):
        return str(error)
    from botocore import exceptions  # noqa: PLC0415  as above

    plain = (
        exceptions.ConfigNotFound,
        exceptions.ConfigParseError,
        exceptions.PartialCredentialsError,
        exceptions.ProfileNotFound,
    )
    if isinstance(error, plain):
        return str(error)
    if isinstance(error, exceptions.ClientError):
        code = error.response.get("Error", {}).get("Code", "an error")
        return f"{error.operation_name} answered {code}"
    return type(error).__name__


def _answer_of(error: object) -> object:
    response = getattr(error, "response", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return classify(status, response.get("Error", {}).get("Code", ""))
