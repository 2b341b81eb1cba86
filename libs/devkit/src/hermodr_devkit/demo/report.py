from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from hermodr_devkit.demo.facts import RunFacts
from hermodr_devkit.demo.judge import Cell, Line, Verdict
from hermodr_devkit.demo.scenario import LADDER

OWN = """\
{"type": "magic_link", "to": {"email": "you@example.com"},
       "priority": "urgent", "data": {"name": "you", "minutes": 15,
       "magic_link": "https://example.com/sign-in"}}"""
PLAIN = frozenset({"requested", "completed"})


def table(verdict: Verdict) -> Table:
    """One row for each kind; where the observation differs, the expectation too."""
    found = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, header_style="bold")
    found.add_column("observed/expected")
    for title in ("taken", "came", "tries"):
        found.add_column(title, justify="right")
    found.add_column("jobs")
    found.add_column("p50", justify="right", min_width=6)
    found.add_column("max", justify="right", min_width=6)
    found.add_column("", min_width=1)
    for line in verdict.lines:
        mark = Text("✗", "bold red") if line.wrong else Text("✓", "bold green")
        cells = (line.accepted, line.arrivals, line.attempts, line.state)
        times = (_milliseconds(line.typical), _milliseconds(line.slowest))
        found.add_row(_kind(line), *(_cell(cell) for cell in cells), *times, mark)
    return found


def totals(facts: RunFacts, verdict: Verdict) -> RenderableType:
    accepted = sum(kind.accepted for kind in facts.kinds.values())
    speed = f"{facts.mails} mails in {facts.seconds:.1f} s, {facts.busiest_second} of them within one second"
    blemishes = Text()
    for count, name in (
        (facts.duplicates, "duplicates"),
        (facts.stuck, "stuck jobs"),
        (facts.dead_letters, "dead letters"),
    ):
        blemishes.append(" · " if blemishes else "").append(
            f"{count} {name}", "bold red" if count else "green"
        )
    jobs = sum(kind.states.total() for kind in facts.kinds.values())
    repeated = ": one request was a repetition" if accepted - jobs == 1 else ""
    counts = Group(
        Text(f"p50, max: from request (or due time) to mail accepted; retries here after {LADDER}", "dim"),
        Text(f"{accepted} requests accepted, {jobs} jobs{repeated}"),
        Text(speed),
        blemishes,
    )
    if not verdict.wrong:
        return Group(counts, Text("Every expectation held.", style="bold green"))
    wrong = [Text(f"✗ {text}", style="red") for text in verdict.wrong]
    return Group(counts, Text("Not everything held:", style="bold red"), *wrong)


def story(entries: Sequence[Mapping[str, Any]]) -> RenderableType:
    """A timeline with the details worth reading."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(justify="right", style="dim", no_wrap=True)
    lines.add_column(no_wrap=True)
    lines.add_column()
    start = datetime.fromisoformat(entries[0]["at"]) if entries else None
    for entry in entries:
        after = (datetime.fromisoformat(entry["at"]) - start).total_seconds() if start else 0.0
        lines.add_row(f"+{after:.3f} s", _event(entry), Text(_details(entry), style="dim"))
    return Group(Rule("What happened to a mail that came back?", align="left", style="dim"), lines)


def addresses(urls: Mapping[str, str]) -> RenderableType:
    lines = Table.grid(padding=(0, 2))
    for name, url in urls.items():
        address = url.split()[0]
        link = f" link {address}" if address.startswith("http") else ""
        lines.add_row(Text(name), Text(url, style=f"cyan{link}"))
    return Group(Rule("Look around", align="left", style="dim"), Padding(lines, (0, 0, 0, 2)))


def own(api_url: str, key: str) -> Text:
    """A command that sends one more mail."""
    return Text(
        f"curl -X POST {api_url}/v1/notifications \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -H 'Authorization: Bearer {key}' \\\n"
        f"  -d '{OWN}'"
    )


def _kind(line: Line) -> Text:
    text = Text(line.kind.title)
    if line.promise is not None:
        text.append(f"\n  {line.promise.text}", style="dim" if line.promise.held else "bold red")
    return text


def _cell(cell: Cell) -> Text:
    return Text(cell.text, style="" if cell.held else "bold red")


def _milliseconds(seconds: float | None) -> Text:
    if seconds is None:
        return Text("–", style="dim")
    return Text(f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s")


def _event(entry: Mapping[str, Any]) -> Text:
    event, detail = str(entry["event"]), entry["detail"]
    if event == "attempted":
        good = detail.get("outcome") == "sent"
        text = f"attempt {detail.get('number')} by {detail.get('provider')}: {detail.get('outcome')}"
        return Text(text, style="green" if good else "yellow")
    return Text(event.replace("_", " "), style="bold" if event in PLAIN else "")


def _details(entry: Mapping[str, Any]) -> str:
    event, detail = str(entry["event"]), entry["detail"]
    if event == "attempted":
        return " ".join(str(detail[name]) for name in ("code", "detail") if name in detail)
    if event == "decided" and "template" in detail:
        template = f"template {detail['template']} v{detail['template_version']}"
        return f"{detail['channel']}, {template}, locale {detail['locale']}"
    if event.startswith("delivery_"):
        return ""
    shown = {name: value for name, value in detail.items() if not name.endswith("_id")}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())
