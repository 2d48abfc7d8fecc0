"""Without a host the admin pages are there for IPv4 and IPv6; kubelet asks whichever address the pod has."""

from __future__ import annotations

import asyncio
import http.client
import socket

import pytest
import uvloop

from worker.core.model.snapshot import Readiness
from worker.telemetry.admin import AdminServer
from worker.telemetry.listening import listen_everywhere

HAS_IPV6 = socket.has_dualstack_ipv6()
NEEDS_IPV6 = pytest.mark.skipif(not HAS_IPV6, reason="no IPv6 here")


def server(host: str | None, port: int = 0) -> AdminServer:
    def no_status() -> None:
        raise AssertionError

    return AdminServer(
        host,
        port,
        readiness=lambda: Readiness(ready=True, reasons=()),
        render_metrics=bytes,
        status=no_status,  # type: ignore[arg-type]  # nobody asks for it
    )


def status_of(host: str, port: int) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status
    finally:
        connection.close()


async def answers(admin_host: str | None, *asked: str) -> list[int | str]:
    """What is answered at each address: the status, or the name of the error."""
    admin = server(admin_host)
    port = await admin.start()
    try:
        found: list[int | str] = []
        for host in asked:
            try:
                found.append(await asyncio.to_thread(status_of, host, port))
            except OSError as error:
                found.append(type(error).__name__)
        return found
    finally:
        await admin.stop()


@NEEDS_IPV6
@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("host", [None, "::"])
def test_without_a_host_every_kind_of_address_answers(host: str | None, new_loop: type) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(answers(host, "127.0.0.1", "::1", "localhost")) == [200, 200, 200]


@NEEDS_IPV6
async def test_a_host_that_is_given_is_the_only_one() -> None:
    assert await answers("127.0.0.1", "127.0.0.1", "::1") == [200, "ConnectionRefusedError"]
    assert await answers("::1", "127.0.0.1", "::1") == ["ConnectionRefusedError", 200]


def test_where_there_is_no_ipv6_the_other_kind_is_listened_on() -> None:
    with listen_everywhere(0, family=socket.AF_INET) as listening:
        assert listening.family == socket.AF_INET
        assert listening.getsockname()[0] == "0.0.0.0"  # noqa: S104  what it listens on


async def test_a_port_that_is_taken_is_said_for_all_addresses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            OSError, match=f"cannot listen on port {port} of all addresses: Address already in use"
        ):
            await server(None, port).start()
