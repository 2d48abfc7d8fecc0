"""The dashboard is what its module writes, and each panel can be read."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest

from dashboards.grafana import dashboard_json
from dashboards.rows import ROWS
from tests.alerts.queries import dashboard, grouped_by
from tests.alerts.rules import FILES
from worker.telemetry.definition import PREFIX
from worker.telemetry.definitions import DEFINITIONS

ROW_TITLES = (
    "Flow",
    "Age and lag",
    "Quota and rate",
    "Holds and errors",
    "Dead letters",
    "Resources",
    "Kafka",
    "Kinesis",
)
CHARTS = [chart for _, charts in ROWS for chart in charts]
COLUMNS = 24


def places() -> list[dict[str, int]]:
    return [panel["gridPos"] for panel in dashboard()["panels"]]


def test_the_dashboard_is_fresh() -> None:
    """If not: ``python -m dashboards > helm/personalize-worker/files/dashboard.json``."""
    assert (FILES / "dashboard.json").read_text() == dashboard_json()


def test_its_rows_go_from_what_is_asked_first_to_one_source() -> None:
    titles = [panel["title"] for panel in dashboard()["panels"] if panel["type"] == "row"]
    assert tuple(titles) == ROW_TITLES


def test_data_source_namespace_job_and_pod_can_be_chosen() -> None:
    variables: list[dict[str, Any]] = dashboard()["templating"]["list"]
    assert [each["name"] for each in variables] == ["datasource", "namespace", "job", "worker", "pod"]
    assert all(each["allValue"] == ".*" for each in variables[1:])


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.title)
def test_a_panel_says_what_it_shows_and_names_each_series(chart: Any) -> None:
    assert chart.description.endswith(".")
    for query in chart.queries:
        named = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
        assert named <= grouped_by(query.expr), query
        assert len(chart.queries) == 1 or query.legend


def test_every_query_asks_only_for_what_was_chosen() -> None:
    for chart in CHARTS:
        for query in chart.queries:
            names = re.findall(r"\b(?:personalize_worker|process)_\w+", query.expr)
            assert (
                query.expr.count('{namespace=~"$namespace",job=~"$job",worker=~"$worker",pod=~"$pod"')
                == len(names)
                > 0
            )


def test_every_metric_of_the_worker_is_shown() -> None:
    text = dashboard_json()
    assert [each.name for each in DEFINITIONS if f"{PREFIX}{each.name}" not in text] == []


def test_no_panel_lies_over_another() -> None:
    taken: set[tuple[int, int]] = set()
    for place in places():
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= COLUMNS
        assert not cells & taken
        taken |= cells


def test_rows_stand_in_their_order() -> None:
    heights = [panel["gridPos"]["y"] for panel in dashboard()["panels"] if panel["type"] == "row"]
    assert all(above < below for above, below in pairwise(heights))
