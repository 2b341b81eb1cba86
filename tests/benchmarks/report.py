import re
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from tests.benchmarks.results import Beside, Bulk, Result, Rounds, middle

OURS = ("api", "dispatcher", "scheduler", "email-sender")
OTHERS = ("database", "broker", "redis", "sink")
Rows = list[list[str]]
MET = {True: "✓", False: "✗", None: ""}


def number(value: float) -> str:
    """Three significant digits."""
    if value == 0:
        return "0"
    digits = max(0, 2 - len(str(int(abs(value)))) + 1)
    return f"{value:,.{digits}f}"


def bulk_rows(rounds: Rounds, labels: Mapping[str, str]) -> tuple[list[str], Rows]:
    """CPU in seconds per 1,000 mails."""
    head = [
        "system",
        "mails",
        "mails/s",
        "ratio",
        "rounds",
        "own CPU",
        *OTHERS,
        "all CPU",
        "CPU ratio",
        "own MB",
    ]
    head += ["others", "load"]
    ours = next(iter(rounds.values()))
    rows = []
    for name, runs in rounds.items():
        run, beside = middle(runs), Beside.of(ours, runs)
        own = [role for role in run.roles if role not in OTHERS]
        scale = 1000 / run.mails
        rows.append(
            [
                labels.get(name, name),
                f"{run.mails:,}",
                number(run.rate),
                f"{beside.rate:.1f} ×",
                f"{beside.least:.1f}–{beside.most:.1f}",
                number(sum(run.roles[role] for role in own) * scale),
                *(number(run.roles[role] * scale) if role in run.roles else "–" for role in OTHERS),
                number(run.cost * 1000),
                f"{beside.cost:.1f} ×",
                f"{sum(run.memory.get(role, 0) for role in own):.0f}",
                f"{run.foreign:.0%}",
                f"{run.load:.1f}",
            ]
        )
    return head, rows


def role_rows(run: Bulk) -> tuple[list[str], Rows]:
    return ["role", "CPU µs per mail", "MB"], [
        [
            role,
            f"{seconds / run.mails * 1e6:,.0f}",
            f"{run.memory[role]:,.0f}" if role in run.memory else "–",
        ]
        for role, seconds in run.roles.items()
    ]


def target_of(result: Result, labels: Mapping[str, str]) -> str:
    """The target, with the peers' labels for their names."""
    return re.sub(r"(?<=× )\w+", lambda name: labels.get(name[0], name[0]), result.target)


def verdict(results: Sequence[Result], labels: Mapping[str, str]) -> str:
    with_target = [result for result in results if result.met is not None]
    missed = [
        f"{result.scenario} {result.metric} {number(result.hermodr)} (wanted {target_of(result, labels)})"
        for result in with_target
        if not result.met
    ]
    text = f"{len(with_target) - len(missed)} of {len(with_target)} targets met"
    return f"{text}; missed: {'; '.join(missed)}." if missed else f"{text}."


def result_rows(results: Sequence[Result], labels: Mapping[str, str]) -> tuple[list[str], Rows]:
    """All other numbers; a line for each peer beside ours."""
    head = ["scenario", "metric", "unit", "Hermodr", "target", "met", "peer", "its", "ratio", "load"]
    rows = []
    for result in results:
        ours = [result.scenario, result.metric, result.unit, number(result.hermodr)]
        ours += [target_of(result, labels), MET[result.met]]
        beside = [
            [labels.get(name, name), number(value), f"{result.ratio(name):.2f} ×"]
            for name, value in result.peers.items()
        ] or [[""] * 3]
        rows.append([*ours, *beside[0], f"{result.load:.1f}"])
        rows += [[""] * len(ours) + theirs + [""] for theirs in beside[1:]]
    return head, rows


def show(console: Console, title: str, head: Sequence[str], rows: Rows) -> None:
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(head):
        table.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def markdown(head: Sequence[str], rows: Rows) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
