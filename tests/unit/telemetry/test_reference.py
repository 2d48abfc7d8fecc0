from __future__ import annotations

from pathlib import Path

from worker.telemetry.definitions import DEFINITIONS
from worker.telemetry.reference import markdown

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_the_page_of_metrics_is_fresh() -> None:
    """If not: ``python -m worker.telemetry.reference > docs/metrics.md``."""
    assert PAGE.read_text() == markdown()


def test_every_metric_says_what_it_means_and_what_to_do() -> None:
    for each in DEFINITIONS:
        assert each.meaning.endswith(".")
        assert each.action.endswith(".")
        assert "|" not in each.meaning + each.action
