"""Runs boto3 in a separate process.

boto3 is needed for half a second at start, and again when keys expire or are refused. Inside the worker's
process it would stay loaded: it takes twenty megabytes, and it holds the interpreter's lock for as long as
it imports and parses. A separate process ends as soon as it has answered.

The answer is one line of JSON through a pipe that nobody else reads. Keys appear nowhere else.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from msgspec import Struct

from worker.aws.endpoint import ServiceEndpoint, UnusableSettings, resolve
from worker.aws.provider_chain import (
    CredentialsUnavailable,
    Loaded,
    describe,
    fault_of,
    load_from_chain,
    validate,
)
from worker.aws.services import SERVICES, Wanted
from worker.aws.signing import Keys
from worker.core.model.outcomes import TransientFault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# How long to wait for an answer. A token service that does not answer is asked again later.
_PATIENCE_SECONDS: Final = 60.0
# Renew well before the keys expire; botocore itself begins to insist on it ten minutes before.
_RENEW_SECONDS: Final = 15 * 60.0

_NO_TEXT: Final = "region, endpoint, proxy or AWS_CA_BUNDLE contain bytes that are not valid UTF-8"

T = TypeVar("T")


class _CredentialsAnswer(Struct, omit_defaults=True):
    method: str = ""
    keys: Keys | None = None
    expires_at: float | None = None
    why: str = ""
    code: str = ""
    passing: bool = False


class _EndpointsAnswer(Struct, omit_defaults=True):
    endpoints: tuple[ServiceEndpoint, ...] = ()
    """In the order asked; none if any is unusable."""
    unusable: str = ""
    credentials: _CredentialsAnswer | None = None
    """Asked for as well, because both are needed at start and importing boto3 takes most of the time."""


class BotoSubprocess:
    """Asks boto3 on behalf of one worker. Every call blocks.

    Args:
        region: the AWS region for credentials; None leaves it to boto3.
        now: the current time in epoch seconds.
    """

    def __init__(self, region: str | None, *, now: Callable[[], float] = time.time) -> None:
        self._region = region
        self._now = now
        self._credentials_at_start: _CredentialsAnswer | None = None

    def resolve(self, *wanted: Wanted) -> tuple[ServiceEndpoint, ...]:
        """Return what ``endpoint.resolve`` finds for each, asked in one process.

        Raises:
            UnusableSettings: as there, with all that is wrong, or the process gave no answer.
        """
        asked = [text for each in wanted for text in _as_arguments(each)]
        answer = _ask(["resolve", self._region or "", *asked], _EndpointsAnswer)
        if answer is None:
            msg = f"boto3 did not say where to send to: `{sys.executable} -m {__name__}` gave no answer"
            raise UnusableSettings(msg)
        if answer.unusable or len(answer.endpoints) != len(wanted):
            raise UnusableSettings(answer.unusable)
        self._credentials_at_start = answer.credentials
        return answer.endpoints

    def load(self) -> Loaded:
        """Return what ``provider_chain.load_from_chain`` finds, loaded from scratch.

        The result fetches new keys well before the present ones expire.

        Raises:
            CredentialsUnavailable: there are none, or boto3 gave no answer.
        """
        # The credentials that came with the endpoint count as fresh once, and so does the answer that there
        # are none.
        first, self._credentials_at_start = self._credentials_at_start, None
        latest = _require_keys(first or self._ask_for_credentials())

        def fetch() -> Keys:
            nonlocal latest
            if latest.expires_at is not None and self._now() > latest.expires_at - _RENEW_SECONDS:
                latest = _require_keys(self._ask_for_credentials())
            return latest.keys or Keys("", "")

        return Loaded(latest.method, fetch, lambda: latest.expires_at)

    def _ask_for_credentials(self) -> _CredentialsAnswer | None:
        return _ask(["load", self._region or ""], _CredentialsAnswer)


def _require_keys(answer: _CredentialsAnswer | None) -> _CredentialsAnswer:
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
        return msgspec.json.decode(output_of(command, _PATIENCE_SECONDS), type=kind)
    except (OSError, ValueError, RecursionError, subprocess.SubprocessError, msgspec.MsgspecError):
        # ValueError: an argument can't be passed to a process, or the answer is not UTF-8. Anything else that
        # writes to standard output (a plugin, the interpreter's own start) counts as no answer.
        return None


def output_of(command: Sequence[str], patience_seconds: float) -> bytes:
    """Return what a program writes; if it takes longer, end it and all that it has started.

    boto3 may run a program of the user's (``credential_process``). One that hangs would outlive boto3, and
    each later attempt would leave another one.

    Raises:
        OSError: it can't be started.
        ValueError: an argument can't be passed to a process.
        subprocess.TimeoutExpired: it took longer.
    """
    is_apart = not _has_terminal()
    with subprocess.Popen(  # noqa: S603  the interpreter and the module that run here
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=is_apart,
    ) as process:
        try:
            return process.communicate(timeout=patience_seconds)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            if is_apart:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            raise


def _has_terminal() -> bool:
    """Whether somebody may be asked for an MFA code, which takes the session of their terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _as_arguments(wanted: Wanted) -> tuple[str, str, str]:
    return wanted.service.name, wanted.region or "", wanted.endpoint_url or ""


def _answer_resolve(region: str, *asked: str) -> _EndpointsAnswer:
    names, regions, urls = asked[::3], asked[1::3], asked[2::3]
    found, unusable = [], []
    for name, own_region, endpoint_url in zip(names, regions, urls, strict=True):
        try:
            found.append(resolve(Wanted(SERVICES[name], own_region or None, endpoint_url or None)))
        except UnusableSettings as error:
            unusable.append(_printable(str(error)))
    if unusable:
        # Services that share a wrong region share what there is to say of it.
        return _EndpointsAnswer(unusable="; ".join(dict.fromkeys(unusable)))
    return _EndpointsAnswer(tuple(found), credentials=_answer_load(region))


def _answer_load(region: str) -> _CredentialsAnswer:
    method = ""
    try:
        loaded = load_from_chain(region or None)
        method = loaded.method
        keys = validate(loaded.fetch())
        return _CredentialsAnswer(loaded.method, keys, loaded.expires_at())
    except Exception as error:  # noqa: BLE001  a provider runs the user's program or plugin
        fault = fault_of(error)
        passing = isinstance(fault, TransientFault)
        return _CredentialsAnswer(method, why=_printable(describe(error)), code=fault.code, passing=passing)


def _printable(text: str) -> str:
    """Replace the bytes of a path or variable that are not text."""
    return text.encode(errors="replace").decode()


def _encoded(answer: _EndpointsAnswer | _CredentialsAnswer) -> bytes:
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:
        return msgspec.json.encode(_EndpointsAnswer(unusable=_NO_TEXT))


if __name__ == "__main__":
    asked, *rest = sys.argv[1:]
    sys.stdout.buffer.write(_encoded(_answer_resolve(*rest) if asked == "resolve" else _answer_load(*rest)))
