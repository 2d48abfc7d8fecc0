"""Where and how to call a service: what boto3 would do, asked of it once.

boto3 knows regions, FIPS and dual-stack endpoints, ``AWS_ENDPOINT_URL``, proxies and the service model. So
one of its clients is made to build a call, which is not sent. ``boto_subprocess`` does this in a separate
process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from msgspec import Struct

from worker.core.loopback import is_loopback
from worker.http.trust import trusting

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from botocore.session import Session

    from worker.aws.services import Service, Wanted

_DEFAULT_PORTS = {"http": 80, "https": 443}


class UnusableSettings(Exception):  # noqa: N818  it names the state; the operator has to act
    """Region, endpoint, proxy or certificates are wrong; ``str()`` says which, and how to fix it."""


class _Sample(Struct, frozen=True):
    """A call that boto3 built."""

    method: str
    url: str
    """Encoded as on the wire."""
    content_type: str
    endpoint_url: str
    region: str
    signing_name: str


class ServiceEndpoint(Struct, frozen=True):
    """One service at one address, to which all calls of the worker go."""

    method: str
    url: str
    """What is called, encoded as on the wire."""
    endpoint_url: str
    """The service's URL, for people to read."""
    host: str
    """The Host header, without the port if it is the scheme's default."""
    signed_path: str
    content_type: str
    region: str
    signing_name: str
    ca_file: str
    """The file of certificates to trust, the one that boto3 would use."""
    proxy_url: str | None
    proxy_headers: dict[str, str]
    region_warning: str | None
    """Why the region may be wrong."""


def resolve(wanted: Wanted) -> ServiceEndpoint:
    """Ask boto3. It blocks for a tenth of a second, or a whole second if boto3 must be imported first.

    Raises:
        UnusableSettings: boto3 can't make a client from this, or no such region can exist.
    """
    import boto3  # noqa: PLC0415  a thread's work, like all that blocks
    import botocore.session  # noqa: PLC0415  as above
    from botocore.exceptions import BotoCoreError, NoRegionError  # noqa: PLC0415  as above
    from botocore.httpsession import get_cert_path  # noqa: PLC0415  as above

    service, core = wanted.service, botocore.session.get_session()
    try:
        session = boto3.session.Session(botocore_session=core, region_name=wanted.region)
        sample = _sample(session, wanted)
    except NoRegionError as error:
        msg = f"no region: set {service.region_key}, AWS_DEFAULT_REGION, or the region of the AWS profile"
        raise UnusableSettings(msg) from error
    except (BotoCoreError, ValueError) as error:
        # botocore reports "Invalid endpoint" with a ValueError that quotes it.
        why = "the endpoint is not a valid address" if "://" in str(error) else str(error)
        msg = f"region {wanted.region!r} or its endpoint can't be used: {why}"
        raise UnusableSettings(msg) from None
    _check_address(sample.endpoint_url, service)
    proxy_url, proxy_headers = _proxy(sample.url)
    return ServiceEndpoint(
        method=sample.method,
        url=sample.url,
        endpoint_url=sample.endpoint_url,
        host=_host(sample.url),
        signed_path=_signed_path(sample.url),
        content_type=sample.content_type,
        region=sample.region,
        signing_name=sample.signing_name,
        ca_file=str(core.get_config_variable("ca_bundle") or get_cert_path(verify=True)),
        proxy_url=proxy_url,
        proxy_headers=proxy_headers,
        region_warning=_region_warning(core, sample, service),
    )


def require_encryption(endpoint: ServiceEndpoint, wanted: Wanted) -> None:
    """Forbid unencrypted traffic, except to this machine or where the operator allows it.

    Raises:
        UnusableSettings: the endpoint is an http one elsewhere, and ``wanted.plain_http`` is not set.
    """
    parts = urlsplit(endpoint.endpoint_url)
    if parts.scheme == "http" and not wanted.plain_http and not is_loopback(parts.hostname or ""):
        msg = (
            f"the endpoint {endpoint.endpoint_url} would receive {wanted.service.contents} unencrypted: "
            f"use https://, or set {wanted.service.plain_http_key} if the network in between is private"
        )
        raise UnusableSettings(msg)


def tls_context(ca_file: str) -> ssl.SSLContext:
    """Trust the certificates in this file, as boto3 does.

    Raises:
        UnusableSettings: the file contains no certificates.
    """
    try:
        return trusting(ca_file)
    except OSError as error:
        # ssl.SSLError is an OSError.
        msg = (
            f"AWS_CA_BUNDLE (or ca_bundle) names {ca_file!r}, which can't be used: {error.strerror or error}"
        )
        raise UnusableSettings(msg) from error


def _check_address(endpoint_url: str, service: Service) -> None:
    """Check that the address can be logged and dialled: the SDK takes any from environment or profile.

    Raises:
        UnusableSettings: its scheme is another one, or it has parts that are not allowed.
    """
    parts = urlsplit(endpoint_url)
    if parts.scheme not in _DEFAULT_PORTS or parts.username is not None or parts.query or parts.fragment:
        msg = (
            f"the endpoint ({service.endpoint_key}, AWS_ENDPOINT_URL or the AWS profile) must be "
            "an http or https address without user, password and query"
        )
        raise UnusableSettings(msg)


def _sample(
    session: Any,  # noqa: ANN401  its stubs are overloads for 400 services by literal name
    wanted: Wanted,
) -> _Sample:
    """Let a client build one call, and keep it from being sent, as botocore's Stubber does."""
    from botocore import UNSIGNED  # noqa: PLC0415  as above
    from botocore.awsrequest import AWSResponse  # noqa: PLC0415  as above
    from botocore.compat import HTTPHeaders  # noqa: PLC0415  as above
    from botocore.config import Config  # noqa: PLC0415  as above
    from urllib3.util import parse_url  # noqa: PLC0415  it comes with botocore, and does this for it

    built: list[Mapping[str, Any]] = []

    def keep(params: Mapping[str, Any], **_: object) -> tuple[AWSResponse, Mapping[str, Any]]:
        built.append(params)
        return AWSResponse(params["url"], 200, HTTPHeaders(), None), {}

    service, config = wanted.service, Config(signature_version=UNSIGNED)
    client = session.client(service.name, endpoint_url=wanted.endpoint_url, config=config)
    client.meta.events.register("before-call", keep)
    getattr(client, service.operation)(**service.arguments)
    (call,) = built
    meta = client.meta
    return _Sample(
        method=call["method"],
        url=parse_url(call["url"]).url,
        content_type=call["headers"]["Content-Type"],
        endpoint_url=meta.endpoint_url,
        region=meta.region_name,
        signing_name=meta.service_model.signing_name,
    )


def _host(url: str) -> str:
    """Return the Host header exactly as botocore writes it, because it is signed."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "")
    return host if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f"{host}:{parts.port}"


def _signed_path(url: str) -> str:
    from botocore.utils import normalize_url_path  # noqa: PLC0415  as above

    return quote(normalize_url_path(urlsplit(url).path), safe="/~")


def _proxy(url: str) -> tuple[str | None, dict[str, str]]:
    """Find the proxy as boto3 does, once: reading the environment for each call costs more than signing.

    Returns:
        The proxy's address without its login, and the login as a header.
    """
    from botocore.httpsession import ProxyConfiguration  # noqa: PLC0415  as above
    from botocore.utils import get_environ_proxies  # noqa: PLC0415  as above
    from urllib3.util import parse_url  # noqa: PLC0415  as above

    proxies = ProxyConfiguration(get_environ_proxies(url))
    proxy = proxies.proxy_url_for(url)
    if not proxy:
        return None, {}
    # The message never repeats the address, because it may contain a password.
    msg = "HTTPS_PROXY or HTTP_PROXY holds no address of a proxy, http://host:port or https://host:port"
    try:
        parts = parse_url(proxy)
    except ValueError:
        raise UnusableSettings(msg) from None
    # botocore turns an address of another kind of proxy into "http://socks5://host".
    if parts.scheme not in _DEFAULT_PORTS or not parts.host or parts.path not in {None, "", "/"}:
        raise UnusableSettings(msg)
    try:
        return f"{parts.scheme}://{parts.netloc}", proxies.proxy_headers_for(proxy)
    except UnicodeEncodeError:
        # botocore encodes it as ASCII only.
        msg = "the login in HTTPS_PROXY or HTTP_PROXY contains characters outside ASCII"
        raise UnusableSettings(msg) from None


def _region_warning(session: Session, sample: _Sample, service: Service) -> str | None:
    """Check the region; with a custom endpoint, any region will do.

    Raises:
        UnusableSettings: AWS has no region of that name.
    """
    from difflib import get_close_matches  # noqa: PLC0415  only a mistake needs it

    from botocore.exceptions import UnknownRegionError  # noqa: PLC0415  as above

    if sample.region.lower() not in (urlsplit(sample.url).hostname or "").split("."):
        return None
    known = [
        each
        for partition in session.get_available_partitions()
        for each in session.get_available_regions(service.listed_as, partition_name=partition)
    ]
    if sample.region in known:
        return None
    nearest = ", ".join(get_close_matches(sample.region.lower(), known, n=3, cutoff=0.5) or known)
    try:
        session.get_partition_for_region(sample.region)
    except UnknownRegionError as error:
        msg = f"region {sample.region!r} is not an AWS region; nearest with {service.title}: {nearest}"
        raise UnusableSettings(msg) from error
    return f"the AWS SDK knows of no {service.title} in {sample.region!r}; nearest: {nearest}"
