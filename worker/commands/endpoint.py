"""``personalize-worker endpoint``: a local PutEvents for the user's own topic, and what it accepted so far.

Exit codes: 0, stopped on request; 1, listening on the port failed.
"""

from __future__ import annotations

import asyncio
import errno
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

import uvloop

from worker.local.call_log import CallLog
from worker.local.faults import Faults
from worker.local.put_events import HOST, LocalPutEvents
from worker.runtime.exit_codes import ExitCode
from worker.runtime.signals import stop_event
from worker.telemetry.progress import Progress
from worker.telemetry.unblocked import LAST_LINES_SECONDS, UnblockedLines

if TYPE_CHECKING:
    from typing import TextIO

    from worker.local.call_log import Summary

_TICK_SECONDS: Final = 0.5
_NOT_OURS: Final = {errno.EADDRINUSE, errno.EACCES}

# Another group than the configured one: what a group commits here, it would never deliver to AWS.
_HOW: Final = """\
PutEvents listens on {url}, for this machine only. It checks what AWS checks; any tracking id
and any keys will do, and nothing goes to AWS. In another terminal, on top of your own worker.yaml:

  export WORKER_PERSONALIZE__ENDPOINT_URL={url}
  export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_DEFAULT_REGION=eu-west-1
  export WORKER_KAFKA__GROUP_ID=personalize-worker.trial
  export WORKER_DEAD_LETTERS__TOPIC=personalize-worker.trial WORKER_DEAD_LETTERS__CREATE_TOPIC=true
  personalize-worker run --config worker.yaml

Use a separate group for the trial: what a group has delivered here, it never delivers to AWS.

"""


def run_endpoint(port: int) -> ExitCode:
    """Serve until SIGTERM or Ctrl-C, show how to use it and what it accepted; return the exit code."""
    # Non-blocking output, because calls must be answered even if the reader of the output stops reading.
    out = UnblockedLines(sys.stdout.fileno(), lambda _: None)
    endpoint = LocalPutEvents(Faults(any_keys=True), port=port, call_log=CallLog(numbers_only=True))
    try:
        uvloop.run(_serve(endpoint, cast("TextIO", out)))
    except OSError as error:
        if error.errno not in _NOT_OURS:
            raise
        todo = "choose another with --port, or any free one with --port 0"
        sys.stderr.write(f"personalize-worker: can't listen on port {port} of {HOST}: {todo}\n")
        return ExitCode.FAILED
    out.drain(LAST_LINES_SECONDS)
    return ExitCode.OK


async def _serve(endpoint: LocalPutEvents, out: TextIO) -> None:
    stopping = stop_event()
    async with endpoint:
        out.write(_HOW.format(url=endpoint.url))
        progress = Progress(out)
        while not stopping.is_set():
            progress.show(accepted(endpoint.call_log.summary()))
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _TICK_SECONDS)
    progress.end()
    out.write(f"Ended as told: {accepted(endpoint.call_log.summary())}.\n")


def accepted(summary: Summary) -> str:
    """Format the counts as one line."""
    if not summary.calls:
        return "no call yet"
    others = [
        f"{count:,} {outcome}" for outcome, count in sorted(summary.outcomes.items()) if outcome != "accepted"
    ]
    refused = f"; refused {', '.join(others)}" if others else ""
    return f"accepted {summary.accepted_calls:,} calls, {summary.accepted_events:,} events{refused}"
