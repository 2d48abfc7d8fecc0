"""Which schema registry is asked, and how."""

from typing import Annotated

from msgspec import Meta

from worker.settings.values import HOST, Seconds, Section

_Path = Annotated[str, Meta(min_length=1, extra={"must": "the path of a file"})]
# What HTTP's basic login can hold, and what a header can.
_Login = Annotated[
    str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,1024}$", extra={"must": "text of 1 to 1024 characters"})
]
_SECRETS = frozenset({"password", "token"})


class SchemaRegistrySettings(Section, frozen=True, kw_only=True):
    """Which schema registry is asked for the schemas that records name by an id."""

    url: Annotated[
        tuple[
            Annotated[
                str,
                # No user, password or query in it: the address is logged.
                Meta(
                    pattern=rf"^https?://{HOST}(:[0-9]{{1,5}})?(/[^\s@?#]*)?$",
                    extra={"must": "an address such as https://host:port"},
                ),
            ],
            ...,
        ],
        Meta(
            description="Its addresses, for record.format avro or protobuf; each next one is asked if those "
            "before it do not answer."
        ),
    ] = ()
    user: Annotated[
        Annotated[
            str,
            Meta(
                pattern=r"^[^:\x00-\x1f\x7f]{1,1024}$",
                extra={"must": "text of 1 to 1024 characters without a colon"},
            ),
        ]
        | None,
        Meta(description="The user, or the API key of Confluent Cloud; null: no login, or a token."),
    ] = None
    password: Annotated[
        _Login | None, Meta(description="The user's password, or the secret of the API key.")
    ] = None
    token: Annotated[
        Annotated[str, Meta(pattern=r"^[!-~]{1,16384}$", extra={"must": "a token, without white space"})]
        | None,
        Meta(description="A bearer token, instead of a user and a password."),
    ] = None
    ca_file: Annotated[
        _Path | None,
        Meta(description="The authorities to trust, as a PEM file; null: those of the system."),
    ] = None
    client_certificate_file: Annotated[
        _Path | None,
        Meta(description="Our own certificate, as a PEM file, for a registry that asks for one."),
    ] = None
    client_key_file: Annotated[
        _Path | None, Meta(description="Its key, without a password; null: in the file of the certificate.")
    ] = None
    plain_http: Annotated[
        bool,
        Meta(description="Let an http:// address be on another machine: the login is readable on the way."),
    ] = False
    seconds: Annotated[Seconds, Meta(description="How long an answer of one address may take.")] = 5.0

    def __repr__(self) -> str:
        """Show everything but the secrets."""
        shown = (
            f"{name}={'...' if name in _SECRETS and value is not None else repr(value)}"
            for name in self.__struct_fields__
            for value in (getattr(self, name),)
        )
        return f"SchemaRegistrySettings({', '.join(shown)})"
