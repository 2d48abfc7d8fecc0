"""botocore's own opinion of a signature."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.aws.signing import Keys

REGION = "eu-west-1"
_AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=[0-9a-f]{64}")


def authorization(
    url: str, headers: Mapping[str, str], body: bytes, keys: Keys, service: str = "personalize"
) -> str:
    """Sign again what the headers of a POST say was signed, at their time; give the Authorization due."""
    lower = {name.lower(): value for name, value in headers.items()}
    found = _AUTHORIZATION.fullmatch(lower["authorization"])
    assert found is not None
    signed = {name: lower[name] for name in found[2].split(";")}
    request = AWSRequest("POST", url, headers=signed, data=body)
    request.context["timestamp"] = lower["x-amz-date"]
    credentials = Credentials(keys.access_key, keys.secret_key, keys.token)
    auth: Any = SigV4Auth(credentials, service, REGION)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(text, request))  # noqa: SLF001  add_auth asks the clock
    return str(request.headers["Authorization"])
