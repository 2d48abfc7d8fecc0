"""Verifies the signature of a request by signing it again with botocore, and comparing.

The refusals are those of AWS's front door: no signature, an unknown key, a signature that does not match.
"""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from worker.local.answers import Refusal

if TYPE_CHECKING:
    from worker.local.http import Request

SERVICE = "personalize"
# AWS accepts a signature for five minutes: "Signature Version 4 signing process", request elements.
MAX_SKEW = timedelta(minutes=5)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,]+)/(?P<day>\d{8})/(?P<region>[^/,]+)/(?P<service>[^/,]+)/"
    r"aws4_request, ?SignedHeaders=(?P<headers>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


def access_key_of(request: Request) -> str | None:
    """Return the access key that a request names; None if it names none."""
    match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    return match["key"] if match else None


def refusal(
    request: Request, access_key: str | None, secret_key: str, now: datetime, service: str = SERVICE
) -> Refusal | None:
    """Return why AWS would refuse this request unread, or None. ``now`` is timezone-aware.

    Without an ``access_key``, any key is accepted. Its secret is unknown, so the signature itself is not
    checked.
    """
    authorization = request.headers.get("authorization")
    if authorization is None:
        return Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is None:
        return Refusal("InvalidSignatureException", "The Authorization header is not of Signature Version 4.")
    if access_key is None:
        wrong = _wrong_around(request, match, now, service)
        return Refusal("InvalidSignatureException", wrong) if wrong else None
    if match["key"] != access_key:
        return Refusal(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    wrong = _wrong_around(request, match, now, service) or _wrong_itself(request, match, secret_key, service)
    return Refusal("InvalidSignatureException", wrong) if wrong else None


def _wrong_around(request: Request, match: re.Match[str], now: datetime, service: str) -> str | None:
    """Return what is wrong around the signature, or None."""
    if match["service"] != service:
        return f"Credential should be scoped to correct service: '{service}'."
    stamp = request.headers.get("x-amz-date", "")
    if not _is_recent(stamp, now) or not stamp.startswith(match["day"]):
        return f"Signature expired: {MAX_SKEW} is the most that X-Amz-Date may differ."
    declared = request.headers.get("x-amz-content-sha256")
    if declared is not None and declared != sha256(request.body).hexdigest():
        return "The value of X-Amz-Content-SHA256 does not match the body."
    return None


def _wrong_itself(request: Request, match: re.Match[str], secret_key: str, service: str) -> str | None:
    stamp = request.headers.get("x-amz-date", "")
    if not hmac.compare_digest(_signature(request, match, stamp, secret_key, service), match["signature"]):
        return "The request signature we calculated does not match the signature you provided."
    return None


def _is_recent(stamp: str, now: datetime) -> bool:
    try:
        signed_at = datetime.strptime(stamp, SIGV4_TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(now - signed_at) <= MAX_SKEW


def _signature(request: Request, match: re.Match[str], stamp: str, secret_key: str, service: str) -> str:
    """Return the signature that botocore would make, over the headers that the request says it signed."""
    names = match["headers"].split(";")
    signed = AWSRequest(
        method=request.method,
        # The URL has no real host, because a host header that was not signed must not be added.
        url=f"http://unsigned{request.target}",
        headers={name: request.headers.get(name, "") for name in names},
        data=request.body,
    )
    signed.context["timestamp"] = stamp
    signer = SigV4Auth(Credentials(match["key"], secret_key), service, match["region"])
    text = signer.string_to_sign(signed, signer.canonical_request(signed))
    signature: str = signer.signature(text, signed)
    return signature
