"""Carries spans away and never makes a call wait: a bounded queue, a thread, and a count of what was lost.

Queue and thread are the SDK's ``BatchSpanProcessor``. When its queue is full, that drops the oldest span and
logs a line for each; ``BoundedProcessor`` drops the new one before that, and counts it.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import structlog
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from worker.core.log_throttle import LogThrottle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from opentelemetry.sdk.trace import ReadableSpan

    class SpanMetrics(Protocol):
        """What is counted of spans: exports by the SDK's thread, a full queue by the loop's."""

        def span_export_done(self, spans: int) -> None:
            """Count spans that the endpoint took."""

        def spans_lost(self, reason: str, spans: int) -> None:
            """Count spans that were lost."""


log = structlog.get_logger(__name__)

QUEUE_FULL: Final = "queue_full"
EXPORT_FAILED: Final = "export_failed"

# Where the exporter says why it failed, in words that may cite the answer.
_EXPORTER_LOG: Final = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
_STATUSES: Final = range(100, 600)


class CountingExporter(SpanExporter):
    """Counts and logs what the exporter it stands for made of each batch. Used by the SDK's thread only.

    Args:
        exporter: sends a batch, and tries again within its own time limit.
        metrics: where to count.
    """

    def __init__(self, exporter: SpanExporter, metrics: SpanMetrics) -> None:
        self._exporter = exporter
        self._metrics = metrics
        self._log_throttle = LogThrottle()
        self._reason = _LastReason()
        self.taken = 0
        """How many spans have left the queue."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; a failure costs this batch and nothing else."""
        self.taken += len(spans)
        self._reason.word = "unknown"
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001  a library's, and no span is worth more than a count
            result, self._reason.word = SpanExportResult.FAILURE, type(error).__name__
        if result is SpanExportResult.SUCCESS:
            self._metrics.span_export_done(len(spans))
            if (seconds := self._log_throttle.ended(EXPORT_FAILED, time.monotonic())) is not None:
                log.info("tracing.export_recovered", seconds=round(seconds, 1))
        else:
            self._metrics.spans_lost(EXPORT_FAILED, len(spans))
            if times := self._log_throttle.note(EXPORT_FAILED, time.monotonic(), self._reason.word):
                log.warning("tracing.export_failed", reason=self._reason.word, times=times, spans=len(spans))
        return result

    def shutdown(self) -> None:
        """Give up what is under way."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what the exporter holds, if it holds anything."""
        return self._exporter.force_flush(timeout_millis)


class BoundedProcessor(SpanProcessor):
    """Passes ended spans on while there is room. Used by the loop's thread only.

    Args:
        processor: the SDK's, whose queue takes ``queue_size`` spans.
        taken: how many spans have left its queue so far.
        queue_size: how many spans may wait.
        metrics: where to count.
    """

    def __init__(
        self, processor: SpanProcessor, taken: Callable[[], int], queue_size: int, metrics: SpanMetrics
    ) -> None:
        self._processor = processor
        self._taken = taken
        self._queue_size = queue_size
        self._metrics = metrics
        self._passed_on = 0

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span, or count it as lost."""
        # What was taken by the thread and is not counted yet makes this at most a batch too strict.
        if self._passed_on - self._taken() >= self._queue_size:
            self._metrics.spans_lost(QUEUE_FULL, 1)
            return
        self._passed_on += 1
        self._processor.on_end(span)

    def shutdown(self) -> None:
        """Send what is queued. It blocks."""
        self._processor.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what is queued. It blocks."""
        return self._processor.force_flush(timeout_millis)


class _LastReason(logging.Handler):
    """Takes one word from what the exporter logs about a failure: a status, or the type of an exception."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.word = "unknown"
        logger = logging.getLogger(_EXPORTER_LOG)
        logger.handlers, logger.propagate = [self], False

    def emit(self, record: logging.LogRecord) -> None:
        """Note the word; of what the answer says nothing else is kept."""
        for value in record.args if isinstance(record.args, tuple) else ():
            if isinstance(value, BaseException):
                self.word = type(value).__name__
                return
            if isinstance(value, int) and value in _STATUSES:
                self.word = f"Http{value}"
                return
