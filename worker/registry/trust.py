"""Which certificates the registry's client trusts, and the one that it shows."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from worker.http.trust import trusting

if TYPE_CHECKING:
    from worker.settings import SchemaRegistrySettings


class UnusableRegistryError(Exception):
    """The registry's settings are of no use; ``str()`` says why, and holds no secret."""


class UnusableFileError(UnusableRegistryError):
    """A file of certificates is of no use; ``str()`` says which and why, without quoting anything of it."""

    def __init__(self, key: str, why: str) -> None:
        self.key = f"schema_registry.{key}"
        self.why = f"can't be used: {why}"
        super().__init__(f"{self.key} {self.why}")


def registry_trust(settings: SchemaRegistrySettings) -> ssl.SSLContext:
    """Return the trust as configured. It reads files.

    Raises:
        UnusableFileError: a file can't be read, or is not what it should be.
    """
    try:
        context = trusting(settings.ca_file)
    except OSError as error:
        raise UnusableFileError("ca_file", _why(error)) from None  # noqa: EM101  a key
    if settings.client_certificate_file is not None:
        try:
            # A key that needs a password would make OpenSSL ask for one on the terminal.
            context.load_cert_chain(
                settings.client_certificate_file, settings.client_key_file, password=lambda: ""
            )
        except (OSError, ValueError) as error:
            key = "client_key_file" if settings.client_key_file else "client_certificate_file"
            raise UnusableFileError(key, _why(error)) from None
    return context


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return "it is no PEM file, has a password, or key and certificate do not belong together"
    return getattr(error, "strerror", None) or "it can't be read"
