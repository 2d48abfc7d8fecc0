"""``personalize-worker status``: a running worker's report on itself, for a person who was just woken.

Exit codes: 0, it is ready; 1, it is not, or does not answer; 2, the address or the configuration is wrong.
"""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Final

import msgspec

from worker.commands.group_members import members
from worker.config import ConfigError, read_settings
from worker.core.model.worker_status import WorkerStatus
from worker.runtime.exit_codes import ExitCode
from worker.settings import AdminSettings
from worker.status.page import page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from worker.settings import Settings

_PATIENCE_SECONDS: Final = 10.0
# How to reach a worker that listens on all addresses. Not by "localhost", which some hosts map to IPv4 only.
_EVERYWHERE: Final = (None, "::", "0.0.0.0")  # noqa: S104  asked for, not listened on
_HERE: Final = ("127.0.0.1", "::1")
_HIGHEST_PORT: Final = 65_535
# Whatever answers there may send any bytes.
_NO_STATUS: Final = (
    OSError,
    http.client.HTTPException,
    msgspec.MsgspecError,
    UnicodeDecodeError,
    RecursionError,
)


def show_status(
    address: str | None,
    config: Path | None,
    environment: Mapping[str, str],
    say: Callable[[str], None],
    *,
    as_json: bool,
) -> ExitCode:
    """Ask, print, and return the exit code.

    Args:
        address: of the admin server; by default, the one in the configuration, or the default on this host.
        config: the worker's own configuration; if given, Kafka is asked for the group's members too.
        environment: the environment of the process.
        say: prints a line.
        as_json: print the answer as received, and ask nobody else.
    """
    try:
        settings = None if config is None else read_settings(config, environment)
        hosts, port = _place(address, AdminSettings() if settings is None else settings.admin)
    except (ConfigError, ValueError) as error:
        say(str(error))
        return ExitCode.MISCONFIGURED
    try:
        answer = _ask_one_of(hosts, port)
        status = msgspec.json.decode(answer, type=WorkerStatus)
    except _NO_STATUS as error:
        where = " or ".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host in hosts)
        say(f"NOT REACHABLE  no status at {where}: {_why(error)}")
        return ExitCode.FAILED
    if as_json:
        say(answer.decode().rstrip())
    else:
        for line in page(status, _members(settings, status.group)):
            say(line)
    return ExitCode.OK if status.ready else ExitCode.FAILED


def _place(address: str | None, admin: AdminSettings) -> tuple[tuple[str, ...], int]:
    """Return where to ask: the addresses, to be tried in order, and the port.

    Raises:
        ValueError: the address is not valid.
    """
    if address is None:
        if admin.port == 0:
            msg = "admin.port is 0, which is any free one: use --address; the log has it as admin.listening"
            raise ValueError(msg)
        return (_HERE if admin.host in _EVERYWHERE else (str(admin.host),)), admin.port
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        msg = f"--address must be HOST:PORT, such as 127.0.0.1:9090; it is {address!r}"
        raise ValueError(msg)
    try:
        host.encode("idna")
    except UnicodeError:
        msg = f"--address must be HOST:PORT, and {host!r} can't be a host: a part of it is empty or too long"
        raise ValueError(msg) from None
    return (host.strip("[]"),), int(port)


def _ask_one_of(hosts: tuple[str, ...], port: int) -> bytes:
    """Return the page from the first host that answers; raise the last host's error if none does."""
    *others, last = hosts
    for host in others:
        try:
            return _ask(host, port)
        except TimeoutError:
            # A worker is there, but hangs.
            raise
        except OSError:
            continue
    return _ask(last, port)


def _ask(host: str, port: int) -> bytes:
    """Return the page ``/status``; proxies of the environment are not used."""
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


def _why(error: Exception) -> str:
    """Say why there is no status, and what to do."""
    if isinstance(error, TimeoutError):
        return "it accepts the connection and does not answer: if that lasts, restart it"
    if isinstance(error, OSError):
        todo = "is a worker running there? --address or --config says where (its log: admin.listening)"
        return f"{error.strerror or type(error).__name__}; {todo}"
    todo = "is that the admin port of a worker of this version?"
    # It may quote what answered; to a terminal, control characters are commands.
    said = "".join(each if each.isprintable() else "\ufffd" for each in str(error).strip())
    return f"{said or type(error).__name__}; {todo}"


def _members(settings: Settings | None, group_id: str) -> str | None:
    if settings is None or settings.source != "kafka":
        return None
    return members(settings.kafka, group_id)
