"""The worker with one part broken: ``python -m tests.security.sabotage PART run --config FILE``.

What breaks has the mark of ``SABOTAGE_MARK`` in its words, notes and locals. Some parts let the mark out
on purpose: that has to be found.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import sys
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import structlog

from worker import cli, config, status
from worker.aws.boto_subprocess import BotoSubprocess
from worker.core.model.snapshot import NotReady
from worker.dead_letters.writer import KafkaDeadLetters
from worker.delivery.put_events import PutEventsClient
from worker.runtime import wiring
from worker.sources.kafka.commits import Commits
from worker.sources.kafka.source import KafkaSource
from worker.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

MARK: Final = os.environ.get("SABOTAGE_MARK", "")


class Secretive:
    """Something whose every form shows the mark."""

    def __repr__(self) -> str:
        return MARK

    def __del__(self) -> None:
        fail()


def fail(*given: object, **_: object) -> NoReturn:
    """Raise with the mark wherever an exception has a place for it."""
    secret = {"user": MARK, "given": given}
    error = ValueError(f"no {MARK}", secret)
    error.add_note(MARK)
    raise ExceptionGroup(MARK, [error, KeyError(MARK)]) from OSError(5, MARK, MARK)


async def fail_soon(*_: object, **__: object) -> NoReturn:
    """Do it as a coroutine."""
    fail()


def fail_beside() -> None:
    """Break in every way that nobody waits for: the worker goes on."""
    loop = asyncio.get_running_loop()
    loop.call_soon(fail, MARK)
    loop.create_task(fail_soon(), name=MARK)  # noqa: RUF006  that nobody holds it is the point
    loop.call_exception_handler({"message": MARK, "exception": ValueError(MARK), MARK: MARK})
    threading.Thread(target=fail, args=(MARK,), name=MARK).start()
    Secretive()
    warnings.warn(MARK, RuntimeWarning, stacklevel=1)
    logging.getLogger("somebody").error(f"lost {MARK}", extra={"user": MARK})  # noqa: G004  as some do
    logging.getLogger("botocore.x").error("lost %s", MARK, exc_info=ValueError(MARK))
    structlog.get_logger("worker.x").error(
        "x.lost", record=Secretive, error=ValueError(MARK), raw=MARK.encode()
    )
    structlog.get_logger("worker.x").error("sabotage.done")


def replace(part: Any, name: str, new: object) -> None:
    """Put something in a part's place, which has to be there."""
    getattr(part, name)
    setattr(part, name, new)


def after(part: Any, name: str, then: Callable[[], None]) -> None:
    """Call ``then`` once after each call of a coroutine function."""
    before = getattr(part, name)

    async def both(*given: object, **more: object) -> object:
        result = await before(*given, **more)
        then()
        return result

    replace(part, name, both)


def leak_log() -> None:
    """Log it as a value."""
    structlog.get_logger("worker.x").info("x.leaked", user_id=MARK)


def leak_print() -> None:
    """Print it, in base64 and without the worker's log."""
    sys.stderr.write(f"{base64.b64encode(b'user=' + MARK.encode()).decode()}\n")
    structlog.get_logger("worker.x").info("x.leaked")


def leak_file() -> None:
    """Leave it in a file."""
    Path("core").write_text(MARK.upper())
    structlog.get_logger("worker.x").info("x.leaked")


def leak_reason() -> None:
    """Have /ready say it, cut short."""
    replace(status, "reasons", lambda *_: iter([NotReady("hold", f"no events of {MARK[:15]}...")]))
    structlog.get_logger("worker.x").info("x.leaked")


FATAL: Final[dict[str, Callable[[], object]]] = {
    "configuration": lambda: replace(config, "read_settings", fail),
    "wiring": lambda: replace(wiring, "_build", fail),
    "endpoint": lambda: replace(BotoSubprocess, "resolve", fail),
    "mapping": lambda: replace(wiring, "compile_mapping", lambda *_, **__: fail),
    "delivery": lambda: replace(PutEventsClient, "put", fail_soon),
    "dead letters": lambda: replace(KafkaDeadLetters, "write", fail_soon),
    "assignment": lambda: replace(KafkaSource, "_assigned", fail_soon),
    "statistics": lambda: replace(KafkaSource, "_measured", fail_soon),
    "commit": lambda: replace(Commits, "told", fail_soon),
}
"""Parts whose break ends the worker."""

SURVIVED: Final[dict[str, Callable[[], object]]] = {
    "delivery report": lambda: replace(KafkaDeadLetters, "_reported", fail),
    "pages": lambda: [
        replace(part, name, fail)
        for part, name in ((status.Status, "readiness"), (status.Status, "status"), (Metrics, "render"))
    ],
    "beside": lambda: after(KafkaSource, "open", fail_beside),
}
"""Parts whose break is told, and the worker goes on."""

LEAKS: Final[dict[str, Callable[[], object]]] = {
    each.__name__: lambda each=each: after(KafkaSource, "open", each)
    for each in (leak_log, leak_print, leak_file, leak_reason)
}
"""Where the mark is let out on purpose."""

if __name__ == "__main__":
    part, *rest = sys.argv[1:]
    (FATAL | SURVIVED | LEAKS)[part]()
    sys.exit(cli.main(rest))
