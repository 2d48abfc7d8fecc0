"""Where events go, when, how often they are tried, and where records go that can't be delivered."""

from typing import Annotated, Literal

from msgspec import Meta

from worker.core.operations.put_events import PUT_EVENTS
from worker.settings.values import HttpAddress, Region, Seconds, Section, Stream


class PersonalizeSettings(Section, frozen=True, kw_only=True):
    """Where the events go."""

    tracking_id: Annotated[
        str,
        Meta(
            description="The id of the dataset group's event tracker.",
            pattern=r"^[!-~]{1,256}$",
            extra={"must": "text of 1 to 256 characters, without white space"},
        ),
    ]
    region: Annotated[
        Region | None,
        Meta(description="The AWS region; null: as boto3 finds it (AWS_DEFAULT_REGION, the profile)."),
    ] = None
    endpoint_url: Annotated[
        HttpAddress | None,
        Meta(description="Another address for PutEvents, such as a VPC endpoint; null: as boto3 finds it."),
    ] = None
    plain_http: Annotated[
        bool,
        Meta(description="Let an http:// endpoint be on another machine: all that is sent is readable."),
    ] = False
    requests_per_second: Annotated[
        float,
        Meta(
            description="The quota of the whole dataset group, shared by all pods of the group.",
            gt=0,
            le=100_000,
        ),
    ] = 1000.0
    max_in_flight: Annotated[int, Meta(description="Calls under way at once, per pod.", ge=1, le=10_000)] = 64
    connect_seconds: Annotated[Seconds, Meta(description="How long a connection may take to open.")] = 3.0
    answer_seconds: Annotated[Seconds, Meta(description="How long an answer may take.")] = 10.0


class BatchingSettings(Section, frozen=True, kw_only=True):
    """When a session's events go."""

    linger_seconds: Annotated[
        float,
        Meta(description="How long an event waits for others of its session; 0: not at all.", ge=0, le=300),
    ] = 1.0
    max_events: Annotated[
        int, Meta(description="Events per call; PutEvents takes 10.", ge=1, le=PUT_EVENTS.max_entries)
    ] = PUT_EVENTS.max_entries
    order: Annotated[
        Literal["oldest_first", "freshest_first"],
        Meta(description="Which of the sessions that are due goes first; within a session the oldest does."),
    ] = "oldest_first"


class RetrySettings(Section, frozen=True, kw_only=True):
    """How long to wait before a call is tried again; it is tried for ever."""

    first_wait_seconds: Annotated[
        Seconds, Meta(description="The longest first wait; each next doubles it.")
    ] = 0.2
    max_wait_seconds: Annotated[Seconds, Meta(description="The longest wait of all.")] = 20.0


class DeadLetterSettings(Section, frozen=True, kw_only=True):
    """Where records go that can't be delivered."""

    topic: Annotated[
        str,
        Meta(
            description="The topic for records that can't be delivered, in kafka.bootstrap_servers.",
            pattern=r"^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$",
            extra={
                "must": "the name (letters, digits, . _ -) of a topic that is there, made for example by: "
                "kafka-topics.sh --bootstrap-server HOST:9092 --create --topic interactions.dead-letters "
                "--partitions 8 --replication-factor 3"
            },
        ),
    ] = ""
    stream: Annotated[
        Stream | None,
        Meta(description="The Kinesis stream for them, with source: kinesis; either this or a topic."),
    ] = None
    create_topic: Annotated[bool, Meta(description="Make that topic at start, like the source topic.")] = (
        False
    )
    hold_after_refusals: Annotated[
        int,
        Meta(
            description="So many refused events in a row, none accepted between, hold the worker.",
            ge=1,
            le=10_000,
        ),
    ] = 20
    hold_after_unmappable: Annotated[
        Annotated[int, Meta(ge=1, le=10_000_000)] | None,
        Meta(description="So many records of a topic in a row that can't be mapped are a hold; null: never."),
    ] = 100

    @property
    def place(self) -> str:
        """The name of the topic, or of the stream."""
        return (self.stream or "").rpartition("/")[2] or self.topic
