"""OpenTelemetry's standard variables, as far as the worker itself decides by them.

The rest (endpoint, headers, certificates, time limit, resource attributes, sizes of the queue) is read by the
SDK and its exporter. An empty variable counts as unset, as the specification has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.tracing.sampling import Sampling

if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLER: Final = "OTEL_TRACES_SAMPLER"
SAMPLER_ARG: Final = "OTEL_TRACES_SAMPLER_ARG"
DISABLED: Final = "OTEL_SDK_DISABLED"
QUEUE_SIZE: Final = "OTEL_BSP_MAX_QUEUE_SIZE"
BATCH_SIZE: Final = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"

# The specification's names and defaults.
FOLLOWING: Final = "parentbased_"
BY_RATIO: Final = "traceidratio"
SAMPLERS: Final = tuple(
    prefix + name for prefix in (FOLLOWING, "") for name in ("always_on", "always_off", BY_RATIO)
)
DEFAULT_SAMPLER: Final = "parentbased_always_on"
DEFAULT_QUEUE_SIZE: Final = 2048
DEFAULT_BATCH_SIZE: Final = 512

# What has to be installed, and with what.
EXTRA: Final = "pip install 'personalize-worker[tracing]'"


def sampling(environ: Mapping[str, str]) -> Sampling:
    """Return what the environment asks for; it was checked by ``config.tracing``."""
    name = environ.get(SAMPLER) or DEFAULT_SAMPLER
    kind = name.removeprefix(FOLLOWING)
    ratio = {"always_on": 1.0, "always_off": 0.0}.get(kind)
    if ratio is None:
        ratio = float(environ.get(SAMPLER_ARG) or 1.0)
    return Sampling(name.startswith(FOLLOWING), ratio)


def queue_size(environ: Mapping[str, str]) -> int:
    """Return how many spans may wait to be exported."""
    return int(environ.get(QUEUE_SIZE) or DEFAULT_QUEUE_SIZE)


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Whether the environment turns all of OpenTelemetry off."""
    return environ.get(DISABLED, "").strip().lower() == "true"
