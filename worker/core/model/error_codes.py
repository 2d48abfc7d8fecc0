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


class _AnswerClass(Enum):
    THROTTLED = auto()
    TRANSIENT = auto()
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
    _AnswerClass.THROTTLED: {
        "BandwidthLimitExceeded", "EC2ThrottledException", "LimitExceededException",
        "PriorRequestNotComplete", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
        "RequestThrottled", "RequestThrottledException", "SlowDown", "ThrottledException", "Throttling",
        "ThrottlingException", "TooManyRequestsException", "TransactionInProgressException",
    },
    _AnswerClass.TRANSIENT: {
        "InternalError", "InternalFailure", "InternalServerError", "InternalServerException",
        "RequestTimeout", "RequestTimeoutException", "ResourceInUseException", "ServiceUnavailable",
        "ServiceUnavailableException",
    },
    _AnswerClass.REFUSED: {
        "InvalidInputException", "MalformedInput", "RequestEntityTooLarge", "RequestEntityTooLargeException",
        "SerializationException", "ValidationError", "ValidationException",
    },
    _AnswerClass.MISCONFIGURED: CREDENTIAL_CODES | {
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
    401: _AnswerClass.MISCONFIGURED,
    403: _AnswerClass.MISCONFIGURED,
    404: _AnswerClass.MISCONFIGURED,
    # Nothing at this address accepts a POST, or a proxy wants a login: not the content's fault.
    405: _AnswerClass.MISCONFIGURED,
    407: _AnswerClass.MISCONFIGURED,
    408: _AnswerClass.TRANSIENT,
    413: _AnswerClass.REFUSED,
    425: _AnswerClass.TRANSIENT,
    429: _AnswerClass.THROTTLED,
    # "Bandwidth limit exceeded", which botocore counts as throttling too.
    509: _AnswerClass.THROTTLED,
}
_CLASS_OF_HUNDRED = {3: _AnswerClass.MISCONFIGURED, 4: _AnswerClass.REFUSED, 5: _AnswerClass.TRANSIENT}

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
        case _AnswerClass.THROTTLED:
            return Throttled(word, retry_after_seconds)
        case _AnswerClass.TRANSIENT:
            return TransientFault(word, retry_after_seconds)
        case _AnswerClass.REFUSED:
            return Refused(word, message)
        case _AnswerClass.MISCONFIGURED:
            return Misconfigured(word, message)


def _class_of(status: int, code: str) -> _AnswerClass:
    known = _CLASS_OF_CODE.get(code) or _CLASS_OF_STATUS.get(status)
    # This API answers with no other status (a 1xx, a 204); treating one as accepted might lose the events.
    return known or _CLASS_OF_HUNDRED.get(status // 100, _AnswerClass.TRANSIENT)
