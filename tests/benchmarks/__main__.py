"""`make bench`: all scenarios and peers in one run, on servers of their own.

Environment: PEERS=none or names separated by commas; QUICK=1; JSON=file; DOC=1 writes docs/benchmarks.md; ONLY=bulk,…
some scenarios; ROUNDS=3 how often bulk is repeated.
"""

import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop
from rich.console import Console

from tests.benchmarks import bulk, document, page, peer, report, tasks, waits
from tests.benchmarks.circumstances import Circumstances
from tests.benchmarks.installed import NotInstalled
from tests.benchmarks.mailbox import Incomplete, Mailbox, mailbox
from tests.benchmarks.report import number
from tests.benchmarks.results import Beside, Bulk, Result, Rounds, disturbed, middle
from tests.benchmarks.scenarios import SCENARIOS
from tests.benchmarks.servers import Servers, folder, servers
from tests.benchmarks.site import OURS, say, site
from tests.support.interruption import interruptible

LABELS = {
    OURS: "Hermodr",
    **{one.name: one.label for one in (*tasks.PEERS.values(), *peer.PEERS)},
    "bare_fastapi": "bare FastAPI + INSERT",
}


@dataclass(frozen=True)
class Choice:
    quick: bool
    peers: tuple[peer.Peer, ...]
    scenarios: tuple[str, ...]
    repeated: int = 0
    task_peers: tuple[peer.Peer, ...] = ()

    @property
    def mails(self) -> int:
        return 5_000 if self.quick else 20_000

    @property
    def peer_mails(self) -> int:
        """Peers are slower and steady: fewer mails give the same rate."""
        return 1_500 if self.quick else 5_000

    @property
    def rounds(self) -> int:
        return self.repeated or (1 if self.quick else 3)

    @classmethod
    def of_environment(cls) -> "Choice":
        named = os.environ.get("PEERS") or "all"
        known = dict.fromkeys([*(one.name for one in peer.PEERS), *tasks.PEERS])
        names = {"all": set(known), "none": set[str]()}.get(named, set(named.split(",")))
        if names - set(known):
            raise SystemExit(f"PEERS: none, all, or some of {', '.join(known)}")
        every = ("bulk", *SCENARIOS)
        scenarios = tuple((os.environ.get("ONLY") or ",".join(every)).split(","))
        if set(scenarios) - set(every):
            raise SystemExit(f"ONLY: some of {', '.join(every)}")
        repeated = os.environ.get("ROUNDS") or "0"
        if not repeated.isdigit():
            raise SystemExit("ROUNDS: a number")
        return cls(
            bool(os.environ.get("QUICK")),
            tuple(one for one in peer.PEERS if one.name in names),
            scenarios,
            int(repeated),
            tuple(one for name, one in tasks.PEERS.items() if name in names),
        )


@dataclass
class Findings:
    bulk: dict[str, list[Bulk]] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)


def tell(turn: int, name: str, run: Bulk) -> None:
    say(
        f"bulk, round {turn + 1}: {LABELS[name]}: {run.rate:,.0f} mails/s, {run.foreign:.0%} of the work was others'"
    )


async def bulk_rounds(choice: Choice, place: Servers, box: Mailbox, found: Findings) -> None:
    """Our bulk run and every peer's in turn, in each round."""
    runs = found.bulk
    for turn in range(choice.rounds):
        async with site(place, box) as here:
            runs.setdefault(OURS, []).append(await bulk.measure(here, choice.mails))
        tell(turn, OURS, runs[OURS][-1])
        for one in choice.peers:
            if one.name in found.missing:
                continue
            try:
                run = await peer.measure(one, place, box, choice.peer_mails, say)
            except (NotInstalled, Incomplete, RuntimeError) as error:
                found.missing[one.name] = str(error)
                say(f"left out: {one.label}: {error}")
                continue
            runs.setdefault(one.name, []).append(run)
            tell(turn, one.name, run)
    found.results += bulk_results(runs)


def bulk_results(rounds: Rounds) -> list[Result]:
    """The numbers of each system's median run."""
    ours, peers = middle(rounds[OURS]), [name for name in rounds if name != OURS]
    theirs = {name: middle(rounds[name]) for name in peers}
    beside = {name: Beside.of(rounds[OURS], rounds[name]) for name in peers}

    return [
        Result(
            *("bulk", "mails_per_second", "1/s", ours.rate),
            {name: run.rate for name, run in theirs.items()},
            ours.load,
            "≥ 4,000 or ≥ 7 × celery_pg",
            {name: each.rate for name, each in beside.items()},
        ),
        Result(
            *("bulk", "cpu_all_but_sink", "s/1000", ours.cost * 1000),
            {name: run.cost * 1000 for name, run in theirs.items()},
            ours.load,
            ratios={name: each.cost for name, each in beside.items()},
        ),
        *(
            Result("bulk", f"cpu_{role}", "s/1000", seconds / ours.mails * 1000, load=ours.load)
            for role, seconds in ours.roles.items()
        ),
        *(
            Result("bulk", f"memory_{role}", "MB", megabytes, load=ours.load)
            for role, megabytes in ours.memory.items()
        ),
    ]


async def measure(choice: Choice, place: Servers) -> Findings:
    found = Findings()
    began = time.monotonic()
    async with mailbox() as box:
        for place_in_line, name in enumerate(choice.scenarios, 1):
            minutes, seconds = divmod(int(time.monotonic() - began), 60)
            say(f"[{minutes}:{seconds:02}] {name}, {place_in_line} of {len(choice.scenarios)} …")
            if name == "bulk":
                await bulk_rounds(choice, place, box, found)
            else:
                results = await SCENARIOS[name](place, box, choice.quick)
                found.results += await with_peers(name, results, choice, place, box, found)
    return found


async def with_peers(
    scenario: str, results: list[Result], choice: Choice, place: Servers, box: Mailbox, found: Findings
) -> list[Result]:
    """Our results, and beside them those of the peers that can do the same."""
    able = choice.peers if scenario in waits.WAITS else ()
    if scenario == tasks.SCENARIO:
        able = choice.task_peers
    for one in able:
        if one.name in found.missing:
            continue
        try:
            if scenario == tasks.SCENARIO:
                theirs = await tasks.measure_peer(one.name, place, box, choice.quick, say)
            else:
                theirs = await waits.measure(scenario, one, place, box, choice.quick, say)
        except (NotInstalled, Incomplete, RuntimeError) as error:
            found.missing[one.name] = f"{scenario}: {error}"
            say(f"left out: {one.label}: {scenario}: {error}")
            continue
        results = waits.beside(results, one.name, theirs)
        told = ", ".join(
            f"{number(value)} a second" if metric == tasks.METRIC else f"median {number(value)} ms"
            for (_, metric), value in theirs.items()
            if metric in (tasks.METRIC, "p50")
        )
        say(f"{scenario}: {one.label}: {told}")
    return results


def show(found: Findings) -> None:
    console = Console(width=None if sys.stdout.isatty() else 150)
    if found.bulk:
        head, rows = report.bulk_rows(found.bulk, LABELS)
        report.show(console, "bulk, HTML mails end to end; CPU in seconds per 1,000 mails", head, rows)
        report.show(console, "Hermodr by role", *report.role_rows(middle(found.bulk[OURS])))
    if warning := disturbed(found.bulk):
        console.print(warning, style="bold yellow", highlight=False)
    others = [result for result in found.results if result.scenario != "bulk"]
    if others:
        report.show(console, "one at a time", *report.result_rows(others, LABELS))
    console.print(report.verdict(found.results, LABELS), style="bold", highlight=False)
    for name, why in found.missing.items():
        console.print(f"left out: {LABELS[name]}: {why}", highlight=False)


def main() -> None:
    choice = Choice.of_environment()
    file = Path(path) if (path := os.environ.get("JSON")) else None
    if file is not None and not file.absolute().parent.is_dir():
        raise SystemExit(f"JSON: there is no folder {file.absolute().parent}")
    with servers(say) as place:
        run = Circumstances.now(choice.peers)
        found = uvloop.run(measure(choice, place))
    show(found)
    pictures = folder() / "report.html"
    page.write(pictures, found.bulk, found.results, LABELS, run)
    say(f"with charts: {pictures}")
    if os.environ.get("DOC"):
        document.write(document.text(found.bulk, found.results, found.missing, LABELS, choice.rounds, run))
    if file is not None:
        about = asdict(run) | {"disturbed": disturbed(found.bulk)}
        results = [result.document() for result in found.results]
        file.write_text(json.dumps({"run": about, "results": results}, indent=1) + "\n", encoding="utf-8")
        say(f"for machines: {file}")


if __name__ == "__main__":
    sys.exit(interruptible(main))
