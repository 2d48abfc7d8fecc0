"""Where the admin pages are listened for: one address, or all there are, of both kinds."""

from __future__ import annotations

import errno
import socket
from typing import Final

# Both kinds by one socket. asyncio, given "::", would leave IPv4 out.
_EVERYWHERE: Final = (None, "::")
# A kernel without IPv6, or one that has it switched off.
_NO_IPV6: Final = {errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EADDRNOTAVAIL}


def is_everywhere(host: str | None) -> bool:
    """Whether ``admin.host`` means all addresses of this machine."""
    return host in _EVERYWHERE


def listen_everywhere(port: int, *, family: socket.AddressFamily = socket.AF_INET6) -> socket.socket:
    """A socket that listens on all addresses, IPv4 and IPv6; IPv4 alone where there is no other.

    Raises:
        OSError: the port is taken, or not for us.
    """
    dual = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            ("", port), family=family if dual else socket.AF_INET, dualstack_ipv6=dual
        )
    except OSError as error:
        if not dual or error.errno not in _NO_IPV6:
            raise
        return listen_everywhere(port, family=socket.AF_INET)
