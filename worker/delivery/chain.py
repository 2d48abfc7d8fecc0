"""botocore's chain of credential providers: where the keys come from, and what its errors mean here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from worker.core.classify import classify
from worker.core.outcomes import Misconfigured, PassingFault, Throttled
from worker.delivery.signing import Keys

if TYPE_CHECKING:
    from collections.abc import Callable


class CredentialsUnavailable(Exception):  # noqa: N818  it names the state
    """There are no usable keys; ``str()`` says why and holds no secret, ``code`` is one word."""

    def __init__(self, why: str, *, code: str) -> None:
        """Keep both."""
        super().__init__(why)
        self.code = code


class Loaded(Struct, frozen=True):
    """Credentials that were found."""

    method: str
    """botocore's word for where: env, shared-credentials-file, assume-role-with-web-identity, ..."""
    fetch: Callable[[], Keys]
    """Gives the keys, refreshed where they need it. It blocks, and raises what the provider raises."""


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

    return Loaded(found.method, fetch)


def fault_of(error: Exception) -> Misconfigured | PassingFault:
    """Say whose turn it is when no keys could be had: a token service's, or the operator's."""
    from botocore import exceptions  # noqa: PLC0415  as above

    if isinstance(error, CredentialsUnavailable):
        return Misconfigured(error.code, str(error))
    if isinstance(error, exceptions.ClientError):
        passing = isinstance(_answer_of(error), (PassingFault, Throttled))
    else:
        away = (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.MetadataRetrievalError)
        passing = isinstance(error, away)
    return PassingFault("CredentialsRefresh") if passing else Misconfigured("CredentialsUnavailable")


def describe(error: Exception) -> str:
    """Say why there are no keys, without what a provider printed: that may be a secret."""
    from botocore import exceptions  # noqa: PLC0415  as above

    plain = (
        CredentialsUnavailable,
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
