"""Where records come from, and how they become interactions."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from worker.settings.values import HOST_PORT, NamedClientValue, PlaceholderId, Seconds, Section, Topic


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
    ] = field(default_factory=dict)

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
        Meta(description="Where an event's fields stand (docs/mapping.md); empty: as PutEvents names them."),
    ] = field(default_factory=dict)
    placeholder_ids: Annotated[
        tuple[PlaceholderId, ...],
        Meta(description="Ids that stand for nobody, besides the built-in ones, such as guest."),
    ] = ()
    builtin_placeholder_ids: Annotated[
        bool,
        Meta(description="Take null, undefined, None, the all-zero UUID and their like for nobody's id."),
    ] = True
