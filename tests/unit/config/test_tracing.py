"""Tracing that can't work is refused at start, with what to do; while it is off, nothing is looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from worker.config import ConfigError, read_settings, tracing
from worker.config.tracing import tracing_mistakes

PROJECT = Path(__file__).parents[3]
MINIMAL = PROJECT / "config" / "minimal.yaml"
ON = {"WORKER_TRACING__ENABLED": "true"}


def said(**environ: str) -> dict[str, str]:
    return dict(tracing_mistakes(environ))


def test_it_is_off_unless_asked_for() -> None:
    assert not read_settings(MINIMAL, {"OTEL_TRACES_SAMPLER": "nonsense"}).tracing.enabled
    assert read_settings(MINIMAL, ON).tracing.enabled


def test_without_the_extra_it_is_refused_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_NEEDED", ("opentelemetry.sdk.trace", "no_such_package.of_ours"))
    with pytest.raises(ConfigError) as refused:
        read_settings(MINIMAL, ON)
    assert str(refused.value) == (
        "tracing.enabled: needs OpenTelemetry, which is not installed: "
        "pip install 'personalize-worker[tracing]' (WORKER_TRACING__ENABLED)"
    )


def test_the_defaults_and_empty_variables_are_well() -> None:
    assert said() == {}
    assert said(OTEL_TRACES_SAMPLER="", OTEL_BSP_MAX_QUEUE_SIZE=" ", OTEL_EXPORTER_OTLP_ENDPOINT="") == {}
    assert (
        said(
            OTEL_TRACES_SAMPLER="parentbased_traceidratio",
            OTEL_TRACES_SAMPLER_ARG="0.01",
            OTEL_EXPORTER_OTLP_ENDPOINT="http://collector.observability:4318",
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
            OTEL_BSP_MAX_QUEUE_SIZE="4096",
        )
        == {}
    )


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidration", "did you mean parentbased_traceidratio?"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "must be otlp"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "port 4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "otel.internal:4317", "such as http://collector:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:99999/v1/traces", "not a valid address"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "none, gzip, deflate"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "number of seconds"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file", "not there"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1", "whole number"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100", "is below OTEL_BSP_MAX_EXPORT_BATCH_SIZE, which is 512"),
        ("OTEL_BSP_SCHEDULE_DELAY", "5s", "whole number"),
    ],
)
def test_what_the_sdk_would_pass_over_or_die_of_is_said(variable: str, value: str, reason: str) -> None:
    found = said(**{variable: value})
    assert found.keys() == {variable}
    assert reason in found[variable]
    assert value not in found[variable]


@pytest.mark.parametrize("wrong", ["2", "-0.1", "many", "nan"])
def test_a_ratio_is_between_0_and_1(wrong: str) -> None:
    assert said(OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG=wrong).keys() == {
        "OTEL_TRACES_SAMPLER_ARG"
    }


def test_while_it_is_off_opentelemetry_is_not_imported() -> None:
    """Not by the modules that a worker runs on; an extra that is missing must not matter."""
    program = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "import worker.cli, worker.runtime.run, worker.config.tracing, worker.runtime.tracing\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry.')]"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
