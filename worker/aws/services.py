"""The AWS services that the worker calls, and the words of the configuration for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping


class Service(Struct, frozen=True, kw_only=True):
    """One service, as boto3 and the configuration know it."""

    name: str
    """boto3's name of it."""
    title: str
    """Its name for people."""
    listed_as: str
    """Its name in the SDK's list of regions."""
    operation: str
    """The method of boto3's client that builds a sample call, to see where calls go."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    contents: str
    """What a call holds that nobody in between should read."""
    region_key: str
    endpoint_key: str
    plain_http_key: str


PERSONALIZE_EVENTS: Final = Service(
    name="personalize-events",
    title="Personalize",
    # The list of regions has the service under its signing name.
    listed_as="personalize",
    operation="put_events",
    arguments={"trackingId": "-", "sessionId": "-", "eventList": [{"eventType": "-", "sentAt": 0}]},
    contents="ids, properties and signatures",
    region_key="personalize.region",
    endpoint_key="personalize.endpoint_url",
    plain_http_key="personalize.plain_http",
)
KINESIS: Final = Service(
    name="kinesis",
    title="Kinesis",
    listed_as="kinesis",
    operation="list_streams",
    contents="records and signatures",
    region_key="kinesis.region",
    endpoint_key="kinesis.endpoint_url",
    plain_http_key="kinesis.plain_http",
)
DYNAMODB: Final = Service(
    name="dynamodb",
    title="DynamoDB",
    listed_as="dynamodb",
    operation="list_tables",
    contents="leases and signatures",
    region_key="kinesis.region",
    endpoint_key="kinesis.dynamodb_endpoint_url",
    plain_http_key="kinesis.plain_http",
)
SERVICES: Final = {each.name: each for each in (PERSONALIZE_EVENTS, KINESIS, DYNAMODB)}


class Wanted(Struct, frozen=True):
    """A service that is to be called, as configured."""

    service: Service
    region: str | None = None
    """None: as configured for the AWS SDK."""
    endpoint_url: str | None = None
    plain_http: bool = False
    """Whether an http endpoint may be on another machine."""
