"""Calls to build tests from: a valid one, and clients that send it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_personalize_events import PersonalizeEventsClient

LOCAL = "local"


def event(**changes: object) -> dict[str, Any]:
    """A valid event; a member set to None is left out."""
    fields = {"eventId": "e-1", "eventType": "view", "sentAt": 1_700_000_000, "itemId": "i-1"} | changes
    return {name: value for name, value in fields.items() if value is not None}


def call(*events: dict[str, Any], **changes: object) -> dict[str, Any]:
    """A valid call; a member set to None is left out."""
    fields = {
        "trackingId": "t-1",
        "sessionId": "s-1",
        "userId": "u-1",
        "eventList": list(events or [event()]),
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def client(url: str, access_key: str = LOCAL, secret_key: str = LOCAL) -> PersonalizeEventsClient:
    """The boto3 client, without checks and retries of its own."""
    return boto3.client(
        "personalize-events",
        region_name="eu-west-1",
        endpoint_url=url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(
            parameter_validation=False,
            retries={"total_max_attempts": 1},
            read_timeout=5,
            connect_timeout=5,
        ),
    )
