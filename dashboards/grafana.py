"""Makes Grafana's dashboard of the rows, with Grafana's own library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import common, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as words
from grafana_foundation_sdk.models import dashboard as models

from dashboards.rows import ROWS
from worker.telemetry.definition import PREFIX

if TYPE_CHECKING:
    from dashboards.chart import Chart, Query

UID: Final = "personalize-worker"
_SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")

_WIDTH, _HEIGHT = 8, 8
_FIGURE_WIDTH, _FIGURE_HEIGHT = 6, 4
_EACH_POD: Final = f"{PREFIX}build_info"
_OF_JOB: Final = 'namespace=~"$namespace",job=~"$job"'


def dashboard_json() -> str:
    """Return the dashboard as text that is the same each time."""
    return JSONEncoder(sort_keys=True, indent=1).encode(_dashboard().build()) + "\n"


def _dashboard() -> builders.Dashboard:
    board = (
        builders.Dashboard("Personalize worker")
        .uid(UID)
        .description("Delivery of records to Amazon Personalize: flow, delay, quota, holds, sources.")
        .tags(["personalize-worker"])
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_variable("namespace", f"label_values({_EACH_POD}, namespace)"))
        .with_variable(_variable("job", f'label_values({_EACH_POD}{{namespace=~"$namespace"}}, job)'))
        .with_variable(
            # One of several in a release.
            _variable("worker", f"label_values({_EACH_POD}{{{_OF_JOB}}}, worker)")
        )
        .with_variable(_variable("pod", f'label_values({_EACH_POD}{{{_OF_JOB},worker=~"$worker"}}, pod)'))
    )
    for title, charts in ROWS:
        board = board.with_row(builders.Row(title))
        for chart in charts:
            board = board.with_panel(_figure(chart) if chart.kind == "figure" else _lines(chart))
    return board


def _variable(name: str, query: str) -> builders.QueryVariable:
    return (
        builders.QueryVariable(name)
        .label(name.capitalize())
        .datasource(_SOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        # Also of targets that do not have the label.
        .all_value(".*")
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
    )


def _figure(chart: Chart) -> stat.Panel:
    panel = (
        stat.Panel()
        .title(chart.title)
        .description(chart.description)
        .datasource(_SOURCE)
        .unit(chart.unit)
        .span(_FIGURE_WIDTH)
        .height(_FIGURE_HEIGHT)
        .thresholds(_thresholds(chart))
        .graph_mode(words.BigValueGraphMode.AREA)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    for place, query in enumerate(chart.queries):
        panel = panel.with_target(_target(place, query))
    return panel


def _lines(chart: Chart) -> timeseries.Panel:
    is_stacked = chart.kind == "stacked"
    panel = (
        timeseries.Panel()
        .title(chart.title)
        .description(chart.description)
        .datasource(_SOURCE)
        .unit(chart.unit)
        .span(_WIDTH)
        .height(_HEIGHT)
        .fill_opacity(30 if is_stacked else 5)
        .line_width(1)
        .show_points(words.VisibilityMode.NEVER)
        .thresholds(_thresholds(chart))
        .tooltip(common.VizTooltipOptions().mode(words.TooltipDisplayMode.MULTI))
        .legend(
            common.VizLegendOptions()
            .display_mode(words.LegendDisplayMode.LIST)
            .placement(words.LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
    )
    if chart.kind == "stacked":
        panel = panel.stacking(common.StackingConfig().mode(words.StackingMode.NORMAL))
    if chart.red_from is not None:
        panel = panel.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(words.GraphThresholdsStyleMode.DASHED)
        )
    if chart.highest is not None:
        panel = panel.max(chart.highest)
    if not any(word in chart.title for word in ("Clock", "Keys end")):
        panel = panel.min(0)
    for place, query in enumerate(chart.queries):
        panel = panel.with_target(_target(place, query))
    return panel


def _thresholds(chart: Chart) -> builders.ThresholdsConfig:
    steps = [models.Threshold(value=None, color="green")]
    if chart.red_from is not None:
        steps.append(models.Threshold(value=chart.red_from, color="red"))
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _target(place: int, query: Query) -> Dataquery:
    return (
        Dataquery()
        .ref_id(chr(ord("A") + place))
        .datasource(_SOURCE)
        .expr(query.expr)
        .legend_format(query.legend)
        .range()
    )
