"""The site of the pages has all of them, each once."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2]
PAGES = sorted(str(each.relative_to(PROJECT / "docs")) for each in PROJECT.glob("docs/**/*.md"))
# Of the repository's root; tools/docs_site.py brings them in.
ROOT = {"index.md", "architecture.md", "changelog.md", "code-of-conduct.md", "contributing.md", "security.md"}


class Loader(yaml.SafeLoader):
    """Reads mkdocs' own tags as nothing."""


Loader.add_multi_constructor("", lambda *_: None)  # type: ignore[no-untyped-call]  # PyYAML's stubs


def named(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        yield from chain.from_iterable(map(named, nav.values() if isinstance(nav, dict) else nav))


NAMED = tuple(named(yaml.load((PROJECT / "mkdocs.yml").read_text(), Loader)["nav"]))  # noqa: S506  it is safe


def test_every_page_has_its_place_in_the_site() -> None:
    """If not: name it under ``nav`` in mkdocs.yml."""
    assert [each for each in PAGES if not any(fnmatchcase(each, pattern) for pattern in NAMED)] == []


def test_every_place_in_the_site_has_its_page_and_no_other_has_it() -> None:
    assert [each for each in NAMED if "*" not in each and each not in {*PAGES, *ROOT}] == []
    assert [each for each, times in Counter(NAMED).items() if times > 1] == []


def test_the_site_loads_nothing_from_elsewhere() -> None:
    text = (PROJECT / "mkdocs.yml").read_text()
    assert "font: false" in text
    assert "://" not in text
