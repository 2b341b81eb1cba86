import time
from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

import typer
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.remote.connection import Key, Url, calling
from hermodr_cli.remote.showing import console, show_document
from hermodr_client import Hermodr
from hermodr_client.models.jobs import LogLine
from hermodr_contracts.visible import visible

LOOK_SECONDS = 1.0


def logs_command(
    job_id: Annotated[UUID, typer.Argument(metavar="ID")],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Until the task has ended, or Ctrl-C.")
    ] = False,
    attempt: Annotated[int | None, typer.Option(min=1, help="Only of this attempt; 1 is the first.")] = None,
    url: Url = None,
    key: Key = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print NDJSON, a line a line.")] = False,
) -> None:
    """What a task has logged, oldest first."""
    screen, last = console(), None
    with calling(url, key) as hermodr:
        lines = _followed(hermodr, job_id, attempt) if follow else hermodr.jobs.logs(job_id, attempt=attempt)
        try:
            for line in lines:
                if as_json:
                    show_document(line)
                else:
                    screen.print(_shown(line, last), soft_wrap=True)
                last = line
        except KeyboardInterrupt:
            return
    if last is None:
        output.announce("it has logged nothing")


def _followed(hermodr: Hermodr, job_id: UUID, attempt: int | None) -> Iterator[LogLine]:
    cursor: str | None = None
    while True:
        page = hermodr.jobs.logged(job_id, cursor, attempt=attempt)
        yield from page.data
        cursor = page.next_cursor
        if cursor is None:
            return
        if not page.data:
            time.sleep(LOOK_SECONDS)


def _shown(line: LogLine, before: LogLine | None) -> Text:
    """`12:03:04.217  text`; above the first line of a further attempt and above a gap a line of its own."""
    text = Text()
    if line.attempt != (before.attempt if before is not None else 1):
        text.append(f"attempt {line.attempt}\n", "bold")
    if line.left_out:
        text.append(f"… {line.left_out} not kept\n", "dim")
    at = f"{line.at.astimezone():%H:%M:%S.%f}"[:-3]
    text.append(at, "dim")
    first, *more = line.text.splitlines() or [""]
    text.append(f"  {visible(first)}")
    for each in more:
        text.append(f"\n{'':{len(at)}}  {visible(each)}")
    return text
