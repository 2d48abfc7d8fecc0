"""The status page in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.support.page_scenes import BACKLOG, HELD, SCENES, SHARDS, STARTING, WORKING, Scene
from tests.support.page_server import Served
from tests.support.waiting import until
from worker.core.model.snapshot import WaitsFor
from worker.status.web.verdict import verdict

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

    from tests.browser.conftest import Open

pytestmark = pytest.mark.slow

SOON_SECONDS = 20
EVERY_MS = 2000
NARROW = {"width": 360, "height": 740}
WIDE = {"width": 1120, "height": 800}
# Each mood in both schemes.
LOOKS = [
    ("working", "light", WIDE),
    ("working", "dark", NARROW),
    ("held", "light", NARROW),
    ("held", "dark", WIDE),
    ("backlog", "light", WIDE),
    ("backlog", "dark", NARROW),
    ("starting", "light", NARROW),
    ("starting", "dark", WIDE),
]


def says(page: Page, what: str, where: str = "h1") -> None:
    """Move the page's time until it says so."""

    def said() -> bool:
        page.clock.run_for(EVERY_MS)
        return what in (page.text_content(where) or "")

    until(said, SOON_SECONDS, what=f"{what!r} in {where}")


@pytest.mark.parametrize(
    ("scene", "scheme", "size"),
    LOOKS,
    ids=lambda each: f"{each['width']}" if isinstance(each, dict) else each,
)
def test_it_loads_without_a_complaint_and_everybody_can_read_it(
    opened: Open, scene: str, scheme: str, size: dict[str, int]
) -> None:
    """Contrast, headings, landmarks, names: all that axe-core looks for. Nothing is wider than the screen."""
    with (
        Served(SCENES[scene]) as served,
        opened(served.url, color_scheme=scheme, viewport=size) as shown,
    ):
        page = shown.page
        assert page.locator("h1").is_visible()
        # Of a hundred partitions, axe-core takes seconds for each row to be like the others.
        if scene != "backlog" and page.locator("summary").count():
            page.locator("summary").click()
        assert shown.violations() == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(18, 19, 21)") == (scheme == "dark")


@pytest.mark.parametrize("name", ["shop.interactions", "x" * 249], ids=["usual", "longest"])
def test_it_is_never_wider_than_the_screen(opened: Open, name: str) -> None:
    """A topic's name has 249 characters at most."""
    waits_for = WaitsFor("retry", 12.0, calls=3, code="A" * 64)
    partitions = [replace(each, topic=name, waits_for=waits_for) for each in BACKLOG.now.partitions[:20]]
    scene = Scene(replace(BACKLOG.now, group=name, partitions=tuple(partitions)), BACKLOG.before)
    with Served(scene) as served, opened(served.url) as shown:
        for width in (320, 360, 639, 641, 700, 895, 897, 1120):
            shown.page.set_viewport_size({"width": width, "height": 800})
            assert shown.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_hold_appears_and_goes_without_loading_the_page_anew(opened: Open) -> None:
    with Served(WORKING) as served, opened(served.url, clock=True) as shown:
        page = shown.page
        page.evaluate("window.mine = true")
        served.scene = HELD
        says(page, "Held")
        assert page.locator(".todo li").first.text_content() == (
            "Allow personalize:PutEvents on resource * to the worker's role"
        )
        assert page.title() == "Held · recommendations"
        assert page.get_attribute("#icon", "href") == "icon-bad.svg"
        assert page.text_content("#told") == "Held"
        served.scene = WORKING
        says(page, "Delivering")
        assert page.locator(".todo").count() == 0
        assert page.text_content("#told") == "Delivering"
        assert page.evaluate("window.mine")


def test_what_a_person_does_meanwhile_stays(opened: Open) -> None:
    """What is open, where the focus is, what is marked, and the place on the page."""
    with Served(WORKING) as served, opened(served.url, clock=True) as shown:
        page = shown.page
        page.locator("summary").click()
        page.locator("nav a").last.focus()
        page.evaluate(
            "getSelection().selectAllChildren(document.querySelector('.partitions tbody tr:nth-child(2) th'))"
        )
        page.evaluate("scrollTo(0, 300)")
        row = page.locator(".partitions tbody tr").first
        before = row.text_content()
        served.scene = replace(WORKING, now=replace(WORKING.now, partitions=BACKLOG.now.partitions[:20]))
        until(lambda: page.clock.run_for(EVERY_MS) or row.text_content() != before, SOON_SECONDS)
        assert page.locator("details").get_attribute("open") is not None
        assert page.evaluate("document.activeElement.textContent") == "/status"
        assert page.evaluate("String(getSelection())") == "shop.interactions[1]"
        assert page.evaluate("scrollY") == 300


def test_after_any_change_it_is_what_it_would_be_if_it_were_loaded_anew(opened: Open) -> None:
    """From each of the scenes to each other one."""
    shape = "document.querySelector('main').outerHTML + document.body.className + document.title"
    with (
        Served(WORKING) as served,
        opened(served.url, clock=True) as shown,
        opened(served.url) as fresh,
    ):
        lost = replace(WORKING, now=replace(WORKING.now, records_lost=7))
        for scene in (HELD, BACKLOG, lost, STARTING, SHARDS, WORKING, STARTING, HELD, WORKING):
            served.scene = scene

            def is_the_same(word: str = verdict(scene.now, scene.samples).word) -> bool:
                fresh.page.reload()
                shown.page.clock.run_for(EVERY_MS)
                wanted = fresh.page.evaluate(shape)
                return word in wanted and bool(shown.page.evaluate(shape) == wanted)

            until(is_the_same, SOON_SECONDS, what=verdict(scene.now, scene.samples).word)


def test_a_worker_that_is_gone_is_told_with_since_when_and_one_that_is_back_too(opened: Open) -> None:
    with Served(WORKING) as served:
        port = served.port
        with opened(served.url, clock=True, may_complain=True) as shown:
            page = shown.page
            says(page, "live", "#live")
            served.stop()
            says(page, "connection lost since ", "#live")
            assert (page.text_content("#told") or "").startswith("connection lost since ")
            # What was last known stays, without colours that look like now.
            assert page.text_content("h1") == "Delivering"
            assert page.evaluate("getComputedStyle(document.querySelector('main')).filter") == "grayscale(1)"
            assert shown.violations() == []
            with Served(HELD, port):
                says(page, "Held")
                assert (page.text_content("#live") or "").startswith("live")


def requests_of(page: Page) -> tuple[list[str], list[str]]:
    """What its script asks for, and what of that is answered."""
    asked: list[str] = []
    answered: list[str] = []

    def note(request: Request, where: list[str]) -> None:
        if request.resource_type == "xhr":
            where.append(request.url)

    page.on("request", lambda request: note(request, asked))
    page.on("requestfinished", lambda request: note(request, answered))
    return asked, answered


def test_a_page_that_nobody_sees_asks_for_nothing_and_asks_at_once_when_it_is_seen(opened: Open) -> None:
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true})"
    changed = "document.dispatchEvent(new Event('visibilitychange'))"
    with Served(WORKING) as served, opened(served.url, clock=True) as shown:
        page = shown.page
        asked, _ = requests_of(page)
        page.evaluate(f"{hide % 'true'}, {changed}")
        page.clock.run_for(60_000)
        assert page.text_content("#live") == "paused"
        assert asked == []
        page.evaluate(f"{hide % 'false'}, {changed}")
        until(lambda: page.title() and asked == [served.url], SOON_SECONDS)


def test_nor_does_one_that_is_left_while_it_asks(opened: Open) -> None:
    with Served(WORKING) as served, opened(served.url, clock=True) as shown:
        page = shown.page
        asked, answered = requests_of(page)
        page.evaluate(
            "() => { const send = XMLHttpRequest.prototype.send;"
            " XMLHttpRequest.prototype.send = function () { send.call(this);"
            " Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
            " document.dispatchEvent(new Event('visibilitychange')); } }"
        )
        page.clock.run_for(EVERY_MS)
        # What happened in the browser is told with the next question.
        until(lambda: page.title() and answered == [served.url], SOON_SECONDS)
        page.clock.run_for(60_000)
        assert page.title()
        assert asked == [served.url]


def test_another_version_loads_it_anew(opened: Open) -> None:
    with Served(WORKING) as served, opened(served.url, clock=True) as shown:
        shown.page.evaluate("window.mine = true")
        served.scene = replace(WORKING, now=replace(WORKING.now, version="0.2.0"))
        says(shown.page, "0.2.0", ".facts")
        assert not shown.page.evaluate("window.mine")


def test_the_keyboard_reaches_everything(opened: Open) -> None:
    with Served(WORKING) as served, opened(served.url) as shown:
        page, reached = shown.page, []
        for _ in range(6):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.textContent"))
            # It can be seen where one is.
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        assert reached == [
            *("To the status", "8 more, none of them worse", "/live", "/ready", "/metrics", "/status"),
        ]
        page.locator("summary").focus()
        page.keyboard.press("Enter")
        assert page.locator("details table").is_visible()


def test_without_scripts_it_is_whole_and_loads_itself_anew(opened: Open) -> None:
    with Served(HELD) as served, opened(served.url, java_script_enabled=False) as shown:
        page = shown.page
        assert page.text_content("h1") == "Held"
        before = served.asked
        until(lambda: served.asked > before, SOON_SECONDS, what="it being loaded anew")


@pytest.mark.parametrize(("motion", "moving"), [("reduce", 0), ("no-preference", 1)])
def test_nothing_moves_for_who_does_not_want_it(opened: Open, motion: str, moving: int) -> None:
    with Served(WORKING) as served, opened(served.url, reduced_motion=motion) as shown:
        assert shown.page.evaluate("document.getAnimations().length") == moving


def test_the_policy_is_in_force(opened: Open) -> None:
    """What is not the worker's own file has no effect."""
    with Served(WORKING) as served, opened(served.url, may_complain=True) as shown:
        page = shown.page
        hidden = page.evaluate(
            "(() => { const own = document.createElement('style'); own.textContent = 'body {display: none}';"
            " document.head.append(own); return getComputedStyle(document.body).display; })()"
        )
        assert hidden == "block"
        assert page.evaluate(
            "(() => { try { document.body.innerHTML = '<b>' } catch (e) { return e.name } })()"
        ) == ("TypeError")


def test_names_from_outside_are_text(opened: Open) -> None:
    name = "<script>alert(1)</script><img src=x onerror=alert(1)>\u202e"
    hostile = replace(WORKING.now, group=name, partitions=(replace(WORKING.now.partitions[0], topic=name),))
    with Served(replace(WORKING, now=hostile)) as served, opened(served.url, clock=True) as shown:
        page = shown.page
        says(page, "live", "#live")
        assert page.text_content(".group bdi") == name
        assert page.locator("img").count() == 0
        assert page.locator("script").count() == 1
