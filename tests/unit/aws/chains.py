"""Credentials for clients in tests, and boto3 answering in the test's own process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.aws.endpoint import resolve
from worker.aws.provider_chain import CredentialsUnavailable, Loaded
from worker.aws.signing import Keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.aws.boto_subprocess import BotoSubprocess
    from worker.aws.endpoint import ServiceEndpoint
    from worker.aws.services import Wanted

OLD, NEW = Keys("AKIDOLD", "old"), Keys("AKIDNEW", "new", "token")


class Chain:
    """Gives these keys one load after the other, then fails."""

    def __init__(self, *keys: Keys) -> None:
        self._keys: Iterator[Keys] = iter(keys)

    def __call__(self) -> Loaded:
        keys = next(self._keys, None)
        if keys is None:
            raise CredentialsUnavailable("none left", code="NoCredentials")
        return Loaded("fake", lambda: keys)


def resolve_here(_: BotoSubprocess, *wanted: Wanted) -> tuple[ServiceEndpoint, ...]:
    """Stand in for ``BotoSubprocess.resolve``: starting a process for each client takes half a second."""
    return tuple(resolve(each) for each in wanted)
