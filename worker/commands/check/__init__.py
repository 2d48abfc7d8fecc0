"""The ``check`` command: does the configuration work from here? One line per finding, with what to do next.

It continues after a failure. It sends nothing and creates nothing: Kafka is asked for its topics and the
group's offsets, and for a sample also for the newest records; Kinesis and DynamoDB for streams, shards and
leases, with one read; a schema registry for one schema; AWS for credentials only. The endpoint sees a
connection but no call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.commands.check.aws import aws_findings
from worker.commands.check.finding import Finding, failed, fine
from worker.commands.check.kafka import kafka_findings
from worker.commands.check.registry import registry_findings
from worker.config import NO_FILE, ConfigError, read_settings
from worker.runtime.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from worker.settings import Settings


def check(
    path: Path | None,
    environ: Mapping[str, str],
    say: Callable[[str], object],
    *,
    sample: int | None = None,
    patience_seconds: float = 10.0,
) -> ExitCode:
    """Check everything, report it line by line, and return the exit code.

    The code is 0, or 1 if something failed, or 2 if the configuration is wrong; then nothing else is checked.

    Args:
        path: the configuration file, if there is one.
        environ: the environment, which overrides the file.
        say: prints a line.
        sample: how many of the newest records of each topic to read and map; None: none.
        patience_seconds: how long Kafka may take for one answer.
    """
    try:
        settings = read_settings(path, environ)
    except ConfigError as error:
        for mistake in error.mistakes:
            say(str(failed("configuration", str(mistake))))
        if path is None:
            say(str(Finding("warn", "configuration", NO_FILE)))
        return ExitCode.MISCONFIGURED
    say(str(fine("configuration", f"{path} and the environment" if path else "the environment")))
    right = True
    for findings in (
        _source_findings(settings, patience_seconds, sample),
        registry_findings(settings),
        aws_findings(settings.personalize),
    ):
        for finding in findings:
            say(str(finding))
            right = right and finding.level != "FAIL"
    return ExitCode.OK if right else ExitCode.FAILED


def _source_findings(settings: Settings, patience_seconds: float, sample: int | None) -> Iterator[Finding]:
    if settings.source == "kinesis":
        from worker.commands.check.kinesis import kinesis_findings  # noqa: PLC0415  only where it is wanted

        yield from kinesis_findings(settings)
        if sample is not None:
            yield Finding(
                "warn", "--sample", "reads topics only; for a file of records there is `try --file`"
            )
        return
    yield from kafka_findings(settings, patience_seconds, sample)
