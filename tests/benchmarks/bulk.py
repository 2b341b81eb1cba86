"""The way of many mails from one bulk request to the SMTP server, every guarantee on, one process per role.

    .venv/bin/python -m tests.benchmarks.bulk [mails]

Prints mails per second and what each role spent of the processor. The sandbox is the sink; what it spends is shown
apart, as it stands for somebody else's machine.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hermodr_cli import backing
from hermodr_cli.demo.client import Api, Sandbox
from hermodr_cli.demo.show import Screen
from hermodr_cli.demo.stage import Stage, stage

REQUEST = 5_000
TICKS = os.sysconf("SC_CLK_TCK")
TEMPLATE = {
    "name": "news",
    "contents": {
        "email": {
            "en": {
                "subject": "News for {{ name }}",
                "body_text": "Hello {{ name }},\n\nthere is news: {{ link }}\n",
                "body_html": "<html><body><h1>Hello {{ name }}</h1>"
                + "<p>There is <a href='{{ link }}'>news</a> for you today.</p>" * 20
                + "</body></html>",
            }
        }
    },
}


def processor_seconds(pid: int) -> float:
    """What a process has used so far, in the kernel and outside of it."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_megabytes(pid: int) -> float:
    """The process's memory."""
    return (
        int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        * os.sysconf("SC_PAGESIZE")
        / 1e6
    )


def requests(mails: int) -> list[list[dict[str, object]]]:
    """The bulk requests, unique recipients."""
    items: list[dict[str, object]] = [
        {
            "type": "news",
            "to": {"email": f"reader-{number}@example.com"},
            "data": {"name": f"Reader {number}", "link": f"https://example.com/news/{number}"},
        }
        for number in range(mails)
    ]
    return [items[start : start + REQUEST] for start in range(0, mails, REQUEST)]


async def measure(place: Stage, mails: int) -> tuple[float, dict[str, float], dict[str, float]]:
    """Seconds from the first request to the last mail's arrival; processor seconds and megabytes by role."""
    pids = {name: service.pid for name, service in place.fleet.services.items() if service.pid is not None}
    async with Api(place.fleet.api_url, place.key) as api, Sandbox(place.fleet.sandbox_url) as sandbox:
        await api.create_template(TEMPLATE)
        before = {name: processor_seconds(pid) for name, pid in pids.items()}
        started = time.perf_counter()
        for items in requests(mails):
            await api.send_bulk(items)
        arrived = 0
        while arrived < mails:
            waited = (await sandbox.ask("GET", "/v1/wait", params={"count": mails, "timeout": 10})).json()
            if waited["count"] == arrived:
                raise SystemExit(f"{arrived} of {mails} mails arrived, and no more for ten seconds")
            arrived = waited["count"]
        seconds = time.perf_counter() - started
        spent = {name: processor_seconds(pid) - before[name] for name, pid in pids.items()}
        twice = (await sandbox.ask("GET", "/v1/stats")).json()["duplicates"]["deliveries_count"]
        if twice:
            raise SystemExit(f"{twice} mails arrived more than once")
    return seconds, spent, {name: resident_megabytes(pid) for name, pid in pids.items()}


def show(mails: int, seconds: float, spent: dict[str, float], memory: dict[str, float]) -> None:
    """The result as a table."""
    table = Table(title=f"{mails:,} HTML mails in {seconds:.2f} s: {mails / seconds:,.0f} mails/s")
    table.add_column("role")
    table.add_column("CPU µs per mail", justify="right")
    table.add_column("MB", justify="right")
    for name in spent:
        table.add_row(name, f"{spent[name] / mails * 1e6:,.0f}", f"{memory[name]:,.0f}")
    Console().print(table)


def main() -> None:
    """Measures once and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mails", type=int, nargs="?", default=20_000)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    found = backing.ensure(lambda line: print(line, file=sys.stderr))

    async def run() -> None:
        async with stage(found, Screen(Console(stderr=True))) as place:
            seconds, spent, memory = await measure(place, arguments.mails)
        if arguments.json:
            rate = arguments.mails / seconds
            print(
                json.dumps({"scenario": "bulk", "metric": "mails_per_second", "unit": "1/s", "hermodr": rate})
            )
        else:
            show(arguments.mails, seconds, spent, memory)

    asyncio.run(run())


if __name__ == "__main__":
    main()
