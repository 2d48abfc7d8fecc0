"""A worker's real admin server, with a status that a test sets."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Final

import uvloop

from worker.core.model.snapshot import Readiness
from worker.status.history import History
from worker.status.site import StatusSite
from worker.telemetry.admin import AdminServer

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from tests.support.page_scenes import Scene
    from worker.core.model.worker_status import WorkerStatus
    from worker.status.history import Sample


_TURNS: Final = 10


class Told(History):
    """What a scene tells of its last minutes."""

    def __init__(self, served: Served) -> None:
        super().__init__(lambda: served.scene.samples[-1])
        self._served = served

    def samples(self) -> tuple[Sample, ...]:
        return self._served.scene.samples


class Served:
    """Serves a scene on a free port of loopback, within the block; the scene may be changed."""

    def __init__(self, scene: Scene, port: int = 0) -> None:
        self.scene = scene
        self.asked = 0
        self._port = port

    def status(self) -> WorkerStatus:
        self.asked += 1
        return self.scene.now

    def sample(self) -> Sample:
        return self.scene.samples[-1]

    def __enter__(self) -> Self:
        # As the worker runs it. asyncio leaves open what it accepts while its server closes.
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        # Ten minutes are not waited for.
        self.site = StatusSite(self, Told(self))
        self.server = AdminServer(
            "127.0.0.1",
            self._port,
            readiness=lambda: Readiness(self.scene.now.ready, self.scene.now.reasons),
            render_metrics=lambda: b"",
            status=self.status,
            site=self.site,
        )
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self.server.start(), self._loop).result(10)
        self.url = f"http://127.0.0.1:{self.port}/"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Be gone; at the latest with the end of the block."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        await self.server.stop()
        # What was cut ends a few turns later.
        for _ in range(_TURNS):
            await asyncio.sleep(0)
