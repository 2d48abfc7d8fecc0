"""What the process may hold, how it ends, and what it shows of itself."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from worker.settings.values import NAME, Section

Level: TypeAlias = Literal["debug", "info", "warning", "error"]


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
                pattern=rf"^(?![0-9]+$)({NAME}|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9._-]+)?)$",
                extra={"must": "a host's name, or an address such as 127.0.0.1 or ::1"},
            ),
        ]
        | None,
        # Probes and Prometheus come from outside the pod.
        Meta(description="The address to listen on; null: all that there are, IPv4 and IPv6."),
    ] = None
    port: Annotated[int, Meta(description="The port to listen on; 0: any free one.", ge=0, le=65_535)] = 9090


class TracingSettings(Section, frozen=True, kw_only=True):
    """Whether calls are traced; where to and which of them, OpenTelemetry's OTEL_ variables say."""

    enabled: Annotated[
        bool,
        Meta(description="One OpenTelemetry span a call, sent by OTLP over HTTP; needs the extra [tracing]."),
    ] = False


class LogSettings(Section, frozen=True, kw_only=True):
    """What is logged, and how."""

    level: Annotated[
        Level,
        Meta(description="The least important level that is shown."),
    ] = "info"
    format: Annotated[
        Literal["json", "console", "auto"],
        Meta(description="JSON lines, or lines for people; auto: console on a terminal, else json."),
    ] = "auto"
    levels: Annotated[
        dict[str, Level],
        Meta(
            description="The levels of single modules, or packages for all in them, such as worker.sources."
        ),
    ] = {}  # noqa: RUF012  msgspec copies it
    sample_every: Annotated[
        int,
        Meta(
            description="At level debug, one in so many records and calls is shown.", ge=1, le=1_000_000_000
        ),
    ] = 1000
    debug_seconds: Annotated[
        float,
        Meta(description="How long SIGUSR1 shows the log from debug on.", gt=0, le=86_400),
    ] = 600.0
