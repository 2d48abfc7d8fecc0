"""The Kinesis streams that records come from."""

from typing import Annotated, Literal

from msgspec import Meta

from worker.settings.values import HttpAddress, Region, Section, Stream


class KinesisSettings(Section, frozen=True, kw_only=True):
    """Where the records come from, with source: kinesis."""

    streams: Annotated[tuple[Stream, ...], Meta(description="The streams to read, by name or by ARN.")] = ()
    application_name: Annotated[
        str,
        Meta(
            description="The name of the lease table in DynamoDB, as with the KCL; pods of one table share "
            "the shards and the quota.",
            pattern=r"^[A-Za-z0-9_.-]{3,255}$",
            extra={"must": "a DynamoDB table's name: 3 to 255 letters, digits, . _ -"},
        ),
    ] = "personalize-worker"
    region: Annotated[
        Region | None,
        Meta(description="The AWS region of streams and table; null: as boto3 finds it."),
    ] = None
    endpoint_url: Annotated[
        HttpAddress | None,
        Meta(description="Another address for Kinesis, such as a VPC endpoint; null: as boto3 finds it."),
    ] = None
    dynamodb_endpoint_url: Annotated[
        HttpAddress | None,
        Meta(description="Another address for DynamoDB; null: as boto3 finds it."),
    ] = None
    plain_http: Annotated[
        bool,
        Meta(description="Let http:// endpoints be on another machine: all that is read is readable."),
    ] = False
    create_table: Annotated[
        bool, Meta(description="Make the lease table at start where it is missing, billed on demand.")
    ] = False
    start: Annotated[
        Literal["trim_horizon", "latest", "at_timestamp"],
        Meta(
            description="Where a shard without a lease begins: at its oldest record, with those that come, "
            "or at start_at."
        ),
    ] = "trim_horizon"
    start_at: Annotated[
        Annotated[
            str,
            Meta(
                pattern=r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$",
                extra={"must": "a time with its zone, such as 2026-11-01T00:00:00Z"},
            ),
        ]
        | None,
        Meta(description="The time of start: at_timestamp."),
    ] = None
    failover_seconds: Annotated[
        float,
        Meta(
            description="After so long without a renewal a lease is anybody's; the same for all pods.",
            ge=3,
            le=300,
        ),
    ] = 10.0
    revoke_seconds: Annotated[
        float,
        # The KCL gives up the graceful hand-over of a lease after 30 seconds.
        Meta(description="How long shards that are handed over may go on delivering.", gt=0, le=25),
    ] = 10.0
