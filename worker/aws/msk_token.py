"""The token with which a client logs in to Amazon MSK by its IAM identity: a presigned URL, in base64.

It is never requested by anybody: the broker reads who signed it and when, and asks IAM what that identity may
do. It does what aws-msk-iam-sasl-signer-python does, without boto3 in this process and without reading a file
for each token; the tests compare it with that library's tokens.
Source: AWS, "Authenticating requests: using query parameters".
"""

from __future__ import annotations

import hmac
import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from worker.aws.signing import signing_key

if TYPE_CHECKING:
    from worker.aws.signing import Keys

LIFE_SECONDS: Final = 900
"""How long a token can be used to log in. What is logged in stays so for as long as the keys are valid."""

_SERVICE: Final = "kafka-cluster"
_ACTION: Final = "kafka-cluster:Connect"
_EMPTY_BODY: Final = sha256(b"").hexdigest()


def msk_token(keys: Keys, region: str, epoch_seconds: float, user_agent: str) -> str:
    """Return a token that these keys sign for the clusters of a region.

    Args:
        keys: of the identity that logs in.
        region: the cluster's.
        epoch_seconds: now, whole seconds of which count; the token is good from then on.
        user_agent: shown in the account's CloudTrail. It is not signed.
    """
    host = f"kafka.{region}.amazonaws.com"
    instant = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(epoch_seconds))
    scope = f"{instant[:8]}/{region}/{_SERVICE}/aws4_request"
    # In the order of their names, as they are signed.
    parameters = {
        "Action": _ACTION,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{keys.access_key}/{scope}",
        "X-Amz-Date": instant,
        "X-Amz-Expires": str(LIFE_SECONDS),
        **({} if keys.token is None else {"X-Amz-Security-Token": keys.token}),
        "X-Amz-SignedHeaders": "host",
    }
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    request = f"GET\n/\n{query}\nhost:{host}\n\nhost\n{_EMPTY_BODY}"
    digest = sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{instant}\n{scope}\n{digest}"
    signature = hmac.new(signing_key(keys.secret_key, scope), text.encode(), sha256).hexdigest()
    url = f"https://{host}/?{query}&X-Amz-Signature={signature}&User-Agent={quote(user_agent, safe='')}"
    return urlsafe_b64encode(url.encode()).rstrip(b"=").decode()
