"""``python -m worker.local.kinesis`` prints ``{"url": ...}`` and serves until SIGTERM."""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import TYPE_CHECKING

import msgspec
import uvloop

from worker.local.kinesis.behaviour import Behaviour
from worker.local.kinesis.endpoint import LocalKinesis
from worker.local.kinesis.faults import plan
from worker.runtime.exit_codes import ExitCode
from worker.runtime.signals import stop_event

if TYPE_CHECKING:
    from collections.abc import Sequence


async def serve(local: LocalKinesis) -> None:
    """Print the address, and serve until SIGTERM or SIGINT."""
    stopping = stop_event()
    async with local:
        print(msgspec.json.encode({"url": local.url}).decode(), flush=True)  # noqa: T201  its one line of output
        await stopping.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stand-in as a command."""
    parser = argparse.ArgumentParser(
        prog="worker.local.kinesis", description="Kinesis and DynamoDB on 127.0.0.1."
    )
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--behaviour", default="{}", help="JSON, such as '{\"update_seconds\": 5}'")
    parser.add_argument(
        "--faults", default="{}", help='JSON, such as \'{"rules": [{"does": "throttle", "every": 9}]}\''
    )
    chosen = parser.parse_args(arguments)
    try:
        behaviour = msgspec.json.decode(chosen.behaviour, type=Behaviour)
        faults = plan(chosen.faults.encode())
    except msgspec.MsgspecError as error:
        parser.error(str(error))
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(LocalKinesis(behaviour, faults, port=chosen.port)))
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
