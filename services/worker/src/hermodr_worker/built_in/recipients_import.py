"""The built-in task `recipients-import`: recipients of a CSV are made or changed, as `PUT /v1/recipients` does; lines
that are not taken become a file. What one attempt has taken, the next one leaves as it is."""

import asyncio
import csv
import itertools
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from hermodr_contracts.built_in_tasks import RECIPIENTS_IMPORT
from hermodr_ledger.engine import Ledger, repeats_itself
from hermodr_ledger.files import kept
from hermodr_ledger.files.kept import File
from hermodr_ledger.people import importing, upserting
from hermodr_ledger.people.importing import Overtaken, Standing
from hermodr_servicekit.files import FilesUnavailable, NoSuchFile
from hermodr_worker.built_in.folders import folder
from hermodr_worker.built_in.recipient_rows import Line, columns_of, lines
from hermodr_worker.built_in.stored import Left, Store
from hermodr_worker.built_in.tables import MEDIA_TYPES, harmless
from hermodr_worker.context import TaskContext
from hermodr_worker.definition import AnyTask, task
from hermodr_worker.errors import Retry, TaskFailed

TOGETHER = 500
"""Lines of one transaction."""


class ImportRequest(BaseModel):
    """`rows`: of the CSV, as the api has counted them."""

    model_config = ConfigDict(extra="forbid")

    file_id: UUID
    rows: int


class ImportResult(BaseModel):
    """`rejected`: lines that were not taken; they are in the file at `file_url`, with the reason."""

    created: int
    updated: int
    rejected: int
    file_url: str | None
    file_name: str | None
    expires_at: datetime | None


def recipients_import(ledger: Ledger, store: Store) -> AnyTask:
    """The task, of a worker with this ledger."""

    @task(RECIPIENTS_IMPORT, timeout=1800, retries=5)
    async def take(ctx: TaskContext, payload: ImportRequest) -> ImportResult:
        file = await kept.read(ledger, payload.file_id)
        if file is None or (file.job_id, file.kind) != (ctx.job_id, "import"):
            raise TaskFailed("the file is not there any more")
        name = f"{file.name.removesuffix('.csv')}-not-taken.csv"
        async with folder() as place:
            source, bad = place / "source.csv", place / "bad.csv"
            await _fetch(store, file, source)
            standing, rejected = await _take(ledger, ctx, payload, source, bad)
            left = await _report(store, ctx, name, bad) if rejected else None
        await store.keep_shortly(file.id)
        return ImportResult(
            created=standing.created,
            updated=standing.updated,
            rejected=rejected,
            file_url=left.url if left else None,
            file_name=left.name if left else None,
            expires_at=left.expires_at if left else None,
        )

    return take


async def _fetch(store: Store, file: File, path: Path) -> None:
    try:
        with path.open("wb") as out:
            async for piece in await store.files.open(file.id):
                out.write(piece)
    except NoSuchFile:
        raise TaskFailed("the file is not there any more") from None
    except FilesUnavailable:
        raise Retry("the file could not be fetched") from None


async def _take(
    ledger: Ledger, ctx: TaskContext, payload: ImportRequest, source: Path, bad: Path
) -> tuple[Standing, int]:
    """What is done in the end, and how many lines were bad. All lines are looked at anew by each attempt."""
    standing = await importing.standing(ledger, payload.file_id)
    header = await asyncio.to_thread(columns_of, source)
    rows = rejected = 0
    with bad.open("w", encoding="utf-8", newline="") as file:
        report = csv.writer(file)
        report.writerow(["line", "reason", *map(harmless, header)])
        found = lines(source)
        while some := await asyncio.to_thread(_some, found):
            rows += len(some)
            if rows > standing.rows:
                standing, some = await _write(ledger, ctx, payload.file_id, standing, some)
            for each in some:
                if each.recipient is None:
                    rejected += 1
                    report.writerow([each.number, each.flaw, *map(harmless, each.cells)])
            await ctx.progress(min(rows, payload.rows), payload.rows, f"{rows} lines")
    return standing, rejected


def _some(found: Iterator[Line]) -> list[Line]:
    return list(itertools.islice(found, TOGETHER))


async def _write(
    ledger: Ledger, ctx: TaskContext, file_id: UUID, standing: Standing, some: list[Line]
) -> tuple[Standing, list[Line]]:
    """Also the lines, with a flaw where the database refuses one: an attempt that goes on after this one was killed
    does not report that any more."""
    wanted: dict[str, dict[str, str | None]] = {}
    for each in some:
        if each.recipient is not None:
            wanted.setdefault(each.recipient.external_id, {}).update(each.recipient.given())
    try:
        async with ledger.transaction() as transaction:
            now = await importing.take(transaction, ctx.project_id, file_id, standing, len(some), wanted)
        return now, some
    except Overtaken:
        raise Retry("another attempt is further") from None
    except Exception as error:
        bad = await upserting.refused(ledger, ctx.project_id, wanted) if repeats_itself(error) else set()
        if not bad:
            raise
    left = [
        each._replace(recipient=None, flaw="the database refuses it")
        if each.recipient is not None and each.recipient.external_id in bad
        else each
        for each in some
    ]
    return await _write(ledger, ctx, file_id, standing, left)


async def _report(store: Store, ctx: TaskContext, name: str, path: Path) -> Left:
    file_id = await store.reserve(ctx, "report", name, MEDIA_TYPES["csv"])
    return await store.keep(file_id, name, path)
