"""Runs boto3 in a separate process.

boto3 is needed for half a second at start, and again when keys expire or are refused. Inside the worker's
process it would stay loaded: it takes twenty megabytes, and it holds the interpreter's lock for as long as
it imports and parses. A separate process ends as soon as it has answered.

The answer is one line of JSON through a pipe that nobody else reads. Keys appear nowhere else.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from msgspec import Struct

from worker.core.model.outcomes import TransientFault
from worker.delivery.aws.endpoint import ServiceEndpoint, UnusableSettings, resolve
from worker.delivery.aws.provider_chain import (
    CredentialsUnavailable,
    Loaded,
    describe,
    fault_of,
    load_from_chain,
    validate,
)
from worker.delivery.aws.signing import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# How long to wait for an answer. A token service that does not answer is asked again later.
_PATIENCE_SECONDS: Final = 60.0
# Renew well before the keys expire; botocore itself begins to insist on it ten minutes before.
_RENEW_SECONDS: Final = 15 * 60.0

_NO_TEXT: Final = "region, endpoint, proxy or AWS_CA_BUNDLE contain bytes that are not valid UTF-8"

T = TypeVar("T")


class _Keyed(Struct, omit_defaults=True):
    method: str = ""
    keys: Keys | None = None
    expires_at: float | None = None
    why: str = ""
    code: str = ""
    passing: bool = False


class _Resolved(Struct, omit_defaults=True):
    service: ServiceEndpoint | None = None
    unusable: str = ""
    keyed: _Keyed | None = None
    """The keys as well, because both are needed at start and importing boto3 takes most of the time."""


class Apart:
    """Asks boto3 on behalf of one worker. Every call blocks.

    Args:
        region: the AWS region; None leaves it to boto3.
        now: the current time in epoch seconds.
    """

    def __init__(self, region: str | None, *, now: Callable[[], float] = time.time) -> None:
        self._region = region
        self._now = now
        self._keyed: _Keyed | None = None

    def resolve(self, endpoint_url: str | None) -> ServiceEndpoint:
        """Return what ``endpoint.resolve`` finds.

        Raises:
            UnusableSettings: as there, or the process gave no answer.
        """
        answer = _ask(["resolve", self._region or "", endpoint_url or ""], _Resolved)
        if answer is None:
            msg = f"boto3 did not say where to send to: `{sys.executable} -m {__name__}` gave no answer"
            raise UnusableSettings(msg)
        if answer.service is None:
            raise UnusableSettings(answer.unusable)
        self._keyed = answer.keyed
        return answer.service

    def load(self) -> Loaded:
        """Return what ``provider_chain.load_from_chain`` finds, loaded from scratch.

        The result fetches new keys well before the present ones expire.

        Raises:
            CredentialsUnavailable: there are none, or boto3 gave no answer.
        """
        # The credentials that came with the endpoint count as fresh once, and so does the answer that there
        # are none.
        first, self._keyed = self._keyed, None
        latest = _usable(first or self._asked())

        def fetch() -> Keys:
            nonlocal latest
            if latest.expires_at is not None and self._now() > latest.expires_at - _RENEW_SECONDS:
                latest = _usable(self._asked())
            return latest.keys or Keys("", "")

        return Loaded(latest.method, fetch, lambda: latest.expires_at)

    def _asked(self) -> _Keyed | None:
        return _ask(["load", self._region or ""], _Keyed)


def _usable(answer: _Keyed | None) -> _Keyed:
    if answer is None:
        msg = "boto3 did not answer"
        raise CredentialsUnavailable(msg, code="CredentialsRefresh", passing=True)
    if answer.keys is None:
        raise CredentialsUnavailable(
            answer.why, code=answer.code, passing=answer.passing, method=answer.method
        )
    return answer


def _ask(arguments: Sequence[str], kind: type[T]) -> T | None:
    """Return the answer of the process; None if it gave no usable one."""
    # -P: Python must not import modules from the current directory.
    command = [sys.executable, "-P", "-m", __name__, *arguments]
    try:
        done = subprocess.run(  # noqa: S603  the interpreter and the module that run here
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE_SECONDS, check=False
        )
        return msgspec.json.decode(done.stdout, type=kind)
    except (OSError, ValueError, RecursionError, subprocess.SubprocessError, msgspec.MsgspecError):
        # ValueError: an argument can't be passed to a process, or the answer is not UTF-8. Anything else that
        # writes to standard output (a plugin, the interpreter's own start) counts as no answer.
        return None


def _resolved(region: str, endpoint_url: str) -> _Resolved:
    try:
        return _Resolved(resolve(region or None, endpoint_url or None), keyed=_loaded(region))
    except UnusableSettings as error:
        return _Resolved(unusable=_printable(str(error)))


def _loaded(region: str) -> _Keyed:
    method = ""
    try:
        loaded = load_from_chain(region or None)
        method = loaded.method
        keys = validate(loaded.fetch())
        return _Keyed(loaded.method, keys, loaded.expires_at())
    except Exception as error:  # noqa: BLE001  a provider runs the user's program or plugin
        fault = fault_of(error)
        passing = isinstance(fault, TransientFault)
        return _Keyed(method, why=_printable(describe(error)), code=fault.code, passing=passing)


def _printable(text: str) -> str:
    """Replace the bytes of a path or variable that are not text."""
    return text.encode(errors="replace").decode()


def _written(answer: _Resolved | _Keyed) -> bytes:
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:
        return msgspec.json.encode(_Resolved(unusable=_NO_TEXT))


if __name__ == "__main__":
    asked, *rest = sys.argv[1:]
    sys.stdout.buffer.write(_written(_resolved(*rest) if asked == "resolve" else _loaded(*rest)))
