"""What is kept of an HTTP answer: all that any of the worker's clients reads."""

from __future__ import annotations

from msgspec import Struct


class Reply(Struct, frozen=True):
    """The relevant parts of an answer."""

    status: int
    error_type: str = ""
    """The header ``x-amzn-errortype``."""
    retry_after: str = ""
    """The header ``Retry-After``: seconds or an HTTP date."""
    amz_retry_after: str = ""
    """The header ``x-amz-retry-after``: milliseconds."""
    body: bytes = b""
    """Only the beginning, if it is long."""
    request_id: str = ""
    """The header ``x-amzn-requestid``: AWS sends it, and so do stand-ins for AWS."""
