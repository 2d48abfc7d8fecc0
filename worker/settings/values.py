"""The kinds of values that several keys share, and what a section is."""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Struct

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
Column: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[^\x00-\x1f\x7f]{1,256}$",
        extra={"must": "a name of 1 to 256 characters without control characters"},
    ),
]
FilePath: TypeAlias = Annotated[str, Meta(min_length=1, extra={"must": "the path of a file"})]
MessageName: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$",
        extra={"must": "the full name of a message, such as shop.Event"},
    ),
]
# Those of Kinesis: a name, or a stream's whole ARN where it belongs to another account.
Stream: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^(arn:aws[a-z-]*:kinesis:[a-z0-9-]+:\d{12}:stream/)?[A-Za-z0-9_.-]{1,128}$",
        extra={"must": "a stream's name (letters, digits, . _ -) or its ARN"},
    ),
]
Quote: TypeAlias = Annotated[
    str,
    Meta(pattern=r"^[^\sA-Za-z0-9\x00-\x1f\x7f]$", extra={"must": "one character, and no letter or digit"}),
]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=300)]
ClientValue: TypeAlias = str | int | float | bool
NamedClientValue: TypeAlias = Annotated[
    ClientValue, Meta(extra={"must": "text, a number or true/false, under the setting's whole dotted name"})
]

# A name or an address, an IPv6 address in brackets. What a port may be at most, worker.config.rules says.
NAME: Final = r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?"
HOST: Final = rf"({NAME}|\[[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?\])"
HOST_PORT: Final = rf"{HOST}:[0-9]{{1,5}}"

# No user, password or query in it: the address is logged.
HttpAddress: TypeAlias = Annotated[
    str,
    Meta(
        pattern=rf"^https?://{HOST}(:[0-9]{{1,5}})?(/[^\s@?#]*)?$",
        extra={"must": "an address such as https://host:port"},
    ),
]
Region: TypeAlias = Annotated[
    str,
    Meta(pattern=r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$", extra={"must": "a region's name, such as eu-west-1"}),
]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One section of the tree."""
