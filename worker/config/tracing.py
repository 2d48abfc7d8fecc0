"""Checks what tracing needs if it is enabled: the extra, and OpenTelemetry's variables.

The SDK replaces a value that it can't read by its default and goes on. Here it is a mistake like any other.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker.config.addresses import wrong_address
from worker.config.names import did_you_mean, nearest
from worker.tracing.environment import (
    BATCH_SIZE,
    BY_RATIO,
    DEFAULT_BATCH_SIZE,
    DEFAULT_QUEUE_SIZE,
    DEFAULT_SAMPLER,
    EXTRA,
    QUEUE_SIZE,
    SAMPLER,
    SAMPLER_ARG,
    SAMPLERS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NEEDED: Final = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http.trace_exporter")
_MOST_SPANS: Final = 65_536
_ADDRESS: Final = re.compile(r"https?://[^\s/]+(/\S*)?")
_PROTOCOL: Final = "http/protobuf"
# Each is also there for traces alone, and then that one counts.
_OTLP: Final = "OTEL_EXPORTER_OTLP_"
_TRACES: Final = "OTEL_EXPORTER_OTLP_TRACES_"
_FILES: Final = ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE")
_COMPRESSIONS: Final = ("none", "gzip", "deflate")
_NUMBERS: Final = {
    QUEUE_SIZE: _MOST_SPANS,
    BATCH_SIZE: _MOST_SPANS,
    "OTEL_BSP_SCHEDULE_DELAY": 3_600_000,
}


def tracing_mistakes(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what is missing or wrong, by key or variable."""
    if not all(map(_is_installed, _NEEDED)):
        yield "tracing.enabled", f"needs OpenTelemetry, which is not installed: {EXTRA}"
    given = {name: value.strip() for name, value in environ.items() if value.strip()}
    yield from _of_the_sampler(given)
    yield from _of_the_exporter(given)
    yield from _of_its_waits_and_files(given)
    yield from _of_the_queue(given)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of a package above it
        return False


def _of_the_sampler(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    name = given.get(SAMPLER, DEFAULT_SAMPLER)
    if name not in SAMPLERS:
        yield SAMPLER, f"must be one of {', '.join(SAMPLERS)}" + did_you_mean(nearest(name, SAMPLERS))
    elif name.endswith(BY_RATIO) and not _is_ratio(given.get(SAMPLER_ARG, "1")):
        yield SAMPLER_ARG, "must be a number from 0 to 1, such as 0.01"


def _is_ratio(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False


def _of_the_exporter(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if given.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        yield "OTEL_TRACES_EXPORTER", "must be otlp, the only one; tracing.enabled: false exports nothing"
    for prefix in (_OTLP, _TRACES):
        if given.get(f"{prefix}PROTOCOL", _PROTOCOL) != _PROTOCOL:
            yield f"{prefix}PROTOCOL", f"must be {_PROTOCOL}, the only one; a collector takes it at port 4318"
        if (address := given.get(f"{prefix}ENDPOINT")) is not None:
            if not _ADDRESS.fullmatch(address):
                yield f"{prefix}ENDPOINT", "must be an address such as http://collector:4318"
            elif wrong := wrong_address(address):
                yield f"{prefix}ENDPOINT", wrong
        if given.get(f"{prefix}COMPRESSION", "none").lower() not in _COMPRESSIONS:
            yield f"{prefix}COMPRESSION", f"must be one of {', '.join(_COMPRESSIONS)}"


def _of_its_waits_and_files(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for prefix in (_OTLP, _TRACES):
        if not _is_positive(given.get(f"{prefix}TIMEOUT", "10")):
            yield f"{prefix}TIMEOUT", "must be a number of seconds above 0"
        for name in (f"{prefix}{each}" for each in _FILES):
            if name in given and not Path(given[name]).is_file():
                yield name, "names a file that is not there"


def _is_positive(text: str) -> bool:
    try:
        return 0 < float(text) < inf
    except ValueError:
        return False


def _of_the_queue(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    wrong = [name for name, most in _NUMBERS.items() if not _is_whole(given.get(name, "1"), most)]
    for name in wrong:
        yield name, f"must be a whole number from 1 to {_NUMBERS[name]}"
    batch_size = int(given.get(BATCH_SIZE, DEFAULT_BATCH_SIZE)) if not wrong else 0
    if not wrong and int(given.get(QUEUE_SIZE, DEFAULT_QUEUE_SIZE)) < batch_size:
        yield QUEUE_SIZE, f"is below {BATCH_SIZE}, which is {batch_size}"


def _is_whole(text: str, most: int) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text) <= most
