"""The configuration: one frozen tree, checked at start; each part is given only its own section.

Every key, its default, its limits and its one line of explanation stand here and nowhere else: the reader
(``worker.config``), the JSON schema and the mistakes that a user sees are derived from these types. Only
``worker.config`` builds the tree from outside; built directly, as tests do, nothing is checked.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from worker.core.operations.put_events import PUT_EVENTS

# ``extra["must"]`` completes the sentence "is text, must be ..." where a pattern alone would say nothing.
Topic: TypeAlias = Annotated[
    str,
    Meta(
        # Kafka's own rule for names; librdkafka takes what starts with ^ for a pattern.
        pattern=r"^(\^.*|(?!\.{1,2}$)[A-Za-z0-9._-]{1,249})$",
        extra={"must": "a topic's name (letters, digits, . _ -) or a pattern that starts with ^"},
    ),
]
PlaceholderId: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[^\x00-\x1f\x7f]{1,256}$",
        extra={"must": "text of 1 to 256 characters without control characters; numbers in quotes"},
    ),
]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=300)]
ClientValue: TypeAlias = str | int | float | bool
NamedClientValue: TypeAlias = Annotated[
    ClientValue, Meta(extra={"must": "text, a number or true/false, under the setting's whole dotted name"})
]

# A name or an address, an IPv6 address in brackets. What a port may be at most, worker.config.rules says.
_NAME = r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?"
_HOST = rf"({_NAME}|\[[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?\])"
_HOST_PORT = rf"{_HOST}:[0-9]{{1,5}}"


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One section of the tree."""


class KafkaSettings(Section, frozen=True, kw_only=True):
    """Where the records come from."""

    bootstrap_servers: Annotated[
        str,
        Meta(
            description="The brokers to ask first: host:port, several separated by commas.",
            # No user or password in it: the brokers are logged.
            pattern=rf"^{_HOST_PORT}( *, *{_HOST_PORT})*$",
            extra={"must": "host:port, several separated by commas"},
        ),
    ]
    topics: Annotated[
        tuple[Topic, ...],
        Meta(description="The topics to read; a name that starts with ^ is a pattern.", min_length=1),
    ]
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
    client: Annotated[
        dict[str, NamedClientValue],
        Meta(description="Any other setting of librdkafka, by its own name, such as sasl.username."),
    ] = {}

    def __repr__(self) -> str:
        """Show everything but the values of ``client``: some of them are secrets."""
        shown = ", ".join(
            f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name != "client"
        )
        return f"KafkaSettings({shown}, client={dict.fromkeys(self.client, '...')})"


class RecordSettings(Section, frozen=True, kw_only=True):
    """How a record becomes an interaction."""

    format: Annotated[Literal["json"], Meta(description="How the record's value is encoded.")] = "json"
    mapping: Annotated[
        dict[str, Any],
        Meta(
            description="Where each field of an interaction stands; empty: under the flat names of PutEvents."
        ),
    ] = {}
    placeholder_ids: Annotated[
        tuple[PlaceholderId, ...],
        Meta(description="Ids that stand for nobody, besides the built-in ones, such as guest."),
    ] = ()
    builtin_placeholder_ids: Annotated[
        bool,
        Meta(description="Take null, undefined, None, the all-zero UUID and their like for nobody's id."),
    ] = True


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
        Annotated[
            str,
            Meta(
                pattern=r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$", extra={"must": "a region's name, such as eu-west-1"}
            ),
        ]
        | None,
        Meta(description="The AWS region; null: as boto3 finds it (AWS_DEFAULT_REGION, the profile)."),
    ] = None
    endpoint_url: Annotated[
        Annotated[
            str,
            # No user, password or query in it: the address is logged.
            Meta(
                pattern=rf"^https?://{_HOST}(:[0-9]{{1,5}})?(/[^\s@?#]*)?$",
                extra={"must": "an address such as https://host:port"},
            ),
        ]
        | None,
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
            description="The topic for records that can't be delivered, in the same Kafka.",
            pattern=r"^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$",
            extra={
                "must": "the name (letters, digits, . _ -) of a topic that is there, made for example by: "
                "kafka-topics.sh --bootstrap-server HOST:9092 --create --topic interactions.dead-letters "
                "--partitions 8 --replication-factor 3"
            },
        ),
    ]
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


class LimitSettings(Section, frozen=True, kw_only=True):
    """How much may be held in memory, over which partitions are paused; how old a record may be."""

    max_unsettled_records: Annotated[
        int,
        Meta(description="Records received and not yet settled.", ge=10, le=10_000_000),
    ] = 100_000
    max_unsettled_bytes: Annotated[
        int,
        Meta(description="Bytes of memory that they take, estimated.", ge=1 << 20, le=1 << 40),
    ] = 128 << 20
    max_age_seconds: Annotated[
        Annotated[float, Meta(gt=0, le=1_000_000_000)] | None,
        Meta(description="A record older than this, by its timestamp, is not sent; null: however old."),
    ] = None
    when_too_old: Annotated[
        Literal["dead_letter", "skip"],
        Meta(description="What becomes of a record that is too old to be sent."),
    ] = "dead_letter"


class ShutdownSettings(Section, frozen=True, kw_only=True):
    """How the worker ends."""

    drain_seconds: Annotated[
        float,
        Meta(
            description="How long SIGTERM leaves to deliver what was received; below the pod's grace period.",
            ge=0,
            le=3600,
        ),
    ] = 20.0


class AdminSettings(Section, frozen=True, kw_only=True):
    """Where /live, /ready and /metrics are served."""

    host: Annotated[
        Annotated[
            str,
            Meta(
                pattern=rf"^(?![0-9]+$)({_NAME}|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?)$",
                extra={"must": "a host's name, or an address such as 127.0.0.1 or ::1"},
            ),
        ]
        | None,
        # Probes and Prometheus come from outside the pod.
        Meta(description="The address to listen on; null: all that there are, IPv4 and IPv6."),
    ] = None
    port: Annotated[int, Meta(description="The port to listen on; 0: any free one.", ge=0, le=65_535)] = 9090


class LogSettings(Section, frozen=True, kw_only=True):
    """What is logged, and how."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least important level that is shown."),
    ] = "info"
    format: Annotated[
        Literal["json", "console", "auto"],
        Meta(description="JSON lines, or lines for people; auto: console on a terminal, else json."),
    ] = "auto"


class Settings(Section, frozen=True, kw_only=True):
    """The configuration of the Personalize worker."""

    kafka: KafkaSettings
    record: RecordSettings = RecordSettings()
    personalize: PersonalizeSettings
    batching: BatchingSettings = BatchingSettings()
    retry: RetrySettings = RetrySettings()
    dead_letters: DeadLetterSettings
    limits: LimitSettings = LimitSettings()
    shutdown: ShutdownSettings = ShutdownSettings()
    admin: AdminSettings = AdminSettings()
    log: LogSettings = LogSettings()
