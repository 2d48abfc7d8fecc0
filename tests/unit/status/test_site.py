"""The pages for a browser, asked of a real admin server."""

from __future__ import annotations

import json
import subprocess
import sys
from http.client import HTTPConnection

import pytest

from tests.security.watched import PAGES
from tests.support.page_scenes import HELD, WORKING
from tests.support.page_server import Served
from worker.core.model.snapshot import Readiness
from worker.status.history import History, Sample
from worker.status.levels import LEVELS
from worker.status.site import StatusSite
from worker.telemetry.admin import AdminServer


def ask(served: Served, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def test_the_page_and_what_it_needs_are_served() -> None:
    with Served(WORKING) as served:
        status, headers, body = ask(served, "/")
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert b"Delivering" in body
        for path, kind in (("/page.css", "text/css"), ("/page.js", "text/javascript")):
            status, headers, body = ask(served, path)
            assert (status, headers["content-type"]) == (200, f"{kind}; charset=utf-8")
            assert body
        for level in LEVELS:
            status, headers, body = ask(served, f"/icon-{level}.svg")
            assert (status, headers["content-type"]) == (200, "image/svg+xml")
            assert body.startswith(b"<svg ")


def test_it_allows_nothing_but_what_the_worker_serves_itself() -> None:
    with Served(WORKING) as served:
        for path in PAGES:
            _, headers, body = ask(served, path)
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cache-control"] == "no-store"
            # Nothing inline, which the policy would stop, and no address but relative ones.
            for forbidden in (
                b"<style",
                b" style=",
                b" onload",
                b"<script>",
                b"http://",
                b"https://",
                b"@import",
            ):
                assert forbidden not in body.replace(b"http://www.w3.org/2000/svg", b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_changed(method: str) -> None:
    with Served(WORKING) as served:
        for path in PAGES:
            status, headers, _ = ask(served, path, method)
            assert (status, headers["allow"]) == (405, "GET, HEAD")


def test_head_gives_no_body() -> None:
    with Served(WORKING) as served:
        status, headers, body = ask(served, "/", "HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 1000


def test_however_many_look_it_is_written_twice_a_second_at_most() -> None:
    with Served(WORKING) as served:
        for _ in range(10):
            ask(served, "/")
        assert served.asked <= 3


def test_it_shows_what_is_so_now() -> None:
    with Served(WORKING) as served:
        before = served.asked
        assert b"Held" not in ask(served, "/")[2]
        served.scene = HELD
        while served.asked == before + 1:
            page = ask(served, "/")[2]
        assert b"<h1" in page
        assert b"allow personalize:PutEvents" in page.replace(b"Allow", b"allow")


def test_every_page_is_searched_for_marked_values() -> None:
    with Served(WORKING) as served:
        paths = served.site._pages.keys() | served.server._pages.keys()  # noqa: SLF001  the pages there are, by their own tables
    assert {path.decode() for path in paths} == set(PAGES)


def test_a_worker_that_nobody_looks_at_imports_nothing_for_it() -> None:
    asked = "import sys, json, worker.runtime.wiring; print(json.dumps(sorted(sys.modules)))"
    modules = json.loads(subprocess.check_output([sys.executable, "-c", asked]))
    assert "worker.status.site" in modules
    assert [each for each in modules if each.startswith("worker.status.web")] == []


def test_a_path_that_is_not_there_is_none() -> None:
    assert StatusSite(Served(WORKING)).page(b"/index.html") is None


async def test_samples_are_taken_from_when_the_server_listens_to_when_it_stops() -> None:
    history = History(lambda: Sample(0.0))
    server = AdminServer(
        "127.0.0.1",
        0,
        readiness=lambda: Readiness(ready=True),
        render_metrics=bytes,
        status=lambda: WORKING.now,
        site=StatusSite(Served(WORKING), history),
    )
    now = 1
    assert len(history.samples()) == now
    await server.start()
    assert len(history.samples()) == 1 + now
    timer = history._timer  # noqa: SLF001  whether it goes on is seen nowhere else
    assert timer is not None
    await server.stop()
    assert timer.cancelled()
