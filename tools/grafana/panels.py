"""What dashboards are made of. Queries go to the data source that the dashboard's own variable chooses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
)

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH, HEIGHT = 24, 8
GREEN, YELLOW, RED = "green", "yellow", "red"

Panel = timeseries.Panel | stat.Panel


@dataclass(frozen=True)
class Row:
    title: str
    panels: Sequence[Panel]


def rate(metric: str, by: str = "", where: str = "") -> str:
    """Events a second of a counter, as PromQL, over the interval that suits the graph's resolution."""
    inner = f"rate({metric}{_where(where)}[$__rate_interval])"
    return f"sum by ({by}) ({inner})" if by else f"sum({inner})"


def quantile(q: float, histogram: str, by: str = "", where: str = "") -> str:
    """Of a histogram, as PromQL."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, {rate(f'{histogram}_bucket', labels, where)})"


def quantiles(histogram: str, by: str = "", where: str = "") -> dict[str, str]:
    """Median and 95th percentile, by legend."""
    shown = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(",") if label)
    return {f"{shown} p{round(q * 100)}".strip(): quantile(q, histogram, by, where) for q in (0.5, 0.95)}


def graph(
    title: str, unit: str, says: str, queries: Mapping[str, str], *, width: int = 12, stacked: bool = False
) -> timeseries.Panel:
    """Lines over time. `queries`: PromQL by legend; `unit` as Grafana names it."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(says)
        .unit(unit)
        .min(0)
        .datasource(SOURCE)
        .span(width)
        .height(HEIGHT)
        .fill_opacity(30 if stacked else 8)
        .stacking(common.StackingConfig().mode(StackingMode.NORMAL if stacked else StackingMode.NONE))
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    for number, (legend, expression) in enumerate(queries.items()):
        panel.with_target(_query(expression, number).legend_format(legend))
    return panel


def number(
    title: str, unit: str, says: str, query: str, *, yellow: float | None = None, red: float | None = None
) -> stat.Panel:
    """One value as it is now, in a colour: from `yellow` on, from `red` on (the other way round if red is smaller)."""
    return (
        stat.Panel()
        .title(title)
        .description(says)
        .unit(unit)
        .datasource(SOURCE)
        .span(4)
        .height(HEIGHT // 2)
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(_steps(yellow, red)))
        .with_target(_query(query, 0).instant())
    )


def board(name: str, title: str, says: str, rows: Sequence[Row]) -> Dashboard:
    """A dashboard with the address `/d/hermodr-<name>`."""
    made = (
        dashboard.Dashboard(title)
        .uid(f"hermodr-{name}")
        .description(says)
        .tags(["hermodr"])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-3h", "now")
        .refresh("30s")
        .timezone("browser")
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    numbers = count(1)
    for row in rows:
        made = made.with_row(dashboard.Row(row.title).id(next(numbers)))
        for panel in row.panels:
            made = made.with_panel(panel.id(next(numbers)))
    return made.build()


def _query(expression: str, number: int) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expression).datasource(SOURCE).ref_id(chr(ord("A") + number))


def _where(matchers: str) -> str:
    return f"{{{matchers}}}" if matchers else ""


def _steps(yellow: float | None, red: float | None) -> list[Threshold]:
    if red is not None and yellow is not None and red < yellow:
        return [
            Threshold(color=RED, value=None),
            Threshold(color=YELLOW, value=red),
            Threshold(color=GREEN, value=yellow),
        ]
    given = [(YELLOW, yellow), (RED, red)]
    higher = [Threshold(color=color, value=value) for color, value in given if value is not None]
    return [Threshold(color=GREEN, value=None), *higher]
