"""What a regular expression can't check in an address."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def wrong_address(url: str) -> str | None:
    """Return what is wrong with the port or the IPv6 address; None if nothing is."""
    try:
        port = urlsplit(url).port
        ip_address((urlsplit(url).hostname or "") if "[" in url else "127.0.0.1")
    except ValueError:
        return "is not a valid address: a port is from 1 to 65535, an IPv6 address is written such as [::1]"
    return "has the port 0, which nobody listens on" if port == 0 else None
