"""The one table that classifies the API's answers.

The error code decides first, the status second, because Personalize answers throttling with a 400. A code
that the table does not contain is a transient fault if the server says that it is at fault, and refused if it
says that we are. The pipeline turns a streak of refusals into a hold, so a code that is missing here costs no
topic.

Sources: botocore's ``retries/standard.py`` and ``data/_retry.json`` (throttling), AWS "Common Error Types"
(signature, credentials, permission), the service model of ``personalize-events`` 2018-03-22 (InvalidInput).
"""

from __future__ import annotations

import re
from enum import Enum, auto

from worker.core.model.outcomes import Accepted, Answer, Misconfigured, Refused, Throttled, TransientFault


class _Class(Enum):
    THROTTLED = auto()
    PASSING = auto()
    REFUSED = auto()
    MISCONFIGURED = auto()


# Errors that reloading the credentials may fix. "NoCredentials" is our own word: the call could not be
# signed.
CREDENTIAL_CODES = frozenset({
    "AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature",
    "IncompleteSignatureException", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException",
    "InvalidToken", "NoCredentials", "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClientException",
})  # fmt: skip

_CODES = {
    _Class.THROTTLED: {
        "BandwidthLimitExceeded", "EC2ThrottledException", "LimitExceededException",
        "PriorRequestNotComplete", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
        "RequestThrottled", "RequestThrottledException", "SlowDown", "ThrottledException", "Throttling",
        "ThrottlingException", "TooManyRequestsException", "TransactionInProgressException",
    },
    _Class.PASSING: {
        "InternalError", "InternalFailure", "InternalServerError", "InternalServerException",
        "RequestTimeout", "RequestTimeoutException", "ResourceInUseException", "ServiceUnavailable",
        "ServiceUnavailableException",
    },
    _Class.REFUSED: {
        "InvalidInputException", "MalformedInput", "RequestEntityTooLarge", "RequestEntityTooLargeException",
        "SerializationException", "ValidationError", "ValidationException",
    },
    _Class.MISCONFIGURED: CREDENTIAL_CODES | {
        "MissingAuthenticationToken", "MissingAuthenticationTokenException", "NotAuthorized", "OptInRequired",
        # The worker's clock is off by more than five minutes from the API's.
        "RequestTimeTooSkewed",
        "ResourceNotFound", "ResourceNotFoundException", "ServiceQuotaExceededException",
        "SubscriptionRequiredException", "UnauthorizedOperation", "UnknownOperationException",
    },
}  # fmt: skip
_CLASS_OF_CODE = {code: each for each, codes in _CODES.items() for code in codes}
# The known codes, which can therefore label a metric.
ERROR_CODES = frozenset(_CLASS_OF_CODE)

_CLASS_OF_STATUS = {
    401: _Class.MISCONFIGURED,
    403: _Class.MISCONFIGURED,
    404: _Class.MISCONFIGURED,
    # Nothing at this address accepts a POST, or a proxy wants a login: not the content's fault.
    405: _Class.MISCONFIGURED,
    407: _Class.MISCONFIGURED,
    408: _Class.PASSING,
    413: _Class.REFUSED,
    425: _Class.PASSING,
    429: _Class.THROTTLED,
    # "Bandwidth limit exceeded", which botocore counts as throttling too.
    509: _Class.THROTTLED,
}
_CLASS_OF_HUNDRED = {3: _Class.MISCONFIGURED, 4: _Class.REFUSED, 5: _Class.PASSING}

_OK = 200
# A code becomes a log key and a metric's label, and the server chooses it.
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}")


def classify(
    status: int, code: str = "", message: str = "", retry_after_seconds: float | None = None
) -> Answer:
    """Classify an answer; only a 200 without a code is accepted.

    Args:
        status: the HTTP status.
        code: the error code as the API wrote it, without namespace; empty if there was none.
        message: the API's message; it may hold user data.
        retry_after_seconds: how long the API asks us to wait, if it does.
    """
    if status == _OK and not code:
        return Accepted()
    word = code if _WORD.fullmatch(code) else f"Http{status}"
    match _class_of(status, code):
        case _Class.THROTTLED:
            return Throttled(word, retry_after_seconds)
        case _Class.PASSING:
            return TransientFault(word, retry_after_seconds)
        case _Class.REFUSED:
            return Refused(word, message)
        case _Class.MISCONFIGURED:
            return Misconfigured(word, message)


def _class_of(status: int, code: str) -> _Class:
    known = _CLASS_OF_CODE.get(code) or _CLASS_OF_STATUS.get(status)
    # This API answers with no other status (a 1xx, a 204); treating one as accepted might lose the events.
    return known or _CLASS_OF_HUNDRED.get(status // 100, _Class.PASSING)
