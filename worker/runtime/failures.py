"""Logs what ended a worker and what to do about it, and chooses the exit code."""

from __future__ import annotations

from typing import Final

import structlog
from confluent_kafka import KafkaException

from worker.aws.endpoint import UnusableSettings
from worker.blocking import NO_THREAD
from worker.core.model.missing_place import MissingPlace
from worker.registry.trust import UnusableRegistryError
from worker.runtime.exit_codes import ExitCode
from worker.sources.kafka.client_settings import refusal_of
from worker.sources.kafka.error_monitor import KafkaUnusable

log = structlog.get_logger(__name__)

# What a thread pool raises; Python has no class for it.
_NO_THREAD_IN_PYTHON: Final = "can't start new thread"


def report_failure(error: Exception) -> ExitCode:
    """Log what ended the process, and return the exit code for it."""
    match error:
        case MissingPlace():
            said = {"command": error.command} if error.command else {}
            log.error("worker.misconfigured", reason=str(error).partition("\n")[0], **said)
            return ExitCode.MISCONFIGURED
        case UnusableSettings() | UnusableRegistryError():
            log.error("worker.misconfigured", reason=str(error))
            return ExitCode.MISCONFIGURED
        case KafkaException() if reason := refusal_of(error):
            log.error("worker.misconfigured", reason=reason)
            return ExitCode.MISCONFIGURED
        case OSError():
            log.error("worker.failed", reason=error.strerror or str(error))
        case RuntimeError() if str(error) == _NO_THREAD_IN_PYTHON:
            log.error("worker.failed", reason=NO_THREAD)
        case KafkaUnusable():
            log.error("worker.failed", reason=str(error))
        case _:
            log.critical("worker.crashed", exc_info=error)
    return ExitCode.FAILED


def causes(error: Exception) -> list[Exception]:
    """Return each exception by itself, because those of tasks come in groups."""
    if isinstance(error, ExceptionGroup):
        return [cause for each in error.exceptions for cause in causes(each)]
    return [error]
