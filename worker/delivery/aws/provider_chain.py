"""botocore's chain of credential providers: where the keys come from, and what its errors mean here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from worker.core.model.error_codes import classify
from worker.core.model.outcomes import Misconfigured, Throttled, TransientFault
from worker.delivery.aws.signing import Keys

if TYPE_CHECKING:
    from collections.abc import Callable

# Anything else breaks a header: the newline at the end of a mounted secret, say.
_WELL_FORMED = re.compile(r"[!-~]+")


class CredentialsUnavailable(Exception):  # noqa: N818  it names the state
    """There are no usable keys; ``str()`` says why and holds no secret, ``code`` is one word."""

    def __init__(self, why: str, *, code: str, passing: bool = False, method: str = "") -> None:
        """Keep all.

        Args:
            why: a sentence.
            code: a word.
            passing: it may be otherwise soon, without anybody doing something.
            method: botocore's word for where keys were found that are of no use, if any were.
        """
        super().__init__(why)
        self.code = code
        self.passing = passing
        self.method = method


class Loaded(Struct, frozen=True):
    """Credentials that were found."""

    method: str
    """botocore's word for where: env, shared-credentials-file, assume-role-with-web-identity, ..."""
    fetch: Callable[[], Keys]
    """Gives the keys, refreshed where they need it. It blocks, and raises what the provider raises."""
    expires_at: Callable[[], float | None] = lambda: None
    """When the keys that were given last end, in epoch seconds; None: never, or nobody knows."""


def load_from_chain(region: str | None) -> Loaded:
    """Find credentials as boto3 does, in a new session, for an old one has its files in memory.

    Blocks; raises ``CredentialsUnavailable`` if there are none, or what the provider raises.
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
        # botocore shows it nowhere else; keys that do not expire are of a class without it.
        expiry = getattr(found, "_expiry_time", None)
        return expiry.timestamp() if expiry else None

    return Loaded(found.method, fetch, expires_at)


def validate(keys: Keys) -> Keys:
    """Give the same, if they can be those of AWS.

    Raises:
        CredentialsUnavailable: they can't.
    """
    parts = [keys.access_key, keys.secret_key] + ([] if keys.token is None else [keys.token])
    if not all(_WELL_FORMED.fullmatch(part) for part in parts):
        msg = "they hold spaces or characters that no credentials have"
        raise CredentialsUnavailable(msg, code="CredentialsMalformed")
    return keys


def fault_of(error: Exception) -> Misconfigured | TransientFault:
    """Say whose turn it is when no keys could be had: a token service's, or the operator's."""
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
    """Say why there are no keys, without what a provider printed: that may be a secret."""
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
