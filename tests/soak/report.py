import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.soak.experiment import Soak
from tests.soak.slopes import Series, Slope

SHORTEST = 600.0
"""Seconds; in a shorter run every process is still warming up."""
WIDTH, HEIGHT, MARGIN = 520.0, 110.0, 4.0
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Hermodr: soak</title>
<style>
:root {{ color-scheme: light dark; --line: #2f6fde; --bad: #c33; }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }}
.charts {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); gap: 1rem 2rem; }}
figure {{ margin: 0; }} figcaption {{ font-size: .85rem; }}
svg {{ width: 100%; height: auto; background: #8881; border-radius: 3px; }}
polyline {{ fill: none; stroke: var(--line); stroke-width: 1.5; vector-effect: non-scaling-stroke; }}
.growing polyline {{ stroke: var(--bad); }} line {{ stroke: #8886; stroke-dasharray: 2 3; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ border-bottom: 1px solid #8884; padding: .2rem .6rem; text-align: right; white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; }}
</style></head><body><h1>Hermodr: soak</h1><p>{summary}</p>
<div class="charts">{charts}</div><h2>In numbers</h2>{table}</body></html>
"""
HEAD = ("what", "unit", "at first", "middle", "most", "last", "per hour", "allowed", "verdict")


def slopes(soak: Soak) -> list[Slope]:
    order = {kind: place for place, kind in enumerate(dict.fromkeys(kind for kind, _ in soak.series))}
    rows = sorted(soak.series.values(), key=lambda series: order[series.kind])
    return [slope for slope in (series.slope() for series in rows) if slope is not None]


def growing(soak: Soak) -> list[Slope]:
    """What should be flat and is not. Nothing in a run that was too short."""
    if soak.seconds < SHORTEST:
        return []
    return [slope for slope in slopes(soak) if slope.series.kind.judged and not slope.flat]


def verdict(slope: Slope) -> str:
    if not slope.series.kind.judged:
        return "(not judged)"
    return "flat" if slope.flat else "NOT FLAT"


def row(slope: Slope) -> list[str]:
    numbers = (slope.first, slope.middle, slope.most, slope.last)
    kind = slope.series.kind
    return [
        slope.series.name,
        kind.unit,
        *(f"{value:,.1f}" for value in numbers),
        f"{slope.per_hour:+,.1f}",
        f"{slope.allowed:,.1f}",
        verdict(slope),
    ]


def summary(soak: Soak) -> str:
    had = soak.accepted / (soak.seconds or 1)
    return (
        f"{soak.seconds / 60:.0f} min at {had:.0f} mails/s ({soak.rate:.0f} wanted), {len(soak.faults)} faults: "
        f"{soak.accepted:,} accepted, {soak.arrived:,} arrived, {soak.lost} lost, {soak.doubled} doubled "
        f"({soak.again} sent again after {soak.unknown} unknown attempts), {soak.stuck} stuck, "
        f"{soak.uncertain} without a certain answer; everything ended {soak.drained:.0f} s after the load"
    )


def show(console: Console, soak: Soak) -> None:
    table = Table(title="the second half of the run", title_justify="left")
    for index, column in enumerate(HEAD):
        table.add_column(column, justify="left" if index == 0 else "right", no_wrap=True)
    for slope in slopes(soak):
        style = "red" if verdict(slope) == "NOT FLAT" else None
        table.add_row(*row(slope), style=style)
    console.print(table)
    console.print(summary(soak), highlight=False)
    for complaint in soak.complaints:
        console.print(complaint, style="red", markup=False)
    for fault in soak.undone:
        console.print(f"could not be done: {fault}", style="yellow", markup=False)


def document(soak: Soak) -> dict[str, Any]:
    """Complete after `count`."""
    counts = ("left_out", "accepted", "arrived", "lost", "doubled", "again", "unknown", "stuck", "uncertain")
    return {
        "seconds": soak.seconds,
        "mails_per_second": soak.rate,
        "counts": {name: getattr(soak, name) for name in counts},
        "drained_seconds": soak.drained,
        "complaints": soak.complaints,
        "undone": soak.undone,
        "faults": [{"at": round(at, 1), "what": what} for at, what in soak.faults],
        "slopes": [
            {
                "what": slope.series.kind.name,
                "of": slope.series.of,
                "unit": slope.series.kind.unit,
                "first": slope.first,
                "middle": slope.middle,
                "most": slope.most,
                "last": slope.last,
                "per_hour": slope.per_hour,
                "allowed": slope.allowed,
                "verdict": verdict(slope),
            }
            for slope in slopes(soak)
        ],
        "series": [
            {"what": series.kind.name, "of": series.of, "unit": series.kind.unit, "points": series.points}
            for series in soak.series.values()
        ],
    }


def write(soak: Soak, json_file: Path | None, page: Path) -> None:
    if json_file is not None:
        json_file.write_text(json.dumps(document(soak), indent=1) + "\n", encoding="utf-8")
    faults = [at for at, _ in soak.faults]
    bad = {id(slope.series) for slope in growing(soak)}
    charts = "".join(_chart(series, faults, id(series) in bad) for series in soak.series.values())
    table = _table([HEAD, *(row(slope) for slope in slopes(soak))])
    page.write_text(PAGE.format(summary=escape(summary(soak)), charts=charts, table=table), encoding="utf-8")


def _chart(series: Series, faults: Iterable[float], bad: bool) -> str:
    longest = max(at for at, _ in series.points) or 1.0
    most = max(value for _, value in series.points) or 1.0

    def across(at: float) -> float:
        return MARGIN + at / longest * (WIDTH - 2 * MARGIN)

    points = " ".join(
        f"{across(at):.1f},{HEIGHT - MARGIN - value / most * (HEIGHT - 2 * MARGIN):.1f}"
        for at, value in series.points
    )
    lines = "".join(
        f'<line x1="{across(at):.1f}" x2="{across(at):.1f}" y1="0" y2="{HEIGHT}"/>'
        for at in faults
        if at <= longest
    )
    last = series.points[-1][1]
    caption = f"{escape(series.name)}: {last:,.1f} {escape(series.kind.unit)} (most {most:,.1f})"
    return (
        f'<figure class="{"growing" if bad else ""}"><svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}">{lines}'
        f'<polyline points="{points}"/></svg><figcaption>{caption}</figcaption></figure>'
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *others = rows
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in line) for line in others]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
