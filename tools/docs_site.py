"""Makes the site of ``docs/`` what a reader expects of it: hooks of mkdocs, named in ``mkdocs.yml``.

Pages are written for the repository, where links lead to any file. Here the pages of its root become pages of
the site, links to other pages are bent to where those are now, and links to code lead to ``repo_url``, if
there is one.
"""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT_PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Pages of the repository's root, and where they are in the site."""

BLOCK = re.compile(r"^( *)```.*?^\1```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
# The address of code that nobody can tell, and what becomes text for that.
CODE = "no-address"
TO_CODE = re.compile(rf"\[([^]]*)\]\({CODE}\)")
NUMBERED = re.compile(r"^\d+\. ")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages in the place of the patterns that stand for them."""
    pages = {str(each.relative_to(config.docs_dir)) for each in Path(config.docs_dir).rglob("*.md")}
    pages |= set(ROOT_PAGES.values())
    taken = named(config.nav)
    config.nav = filled(config.nav, sorted(pages - taken))
    return config


def named(nav: Any) -> set[str]:  # noqa: ANN401  a tree of lists, dicts and strings
    """The pages that the tree names in full."""
    if isinstance(nav, str):
        return set() if "*" in nav else {nav}
    return set().union(*(named(each) for each in (nav.values() if isinstance(nav, dict) else nav)))


def filled(nav: Any, pages: list[str]) -> Any:  # noqa: ANN401  as above
    """The tree, with each pattern replaced by the pages, of these, that match it; no section stays empty."""
    if isinstance(nav, dict):
        below = {title: filled(each, pages) for title, each in nav.items()}
        return {title: each for title, each in below.items() if each}
    if not isinstance(nav, list):
        return nav
    found = []
    for each in nav:
        if isinstance(each, str) and "*" in each:
            taken = [page for page in pages if fnmatchcase(page, each)]
            found += taken
            # Each page is in one place: a pattern gets what those before it left.
            pages[:] = [page for page in pages if page not in taken]
        else:
            found.append(filled(each, pages))
    return [each for each in found if each]


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages of the repository's root."""
    root = Path(config.config_file_path).parent
    for name, place in ROOT_PAGES.items():
        if (root / name).exists():
            files.append(File.generated(config, place, content=(root / name).read_text()))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Bend the links, and indent what belongs to a numbered item as Python-Markdown wants it."""
    sources = {place: name for name, place in ROOT_PAGES.items()}
    place = page.file.src_uri
    source = sources.get(place, f"docs/{place}")
    folder = posixpath.dirname(source)

    def bent(found: re.Match[str]) -> str:
        target, anchor = posixpath.normpath(posixpath.join(folder, found[1])), found[2] or ""
        new = ROOT_PAGES.get(target, target.removeprefix("docs/") if target.startswith("docs/") else None)
        if new is not None and files.get_file_from_path(new) is None and f"{new}/README.md" in files.src_uris:
            new = f"{new}/README.md"
        if new is not None:
            return posixpath.relpath(new, posixpath.dirname(place) or ".") + anchor
        return f"{str(config.repo_url).rstrip('/')}/blob/main/{target}{anchor}" if config.repo_url else CODE

    return deeper(outside_blocks(markdown, lambda text: TO_CODE.sub(r"\1", LINK.sub(bent, text))))


def outside_blocks(markdown: str, change: Any) -> str:  # noqa: ANN401  a function of text
    """The page with ``change`` made to all that is not within a block of code."""
    parts, at = [], 0
    for block in BLOCK.finditer(markdown):
        parts += [change(markdown[at : block.start()]), block[0]]
        at = block.end()
    return "".join([*parts, change(markdown[at:])])


def deeper(markdown: str) -> str:
    """Indent by four what belongs to a numbered item and is indented by three, as its text begins there.

    After an item of several blocks Python-Markdown wants an empty line: the next would be part of the last.
    """
    lines, within, has_blocks = [], False, False
    for line in markdown.split("\n"):
        if NUMBERED.match(line):
            if has_blocks:
                lines.append("")
            within, has_blocks = True, False
        elif not line:
            has_blocks = within
        elif not line.startswith("   "):
            within = has_blocks = False
        lines.append(f" {line}" if within and line.startswith("   ") else line)
    return "\n".join(lines)
