"""The pages for a browser: the status page, its style sheet, its script and its icon.

What writes them is imported when the first of them is asked for: most workers are never looked at this way.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Final, Protocol

from worker.status.history import History
from worker.status.levels import LEVELS
from worker.telemetry.admin import Page

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from worker.core.model.worker_status import WorkerStatus
    from worker.status.history import Sample
    from worker.status.levels import Level

# However many look at it, it is written this often at most.
KEPT_SECONDS: Final = 0.5
# Only what the worker itself serves, nothing inline, and no text that a script could turn into one.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HTML: Final = "text/html; charset=utf-8"
_FILES: Final = {
    b"/page.css": ("page.css", "text/css; charset=utf-8"),
    b"/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
# One a level, so that the tab of a page in the background shows it.
_ICONS: Final[dict[bytes, Level]] = {f"/icon-{level}.svg".encode(): level for level in LEVELS}
_WEB: Final = Path(__file__).parent / "web"


class Shown(Protocol):
    """What is shown; ``worker.status.Status`` is one."""

    def status(self) -> WorkerStatus:
        """Return the whole status."""

    def sample(self) -> Sample:
        """Return the figures of which the page draws curves."""


class StatusSite:
    """Serves the pages; implements ``telemetry.admin.Site``.

    Args:
        status: what is shown.
        history: its last minutes; by default, they begin when the site starts.
    """

    def __init__(self, status: Shown, history: History | None = None) -> None:
        self._status = status
        self._history = History(status.sample) if history is None else history
        self._clock: Callable[[], float] = lambda: 0.0
        self._kept: tuple[float, Page] | None = None
        self._pages: dict[bytes, Callable[[], Page]] = {
            b"/": self._document,
            **{path: partial(_file, *file) for path, file in _FILES.items()},
            **{path: partial(_icon, level) for path, level in _ICONS.items()},
        }

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to take samples for the curves."""
        self._clock = loop.time
        self._history.start(loop)

    def stop(self) -> None:
        """Take no more."""
        self._history.stop()

    def page(self, path: bytes) -> Callable[[], Page] | None:
        """Return what makes the answer for this path; None: there is no such page."""
        return self._pages.get(path)

    def _document(self) -> Page:
        now = self._clock()
        if self._kept is None or now >= self._kept[0] + KEPT_SECONDS:
            from worker.status.web.document import document  # noqa: PLC0415  as said above

            text = document(self._status.status(), self._history.samples(), time())
            # A name from outside may hold what UTF-8 can't.
            body = text.encode(errors="replace")
            self._kept = now, Page(HTTPStatus.OK, _HTML, body, policy=POLICY)
        return self._kept[1]


def _icon(level: Level) -> Page:
    from worker.status.web.verdict import icon  # noqa: PLC0415  as said above

    return Page(HTTPStatus.OK, "image/svg+xml", icon(level).encode())


def _file(name: str, content_type: str) -> Page:
    # Read anew each time: three kilobytes that nobody needs in memory.
    return Page(HTTPStatus.OK, content_type, (_WEB / name).read_bytes())
