"""A real browser, Debian's Chromium, and pages in it that complain of nothing."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from playwright.sync_api import Browser, Page, Request

    Open = Callable[..., AbstractContextManager["Opened"]]

CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome")
AXE: Final = Path(__file__).parents[2] / ".cache/browser/node_modules/axe-core/axe.min.js"


class Opened:
    """A page in the browser, and what the browser complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", self._failed)

    def _failed(self, request: Request) -> None:
        # Whoever leaves a page ends what it was loading.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.url}: {request.failure}")

    def violations(self) -> list[str]:
        """What axe-core has to say, by its rules for WCAG 2.2 AA and its best practices."""
        # By the debugger, for the page's own policy forbids to add a script.
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]


# Not of the session: Playwright runs a loop in this thread as long as it lives, and tests with one could not.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start it; skip where it is missing, and fail where it must not be."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    missing = "no Chromium (Debian: apt-get install chromium)" if program is None else ""
    missing = missing or ("" if AXE.exists() else "no axe-core (make browser-tools)")
    if missing:
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        # Root, as in containers, may only start it without its sandbox. It sees nothing but our own pages.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Open:
    """Open a page; ``clock`` stops its time, which the test then moves. At its end nobody has complained."""

    @contextmanager
    def open_page(
        url: str, *, clock: bool = False, may_complain: bool = False, **more: Any
    ) -> Iterator[Opened]:
        context = browser.new_context(**{"viewport": {"width": 1120, "height": 800}, **more})
        shown = Opened(context.new_page())
        if clock:
            shown.page.clock.install()
        shown.page.goto(url)
        yield shown
        context.close()
        if not may_complain:
            assert shown.complaints == []

    return open_page
