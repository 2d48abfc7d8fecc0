"""The page that sets the chart beside others says of ours what is rendered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.chart.conftest import CI, ROOT

if TYPE_CHECKING:
    from tests.chart.conftest import Objects


def test_every_kind_that_the_table_names_is_rendered(objects: Objects) -> None:
    page = (ROOT / "docs/chart-beside-others.md").read_text()
    rows = [line.split(" | ")[:2] for line in page.splitlines() if line.startswith("| ")]
    named = {kind for row in rows for kind in re.findall(r"`([A-Z][A-Za-z]+)`", " ".join(row))}
    rendered = {kind for ci in CI for kind, _ in objects(ci)}
    assert len(named) >= 10
    assert named <= rendered


def test_the_number_of_files_in_ci_is_said() -> None:
    page = (ROOT / "docs/chart-beside-others.md").read_text()
    assert f"| files in ci/ | {len(CI)}, " in page
