"""Where records come from, and how they become interactions."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, field

from worker.settings.values import (
    HOST_PORT,
    Column,
    FilePath,
    MessageName,
    NamedClientValue,
    PlaceholderId,
    Quote,
    Region,
    Seconds,
    Section,
    Topic,
)

# One file each in worker/presets; named here for the schema, so that an editor offers them.
PRESETS: Final = (
    "adobe_xdm",
    "amplitude",
    "cloudevents",
    "debezium",
    "eventbridge",
    "ga4",
    "mixpanel",
    "movielens",
    "mparticle",
    "outbox",
    "personalize_connector",
    "posthog",
    "put_events",
    "put_events_pascal",
    "retail_demo_store",
    "rudderstack",
    "segment",
    "snowplow",
    "snowplow_tsv",
    "sns",
)


class KafkaSettings(Section, frozen=True, kw_only=True):
    """Where the records come from."""

    bootstrap_servers: Annotated[
        str,
        Meta(
            description="The brokers to ask first: host:port, several separated by commas.",
            # No user or password in it: the brokers are logged.
            pattern=rf"^{HOST_PORT}( *, *{HOST_PORT})*$",
            extra={"must": "host:port, several separated by commas"},
        ),
    ] = ""
    topics: Annotated[
        tuple[Topic, ...],
        Meta(description="The topics to read; a name that starts with ^ is a pattern.", min_length=1),
    ] = ()
    group_id: Annotated[
        str,
        Meta(
            description="The consumer group; pods of one group share the partitions and the quota.",
            min_length=1,
            max_length=249,
            pattern=r"^\S(.*\S)?$",
            extra={"must": "text of 1 to 249 characters, without white space at its ends"},
        ),
    ] = "personalize-worker"
    start: Annotated[
        Literal["earliest", "latest"],
        Meta(
            description="Where a new group begins: at the earliest record there is, or with those that come."
        ),
    ] = "earliest"
    commit_seconds: Annotated[
        Seconds, Meta(description="How often the offsets of settled records are committed.")
    ] = 5.0
    revoke_seconds: Annotated[
        float,
        Meta(
            # librdkafka calls a member lost after max.poll.interval.ms, 300 s unless configured.
            description="How long partitions that are taken away may go on delivering.",
            gt=0,
            le=240,
        ),
    ] = 10.0
    authentication: Annotated[
        Literal["client", "aws_msk_iam"],
        Meta(
            description="How to log in: client, as kafka.client says; aws_msk_iam, to Amazon MSK by AWS role."
        ),
    ] = "client"
    region: Annotated[
        Region | None,
        Meta(description="The MSK cluster's region, for aws_msk_iam; null: as the brokers' names tell."),
    ] = None
    client: Annotated[
        dict[str, NamedClientValue],
        Meta(description="Any other setting of librdkafka, by its own name, such as sasl.username."),
    ] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Show everything but the values of ``client``: some of them are secrets."""
        shown = ", ".join(
            f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name != "client"
        )
        return f"KafkaSettings({shown}, client={dict.fromkeys(self.client, '...')})"


class RecordSettings(Section, frozen=True, kw_only=True):
    """How a record becomes an interaction."""

    format: Annotated[
        Literal["json", "json_schema", "avro", "protobuf", "msgpack", "csv", "tsv"],
        Meta(description="How the record's value is encoded."),
    ] = "json"
    schema_file: Annotated[
        FilePath | None,
        Meta(description="The schema of all records, for avro (.avsc) or protobuf (a set of descriptors)."),
    ] = None
    message: Annotated[
        MessageName | None,
        Meta(description="The full name of the message in schema_file, of protobuf, such as shop.Event."),
    ] = None
    columns: Annotated[
        tuple[Column, ...],
        Meta(description="The names of the cells of a line, of csv and tsv, in their order."),
    ] = ()
    delimiter: Annotated[
        str,
        Meta(
            description="What stands between the cells of a csv.",
            pattern=r'^[^\s"\x00-\x1f\x7f]$|^\t$',
            extra={"must": "one character"},
        ),
    ] = ","
    quote: Annotated[
        Quote | None,
        Meta(description="What may stand around the cells of a csv; null: quotes mean nothing."),
    ] = '"'
    encoding: Annotated[
        Literal["utf-8", "utf-16", "iso-8859-1", "windows-1252"],
        Meta(description="How the text of csv and tsv is encoded."),
    ] = "utf-8"
    mapping: Annotated[
        dict[str, Any],
        Meta(
            description="Where an event's fields stand (docs/mapping.md); empty: as PutEvents names them.",
            extra_json_schema={"properties": {"preset": {"enum": list(PRESETS)}}},
        ),
    ] = field(default_factory=dict)
    placeholder_ids: Annotated[
        tuple[PlaceholderId, ...],
        Meta(description="Ids that stand for nobody, besides the built-in ones, such as guest."),
    ] = ()
    builtin_placeholder_ids: Annotated[
        bool,
        Meta(description="Take null, undefined, None, the all-zero UUID and their like for nobody's id."),
    ] = True
