"""The ``check`` command: does what is configured work from here? One line each, with what to do next.

It goes on after a failure, and sends and makes nothing: Kafka is asked for its topics and the group's
offsets, AWS for nothing but credentials; the endpoint sees a connection, no call.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from worker.check_kafka import kafka_findings
from worker.config import ConfigError, read_settings
from worker.finding import Finding, failed, fine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from worker.delivery.service import Service
    from worker.settings import PersonalizeSettings

WRONG_CONFIGURATION = 2
"""The exit code for what a better configuration file would mend."""


def check(
    path: Path | None,
    environ: Mapping[str, str],
    say: Callable[[str], object],
    *,
    patience_seconds: float = 10.0,
) -> int:
    """Check everything, say it line by line, give the exit code.

    That is 0, or 1 if something failed, or 2 if the configuration is wrong; then nothing else is checked.

    Args:
        path: the configuration's file, if there is one.
        environ: the environment, which goes over it.
        say: takes a line.
        patience_seconds: how long Kafka may take for one answer.
    """
    try:
        settings = read_settings(path, environ)
    except ConfigError as error:
        for mistake in error.mistakes:
            say(str(failed("configuration", str(mistake))))
        return WRONG_CONFIGURATION
    say(str(fine("configuration", f"{path} and the environment" if path else "the environment")))
    right = True
    for findings in (kafka_findings(settings, patience_seconds), aws_findings(settings.personalize)):
        for finding in findings:
            say(str(finding))
            right = right and finding.level != "FAIL"
    return 0 if right else 1


def aws_findings(settings: PersonalizeSettings) -> Iterator[Finding]:
    """Whether PutEvents could be called: credentials, region, endpoint."""
    yield _credentials(settings.region)
    # boto3, behind it, takes most of a second to import.
    from worker.delivery.service import UnusableSettings, resolve, tls_context  # noqa: PLC0415  see above

    try:
        service = resolve(settings.region, settings.endpoint_url)
        tls_context(service.ca_file)
    except UnusableSettings as error:
        yield failed("aws endpoint", str(error))
        return
    if service.region_warning:
        yield Finding("warn", f"aws region {service.region}", service.region_warning)
    else:
        yield fine("aws region", service.region)
    yield _connection(service, settings.connect_seconds)


def _credentials(region: str | None) -> Finding:
    from worker.delivery.chain import load_from_chain  # noqa: PLC0415  as above
    from worker.delivery.credentials import Credentials, Found  # noqa: PLC0415  as above

    found = asyncio.run(Credentials(lambda: load_from_chain(region)).check())
    if isinstance(found, Found):
        return fine("aws credentials", f"found by {found.method}")
    return failed(
        "aws credentials",
        f"{found.why}: give the pod a role (web identity, pod identity), or set AWS_PROFILE, or "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    )


def _connection(service: Service, connect_seconds: float) -> Finding:
    """Whether the endpoint, or the proxy before it, takes a connection."""
    address = urlsplit(service.proxy_url or service.endpoint_url)
    port = address.port or {"http": 80}.get(address.scheme, 443)
    through = f", through the proxy {address.hostname}:{port}" if service.proxy_url else ""
    try:
        socket.create_connection((address.hostname or "", port), connect_seconds).close()
    except OSError as error:
        why = error.strerror or str(error)
        todo = "open the way there (egress, VPC endpoint), or set HTTPS_PROXY or personalize.endpoint_url"
        return failed(f"aws endpoint {service.endpoint_url}", f"no connection{through} ({why}): {todo}")
    return fine(f"aws endpoint {service.endpoint_url}", f"takes connections{through}")
