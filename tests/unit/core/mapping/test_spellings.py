"""The page of spellings says what becomes of each, and no spelling is left out of it."""

from __future__ import annotations

from pathlib import Path

from tests.unit.core.mapping.spellings import markdown

PAGE = Path(__file__).parents[4] / "docs" / "spellings.md"


def test_the_page_of_spellings_is_fresh() -> None:
    """If not: ``python -m tests.unit.core.mapping.spellings > docs/spellings.md``."""
    assert PAGE.read_text(encoding="utf-8") == markdown()
