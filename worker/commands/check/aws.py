"""The AWS part of ``check``: credentials, region, endpoint. No call is made, only a connection."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from worker.commands.check.finding import Finding, failed, fine
from worker.core.loopback import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.aws.credentials import Found
    from worker.aws.endpoint import ServiceEndpoint
    from worker.settings import PersonalizeSettings


def aws_findings(settings: PersonalizeSettings) -> Iterator[Finding]:
    """Check whether PutEvents could be called: credentials, region, endpoint."""
    yield _credentials(settings.region)
    # It imports boto3, which takes most of a second.
    from worker.aws.endpoint import (  # noqa: PLC0415  see above
        UnusableSettings,
        require_encryption,
        resolve,
        tls_context,
    )
    from worker.aws.services import PERSONALIZE_EVENTS, Wanted  # noqa: PLC0415  as above

    wanted = Wanted(PERSONALIZE_EVENTS, settings.region, settings.endpoint_url, settings.plain_http)

    try:
        endpoint = resolve(wanted)
        require_encryption(endpoint, wanted)
        tls = tls_context(endpoint.ca_file)
    except UnusableSettings as error:
        yield failed("aws endpoint", str(error))
        return
    if endpoint.region_warning:
        yield Finding("warn", f"aws region {endpoint.region}", endpoint.region_warning)
    else:
        yield fine("aws region", endpoint.region)
    yield _connection(endpoint, tls, settings.connect_seconds)


def _credentials(region: str | None) -> Finding:
    from worker.aws.credentials import Credentials, Found  # noqa: PLC0415  as above
    from worker.aws.provider_chain import load_from_chain  # noqa: PLC0415  as above

    found = asyncio.run(Credentials(lambda: load_from_chain(region)).check())
    if isinstance(found, Found):
        return _found(found)
    return failed(
        "aws credentials",
        f"{found.why}: give the pod a role (web identity, pod identity), or set AWS_PROFILE, or "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    )


def _found(found: Found) -> Finding:
    from worker.aws.credentials import ENVIRONMENT  # noqa: PLC0415  as above

    what, said = "aws credentials", f"found by {found.method}, not tried: nothing is sent"
    if found.method != ENVIRONMENT:
        return fine(what, said)
    if found.are_temporary:
        todo = "a running worker can't renew those of its environment: give the pod a role"
        return Finding("warn", what, f"{said}; they expire within hours, and {todo}")
    return fine(what, f"{said}; changing them needs a restart")


def _connection(endpoint: ServiceEndpoint, tls: ssl.SSLContext, connect_seconds: float) -> Finding:
    """Check whether the endpoint, or the proxy before it, accepts a connection and can be trusted."""
    address = urlsplit(endpoint.proxy_url or endpoint.endpoint_url)
    port = address.port or {"http": 80}.get(address.scheme, 443)
    through = f", through the proxy {address.hostname}:{port}" if endpoint.proxy_url else ""
    host = address.hostname or ""
    try:
        with socket.create_connection((host, port), connect_seconds) as connection:
            if address.scheme == "https":
                tls.wrap_socket(connection, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        todo = "check that the name is right, and that AWS_CA_BUNDLE names the authority of its certificate"
        return failed(f"aws endpoint {endpoint.endpoint_url}", f"{error.verify_message}{through}: {todo}")
    except OSError as error:
        why = error.strerror or str(error)
        todo = "open the network path (egress, VPC endpoint), or set HTTPS_PROXY or personalize.endpoint_url"
        if is_loopback(host):
            todo = "is `personalize-worker endpoint`, or whatever should listen there, running?"
        return failed(f"aws endpoint {endpoint.endpoint_url}", f"no connection{through} ({why}): {todo}")
    return fine(f"aws endpoint {endpoint.endpoint_url}", f"accepts connections{through}")
