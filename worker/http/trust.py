"""Which certificates a client trusts."""

from __future__ import annotations

import ssl

# Trust every certificate in the file, even one that another authority signed; the default from 3.13 on.
_VERIFY_FLAGS = ssl.VERIFY_X509_PARTIAL_CHAIN


def trusting(ca_file: str | None) -> ssl.SSLContext:
    """Trust the certificates in this file; None: those of the system. Verification can't be switched off.

    From 3.13 on, Python sets flags of its own. The strict flag rejects certificates without an Authority Key
    Identifier, as inspecting proxies and old authorities make them; boto3 accepts them with the same file.
    Without that flag, a file has the same effect under every Python version.

    Raises:
        OSError: the file contains no certificates, or can't be read.
    """
    context = ssl.create_default_context(cafile=ca_file)
    # Regardless of how the system's OpenSSL is configured.
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
    context.verify_flags = (context.verify_flags & ~ssl.VERIFY_X509_STRICT) | _VERIFY_FLAGS
    return context
