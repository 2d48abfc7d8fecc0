"""``personalize-worker status``: what a running worker says of itself, for a person who was just woken.

Exit codes: 0, it is ready; 1, it is not, or does not answer; 2, the address or the configuration is wrong.
"""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Final

import msgspec

from worker.config import ConfigError, read_settings
from worker.core.snapshot import WorkerStatus
from worker.settings import AdminSettings
from worker.show.members import members
from worker.show.page import page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from worker.settings import Settings

_READY: Final = 0
_NOT_READY: Final = 1
_WRONG: Final = 2
_PATIENCE_SECONDS: Final = 10.0
# Where a worker is asked that listens on all addresses; localhost is tried at ::1 and at 127.0.0.1.
_HERE: Final = {None: "localhost", "::": "localhost", "0.0.0.0": "127.0.0.1"}  # noqa: S104  as above


def show_status(
    address: str | None,
    config: Path | None,
    environment: Mapping[str, str],
    say: Callable[[str], None],
    *,
    as_json: bool,
) -> int:
    """Ask, print, and give the exit code.

    Args:
        address: of the admin server; unless given, that of the configuration, or its default on this host.
        config: the worker's own configuration; with it, Kafka is asked for the group's members too.
        environment: the process's.
        say: prints a line.
        as_json: print the answer as it came, and ask nobody else.
    """
    try:
        settings = None if config is None else read_settings(config, environment)
        host, port = _place(address, AdminSettings() if settings is None else settings.admin)
    except (ConfigError, ValueError) as error:
        say(str(error))
        return _WRONG
    try:
        answer = _ask(host, port)
        status = msgspec.json.decode(answer, type=WorkerStatus)
    except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
        say(f"NOT REACHABLE  no status at {host}:{port}: {str(error) or type(error).__name__}")
        return _NOT_READY
    if as_json:
        say(answer.decode().rstrip())
    else:
        for line in page(status, _members(settings)):
            say(line)
    return _READY if status.ready else _NOT_READY


def _place(address: str | None, admin: AdminSettings) -> tuple[str, int]:
    """Where to ask.

    Raises:
        ValueError: the address is none.
    """
    if address is None:
        if admin.port == 0:
            msg = "admin.port is 0, which is any free one: say --address; the log has it as admin.listening"
            raise ValueError(msg)
        return _HERE.get(admin.host, admin.host or ""), admin.port
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal():
        msg = f"--address must be HOST:PORT, such as 127.0.0.1:9090; it is {address!r}"
        raise ValueError(msg)
    return host.strip("[]"), int(port)


def _ask(host: str, port: int) -> bytes:
    """The page ``/status``; no proxy of the environment stands between."""
    connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", "/status")
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != http.client.OK:
        msg = f"it answers {answer.status} {answer.reason}"
        raise http.client.HTTPException(msg)
    return body


def _members(settings: Settings | None) -> str | None:
    return None if settings is None else members(settings.kafka)
