"""Logs: one JSON line per event on stdout, or coloured text on a terminal.

The rule: no line ever contains user data or a secret. Our own events are literals with plain values beside
them. Messages of libraries are shown as they stand in their source, never with values filled in.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec
import structlog

from worker.core.log_throttle import LogThrottle
from worker.telemetry.log_levels import LogLevels
from worker.telemetry.plain import exceptions, place, plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import BinaryIO, TextIO

    from structlog.typing import EventDict, Processor, WrappedLogger

    from worker.telemetry.unblocked import UnblockedLines

Format = Literal["json", "console"]

# The logger that Kafka's clients are given. Its messages are shown in full, because they are about brokers,
# never about records.
LIBRDKAFKA = "worker.librdkafka"

# Their messages are literals with %-arguments, at WARNING and above. Other libraries put values into the
# message itself (asyncio prints a task with its exception), so for those only the place in the code is shown.
_TEMPLATES_OF = ("boto3", "botocore", "urllib3")

_encode_json = msgspec.json.Encoder().encode

log = structlog.get_logger(__name__)


def configure_logs(
    levels: LogLevels | str, line_format: Format | None = None, to: TextIO | UnblockedLines | None = None
) -> None:
    """Log to stdout, or ``to``, from these levels on; by default, the format fits it.

    Libraries that log through the standard library are heard from WARNING on, whatever level they set.
    """
    levels = LogLevels(levels) if isinstance(levels, str) else levels
    out = to or sys.stdout
    console = out.isatty() if line_format is None else line_format == "console"
    structlog.configure(
        processors=[*_PROCESSORS, _console(out) if console else _render_json],
        # It is called like a class.
        wrapper_class=cast("Any", levels.logger),
        logger_factory=_factory(to, console=console),
        # A cached logger would keep its stdout when that is replaced, as tests do.
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_LibraryHandler(level=max(levels.level, logging.WARNING))]
    root.setLevel(logging.WARNING)


def log_dropped(lines: int) -> None:
    """Log that this many lines were dropped."""
    log.warning("log.lines_dropped", lines=lines, reason="nobody read standard output fast enough")


def log_crashes() -> None:
    """Log warnings and uncaught exceptions by the same rule, and don't print them with their messages."""
    warnings.showwarning = _warned  # type: ignore[assignment]  # all come by position
    sys.excepthook = _crashed
    threading.excepthook = lambda args: log.critical("worker.thread_crashed", exc_info=args.exc_value)
    sys.unraisablehook = lambda args: log.error("worker.unraisable", exc_info=args.exc_value)


def _warned(_: Warning | str, category: type[Warning], filename: str, lineno: int, *__: object) -> None:
    log.warning("library.warned", category=category.__name__, place=place(filename, lineno))


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log.critical("worker.crashed", exc_info=error)


class _LibraryHandler(logging.Handler):
    """Routes the log records of libraries into our lines; repeated messages are throttled and counted."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self._log_throttle = LogThrottle()

    def emit(self, record: logging.LogRecord) -> None:
        times = self._log_throttle.note(_kind(record), record.created)
        if not times:
            return
        log.log(
            # A custom level counts as the standard level below it.
            min(record.levelno // 10 * 10, logging.CRITICAL),
            "library.said",
            library=record.name,
            words=_words(record),
            times=times,
            # All of librdkafka's messages come through one line of Python.
            place=None
            if record.name == LIBRDKAFKA
            else place(record.pathname, record.lineno, record.funcName),
            exc_info=record.exc_info,
        )


def _kind(record: logging.LogRecord) -> str:
    """The key by which lines count as repeated: their place, or librdkafka's word for it (FAIL, REQTMOUT)."""
    if record.name == LIBRDKAFKA:
        return f"{record.name} {record.getMessage().partition(' ')[0]}"
    return f"{record.name} {record.pathname}:{record.lineno}"


def _words(record: logging.LogRecord) -> str | None:
    if record.name == LIBRDKAFKA:
        return record.getMessage()
    known = record.name.partition(".")[0] in _TEMPLATES_OF
    return record.msg if known and isinstance(record.msg, str) else None


def _format_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace ``exc_info`` by the types and frames of the exceptions."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exceptions"] = exceptions(error)
    return event


def _keep_plain(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Let only plain values through, in an order that reads well."""
    head = {key: event.pop(key) for key in ("timestamp", "level", "event")}
    return {key: plain(value) for key, value in {**head, **event}.items() if value is not None}


class _ConsoleLogger(structlog.PrintLogger):
    """Prints, and knows its module, as structlog's logger of bytes does."""

    def __init__(self, to: TextIO | None, name: str | None = None) -> None:
        super().__init__(to)
        self.name = name


def _factory(
    to: TextIO | UnblockedLines | None, *, console: bool
) -> Callable[..., _ConsoleLogger | structlog.BytesLogger]:
    """Return what makes a logger of the name that it is given; the levels look at that."""
    if console:
        return partial(_ConsoleLogger, cast("TextIO | None", to))
    # Anything that takes lines will do; for a text file, use its underlying byte stream.
    return structlog.BytesLoggerFactory(cast("BinaryIO | None", getattr(to, "buffer", to)))


def _console(out: TextIO | UnblockedLines) -> Processor:
    return structlog.dev.ConsoleRenderer(colors=out.isatty())


def _render_json(_: WrappedLogger, __: str, event: EventDict) -> bytes:
    return _encode_json(event)


_PROCESSORS: tuple[Processor, ...] = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _format_exception,
    _keep_plain,
)
