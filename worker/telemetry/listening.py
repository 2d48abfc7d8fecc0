"""Opens the listening socket of the admin pages: on one address, or on all, IPv4 and IPv6."""

from __future__ import annotations

import errno
import socket
from typing import Final

# One socket serves both IPv4 and IPv6. asyncio, given "::", would leave IPv4 out.
_EVERYWHERE: Final = (None, "::")
# The kernel has no IPv6, or it is switched off.
_NO_IPV6: Final = {errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EADDRNOTAVAIL}


def is_everywhere(host: str | None) -> bool:
    """Whether ``admin.host`` means all addresses of this machine."""
    return host in _EVERYWHERE


def listen_everywhere(port: int, *, family: socket.AddressFamily = socket.AF_INET6) -> socket.socket:
    """Return a socket that listens on all addresses, IPv4 and IPv6; IPv4 only if there is no IPv6.

    Raises:
        OSError: the port is taken, or not permitted.
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
