"""The pages name only what exists: files, headings, targets of make, keys of the configuration, metrics."""

from __future__ import annotations

import re
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.telemetry.log_events import events
from worker.config import known_keys
from worker.telemetry.definition import PREFIX
from worker.telemetry.definitions import DEFINITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
# The changelog tells of names that are gone.
PAGES = sorted(
    str(each.relative_to(PROJECT))
    for each in chain(PROJECT.glob("*.md"), PROJECT.glob("docs/**/*.md"))
    if each.name != "CHANGELOG.md"
)
FOLDERS = ("worker", "tests", "docs", "config", "helm", "benchmarks", "tools", "dashboards")

LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]*)\)")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})(?:/[\w.-]+)+/?")
MODULE = re.compile(r"(?:worker|tests|benchmarks|dashboards)(?:\.[a-z_]\w*)+")
KEY = re.compile(rf"(?:{'|'.join(sorted({key.partition('.')[0] for key in known_keys()}))})\.[a-z_]+")
MAKE = re.compile(r"make ([a-z-]+)")
VARIABLE = re.compile(r"WORKER_([A-Z_]+?)__([A-Z]+(?:_[A-Z]+)*)")
METRIC = re.compile(rf"{PREFIX}([a-z_]+)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)

on_every_page = pytest.mark.parametrize("page", PAGES)


@cache
def event_names() -> frozenset[str]:
    return frozenset(each.name for each in events())


def text_of(page: str) -> str:
    return (PROJECT / page).read_text()


def codes(page: str) -> Iterator[str]:
    """What stands between backticks, outside of blocks."""
    return (found[1].strip() for found in CODE.finditer(FENCE.sub("", text_of(page))))


def anchors(page: Path) -> set[str]:
    """The headings' anchors, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    plain = (
        re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", each).lower()) for each in headings
    )
    return {each.replace(" ", "-") for each in plain}


def stands(module: str) -> bool:
    """Whether this is a module, or a name that is written in one."""
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        path = PROJECT.joinpath(*parts[:end])
        file = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
        if file.is_file():
            rest = parts[end:]
            return not rest or re.search(rf"\b{rest[0]}\b", file.read_text()) is not None
    return False


@on_every_page
def test_links_lead_somewhere(page: str) -> None:
    for target in LINK.findall(FENCE.sub("", text_of(page))):
        file, _, anchor = target.partition("#")
        place = (PROJECT / page).parent / file if file else PROJECT / page
        assert place.exists(), target
        if anchor:
            assert anchor in anchors(place), target


@on_every_page
def test_named_files_exist(page: str) -> None:
    for code in codes(page):
        if PATH.fullmatch(code):
            assert (PROJECT / code).exists(), code


@on_every_page
def test_named_modules_exist(page: str) -> None:
    for code in codes(page):
        if MODULE.fullmatch(code) and not PATH.fullmatch(code):
            assert stands(code) or code in event_names() or code.endswith(".yaml"), code


@on_every_page
def test_named_keys_and_log_events_exist(page: str) -> None:
    for code in codes(page):
        if KEY.fullmatch(code) and not code.endswith((".yaml", ".py")):
            assert code in known_keys() or code in event_names(), code


@on_every_page
def test_named_variables_are_keys(page: str) -> None:
    for section, key in VARIABLE.findall(text_of(page)):
        # With _FILE at its end, any of them names a file that holds the value.
        name = f"{section}.{key}".lower()
        assert name in known_keys() or name.removesuffix("_file") in known_keys(), (section, key)


@on_every_page
def test_named_targets_of_make_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    for code in codes(page):
        if found := MAKE.match(code):
            assert found[1] in targets, code


@on_every_page
def test_named_metrics_exist(page: str) -> None:
    names = {each.name for each in DEFINITIONS}
    for name in METRIC.findall(text_of(page)):
        assert name in names or re.sub("_(bucket|sum|count)$", "", name) in names, name
