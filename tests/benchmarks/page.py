"""The run as a self-contained HTML page with charts."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from tests.benchmarks import report
from tests.benchmarks.circumstances import Circumstances
from tests.benchmarks.results import Result, Rounds, disturbed, middle

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Hermodr: benchmarks</title>
<style>
:root {{ color-scheme: light dark; --bar: #8a94a6; --ours: #2f6fde; }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.1rem; margin-top: 2rem; }}
.chart {{ display: grid; grid-template-columns: 17rem 1fr; gap: .35rem .75rem; align-items: center; }}
.chart span:nth-child(odd) {{ text-align: right; }}
.bar {{ background: var(--bar); border-radius: 3px; display: inline-block; height: 1.2em; vertical-align: middle; }}
.ours .bar {{ background: var(--ours); }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: right; white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; }}
</style></head><body><h1>Hermodr: benchmarks</h1>
<p>{command}, {date}, commit {commit}. {machine}. {versions}.</p>
<p><b>{verdict}</b></p>
{content}
</body></html>
"""


def write(
    path: Path, bulk: Rounds, results: Sequence[Result], labels: Mapping[str, str], run: Circumstances
) -> None:
    parts = []
    if warning := disturbed(bulk):
        parts += [f"<p>{escape(warning)}</p>"]
    if bulk:
        runs = {labels.get(name, name): middle(each) for name, each in bulk.items()}
        rates = {name: run.rate for name, run in runs.items()}
        costs = {name: run.cost * 1e6 for name, run in runs.items()}
        parts += ["<h2>Bulk: mails per second, end to end</h2>", _chart(rates)]
        parts += ["<h2>Processor time per mail, µs, without the mail server</h2>", _chart(costs)]
        parts += ["<h2>Bulk in numbers, CPU in seconds per 1,000 mails</h2>"]
        parts += [_table(*report.bulk_rows(bulk, labels))]
        parts += ["<h2>Hermodr by role</h2>", _table(*report.role_rows(next(iter(runs.values()))))]
    if others := [result for result in results if result.scenario != "bulk"]:
        parts += ["<h2>One at a time</h2>", _table(*report.result_rows(others, labels))]
    words = {name: escape(value) for name, value in vars(run).items()}
    verdict = escape(report.verdict(results, labels))
    path.write_text(PAGE.format(content="\n".join(parts), verdict=verdict, **words), encoding="utf-8")


def _chart(values: Mapping[str, float]) -> str:
    most = max(values.values()) or 1.0
    lines = [
        f"<span>{escape(label)}</span><span{' class=ours' if index == 0 else ''}>"
        f"<i class=bar style='width:{value / most * 80:.1f}%'></i> {report.number(value)}</span>"
        for index, (label, value) in enumerate(values.items())
    ]
    return f"<div class=chart>{''.join(lines)}</div>"


def _table(head: Sequence[str], rows: report.Rows) -> str:
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return f"<div class=scroll><table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table></div>"
