"""The one table of what Kinesis answers when it does not do what it was asked.

The code decides, and for codes that are not in the table the status. Which calls give which code: the service
model of ``kinesis`` 2013-12-02, and AWS, "Common Error Types".
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from worker.aws.json_client import ANSWER_TOO_LONG, AwsFault
from worker.core.flow_control.advice import advise_keys, advise_unreached
from worker.core.model.error_codes import CREDENTIAL_CODES

if TYPE_CHECKING:
    from collections.abc import Mapping


class FaultKind(Enum):
    """What a fault means to whoever made the call."""

    THROTTLED = auto()
    """Too fast for the shard, the stream or the key: the same call, later."""
    PASSING = auto()
    """Nobody has to act: the same call, later. It may have been done."""
    EXPIRED_ITERATOR = auto()
    """The iterator is too old: get another from where reading had come."""
    TOO_LONG = auto()
    """The answer is longer than is read of one: ask for fewer records."""
    HOLD = auto()
    """Somebody has to act, as ``advice`` says; the same call, now and then, until it is done."""
    MALFORMED = auto()
    """Kinesis does not take the request: a sequence number of another shard or stream, above all.

    Nobody may begin somewhere else instead, because records would be lost or delivered again.
    """


class StreamFault(Struct, frozen=True):
    """Why a call of a stream was not done. A value: it is returned and never raised."""

    kind: FaultKind
    code: str
    """One word, fit for a log."""
    advice: str = ""
    """What a person can do."""
    status: int = 0
    """The HTTP status; 0 if no answer came."""
    retry_after_seconds: float | None = None
    """How long the service asks us to wait, if it does."""


NOT_THE_API: Final = StreamFault(
    FaultKind.PASSING,
    "NotTheApi",
    "what answers is not Kinesis (a captive portal, a proxy's page): check kinesis.endpoint_url and proxy",
)
"""A success that does not say what this call's success says."""
NO_ITERATOR: Final = StreamFault(
    FaultKind.PASSING,
    "NoIterator",
    "of an open shard there is always an iterator, so what answers may not be Kinesis: check "
    "kinesis.endpoint_url and proxy",
)
"""A success without an iterator: a closed shard has nothing more then."""

_ROLE: Final = (
    "allow kinesis:ListShards, DescribeStreamSummary, GetShardIterator and GetRecords on the stream to the "
    "worker's role"
)
_DECRYPT: Final = "allow kms:Decrypt on the stream's key to the worker's role"
_KEY: Final = "enable the KMS key with which the stream is encrypted, or restore it"
_GONE: Final = (
    "there is no such stream in this account and region, or the shard's records are older than the stream "
    "keeps them: check kinesis.streams and kinesis.region; for a stream made anew, start with another "
    "kinesis.application_name"
)
_ANOTHER: Final = (
    "the checkpoint in the lease table is of another shard or stream, or the stream was made anew: nothing "
    "is read before the lease's row is corrected or deleted, or another kinesis.application_name is set"
)
_OF_OTHERS: Final = (
    "a shard gives five reads and two MiB a second to all its consumers together: another program reads the "
    "stream too, or records come faster than one consumer may read; reads are repeated"
)
_SLOW: Final = "find out what is slow, the API or a proxy in front of it"
_CLOCK: Final = "set the clock right"
_ACCOUNT: Final = "enable Kinesis and KMS for the account and the region"
_ENDPOINT: Final = "the endpoint is not that of Kinesis: check kinesis.endpoint_url"

_TABLE: Final[Mapping[str, tuple[FaultKind, str]]] = {
    "ProvisionedThroughputExceededException": (FaultKind.THROTTLED, _OF_OTHERS),
    "LimitExceededException": (FaultKind.THROTTLED, _OF_OTHERS),
    "KMSThrottlingException": (FaultKind.THROTTLED, "KMS is asked too often: ask AWS for more of its quota"),
    "RequestLimitExceeded": (FaultKind.THROTTLED, _OF_OTHERS),
    "SlowDown": (FaultKind.THROTTLED, _OF_OTHERS),
    "Throttling": (FaultKind.THROTTLED, _OF_OTHERS),
    "ThrottlingException": (FaultKind.THROTTLED, _OF_OTHERS),
    "ThrottledException": (FaultKind.THROTTLED, _OF_OTHERS),
    "TooManyRequestsException": (FaultKind.THROTTLED, _OF_OTHERS),
    "ExpiredIteratorException": (FaultKind.EXPIRED_ITERATOR, ""),
    "ExpiredNextTokenException": (FaultKind.PASSING, "the shards are listed again from the beginning"),
    "AnswerTimeout": (FaultKind.PASSING, f"it was reached, but did not answer in time: {_SLOW}"),
    "ConnectTimeout": (FaultKind.PASSING, "no connection in time: check endpoint, proxy, routes, firewalls"),
    "InternalError": (FaultKind.PASSING, ""),
    "InternalFailure": (FaultKind.PASSING, ""),
    "InternalFailureException": (FaultKind.PASSING, ""),
    "InternalServerError": (FaultKind.PASSING, ""),
    "RequestTimeout": (FaultKind.PASSING, ""),
    "RequestTimeoutException": (FaultKind.PASSING, ""),
    # The stream is being created, or its shards are being split or merged.
    "ResourceInUseException": (FaultKind.PASSING, "the stream is being changed: calls are repeated"),
    "ServiceUnavailable": (FaultKind.PASSING, ""),
    "ServiceUnavailableException": (FaultKind.PASSING, ""),
    ANSWER_TOO_LONG: (FaultKind.TOO_LONG, "fewer records are asked for"),
    "AccessDenied": (FaultKind.HOLD, _ROLE),
    "AccessDeniedException": (FaultKind.HOLD, _ROLE),
    "KMSAccessDeniedException": (FaultKind.HOLD, _DECRYPT),
    "KMSDisabledException": (FaultKind.HOLD, _KEY),
    "KMSInvalidStateException": (FaultKind.HOLD, _KEY),
    "KMSNotFoundException": (FaultKind.HOLD, _KEY),
    "KMSOptInRequired": (FaultKind.HOLD, _ACCOUNT),
    "MissingAuthenticationToken": (FaultKind.HOLD, _ENDPOINT),
    "MissingAuthenticationTokenException": (FaultKind.HOLD, _ENDPOINT),
    "NotAuthorized": (FaultKind.HOLD, _ROLE),
    "OptInRequired": (FaultKind.HOLD, _ACCOUNT),
    "RequestExpired": (FaultKind.HOLD, _CLOCK),
    "RequestTimeTooSkewed": (FaultKind.HOLD, _CLOCK),
    "ResourceNotFoundException": (FaultKind.HOLD, _GONE),
    "SubscriptionRequiredException": (FaultKind.HOLD, _ACCOUNT),
    "UnauthorizedOperation": (FaultKind.HOLD, _ROLE),
    "UnknownOperationException": (FaultKind.HOLD, _ENDPOINT),
    "InvalidArgumentException": (FaultKind.MALFORMED, _ANOTHER),
    "SerializationException": (FaultKind.MALFORMED, _ENDPOINT),
    "ValidationException": (FaultKind.MALFORMED, _ANOTHER),
}
_OF_STATUS: Final[Mapping[int, FaultKind]] = {
    # No answer came at all, for a reason that is one of the transport's.
    0: FaultKind.PASSING,
    401: FaultKind.HOLD,
    403: FaultKind.HOLD,
    404: FaultKind.HOLD,
    405: FaultKind.HOLD,
    407: FaultKind.HOLD,
    408: FaultKind.PASSING,
    425: FaultKind.PASSING,
    429: FaultKind.THROTTLED,
    509: FaultKind.THROTTLED,
}
_OF_HUNDRED: Final[Mapping[int, FaultKind]] = {3: FaultKind.HOLD, 4: FaultKind.MALFORMED}
# Ours, for keys that there are none of, or that can't be any.
_OF_KEYS: Final = CREDENTIAL_CODES | {"CredentialsMalformed", "CredentialsUnavailable"}


def kind_of(code: str, status: int) -> FaultKind:
    """Classify an error by its code, and by its status if the code is not known."""
    if code in _TABLE:
        return _TABLE[code][0]
    if code in _OF_KEYS:
        return FaultKind.HOLD
    return _OF_STATUS.get(status) or _OF_HUNDRED.get(status // 100, FaultKind.PASSING)


def stream_fault(fault: AwsFault) -> StreamFault:
    """Say what a fault means for a stream, and what a person can do."""
    kind = kind_of(fault.code, fault.status)
    return StreamFault(kind, fault.code, _advice(fault.code, kind), fault.status, fault.retry_after_seconds)


def _advice(code: str, kind: FaultKind) -> str:
    if advice := _TABLE.get(code, (kind, ""))[1]:
        return advice
    return advise_keys(code) if code in _OF_KEYS else _advice_by_kind(code, kind)


def _advice_by_kind(code: str, kind: FaultKind) -> str:
    match kind:
        case FaultKind.HOLD:
            return "check role, keys, region and endpoint with `personalize-worker check`"
        case FaultKind.MALFORMED:
            return _ENDPOINT
        case FaultKind.THROTTLED:
            return _OF_OTHERS
        case FaultKind.PASSING:
            return advise_unreached(code)
        case FaultKind.EXPIRED_ITERATOR | FaultKind.TOO_LONG:
            return "calls are repeated from where reading had come"
