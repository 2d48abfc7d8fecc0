"""Which proxy leads to an address: that of the environment, as for the calls to AWS."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import unquote, urlsplit

from worker.registry.trust import UnusableRegistryError

_DEFAULT_PORTS = {"http": 80, "https": 443}


class UnusableProxyError(UnusableRegistryError):
    """The environment names a proxy that is none; ``str()`` never holds its address, or a password in it."""

    def __init__(self) -> None:
        super().__init__(
            "HTTPS_PROXY or HTTP_PROXY holds no address of a proxy, http://host:port or https://host:port"
        )


def proxy_for(url: str) -> tuple[str | None, dict[str, str]]:
    """Return the proxy's address without its login, and the login as a header; (None, {}) for none.

    Raises:
        UnusableProxyError: its address is none.
    """
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415  30 ms to import, for few

    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.netloc):
        return None, {}
    try:
        at = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        host, port = at.hostname, at.port
    except ValueError:
        raise UnusableProxyError from None
    if at.scheme not in _DEFAULT_PORTS or not host or at.path not in {"", "/"}:
        raise UnusableProxyError
    return f"{at.scheme}://{_authority(host, port)}", _login(at.username, at.password)


def host_header(url: str) -> str:
    """Return the Host header for an address, without the port if it is the scheme's default."""
    parts = urlsplit(url)
    port = None if parts.port == _DEFAULT_PORTS[parts.scheme] else parts.port
    return _authority(parts.hostname or "", port)


def _authority(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def _login(user: str | None, password: str | None) -> dict[str, str]:
    if user is None:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {b64encode(pair).decode()}"}
