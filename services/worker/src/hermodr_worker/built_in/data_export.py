"""The built-in task `data-export`: the answer of a query in a connection's database, as a file."""

import asyncio
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from hermodr_contracts.built_in_tasks import DATA_EXPORT
from hermodr_ledger.connections import querying
from hermodr_ledger.connections.reaching import Login, Unreachable
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.sealing import Sealer
from hermodr_worker.built_in import tables
from hermodr_worker.built_in.folders import folder
from hermodr_worker.built_in.logins import failure
from hermodr_worker.built_in.logins import login as login_of
from hermodr_worker.built_in.stored import Store
from hermodr_worker.built_in.tables import MEDIA_TYPES, MOST_ROWS, Format, TooLarge
from hermodr_worker.context import TaskContext
from hermodr_worker.definition import AnyTask, task
from hermodr_worker.errors import Retry, TaskFailed

MOST_OF_A_QUERY = 100_000
AT_ONCE = 2
"""Of one end user, or of one fairness key: each may hold a connection, memory and a place for half an hour."""
_STEPS = 3
_LONGEST_NAME = 40


class ExportRequest(BaseModel):
    """One query that only reads, of a connection's database."""

    model_config = ConfigDict(extra="forbid")

    connection_id: UUID
    query: Annotated[str, Field(min_length=1, max_length=MOST_OF_A_QUERY, pattern=r"^[^\x00]*$")]
    format: Format


class ExportResult(BaseModel):
    """`file_url`: who has it may fetch the file, until `expires_at`."""

    file_url: str
    file_name: str
    row_count: int
    expires_at: datetime


def data_export(ledger: Ledger, guard: Guard, sealer: Sealer | None, store: Store, clock: Clock) -> AnyTask:
    """The task, of a worker with this ledger."""

    @task(DATA_EXPORT, timeout=1800, retries=3, users=True, per_key=AT_ONCE)
    async def export(ctx: TaskContext, payload: ExportRequest) -> ExportResult:
        connection, login = await login_of(ledger, sealer, ctx, payload.connection_id)
        name = _file_name(connection.name, clock.now(), payload.format)
        file_id = await store.reserve(ctx, "export", name, MEDIA_TYPES[payload.format])
        async with folder() as place:
            path = place / "export"
            try:
                rows = await _write(ctx, guard, login, payload, path)
            except Unreachable as error:
                raise failure(error) from None
            except querying.Unreadable:
                raise Retry("the database stopped answering") from None
            except (querying.BadQuery, TooLarge) as error:
                await store.drop(file_id)
                raise TaskFailed(str(error)) from None
            except OSError as error:
                raise Retry(f"the file could not be written here ({type(error).__name__})") from None
            await ctx.progress(2, _STEPS, "Storing the file")
            left = await store.keep(file_id, name, path)
        await ctx.progress(_STEPS, _STEPS, f"{rows} rows")
        return ExportResult(file_url=left.url, file_name=name, row_count=rows, expires_at=left.expires_at)

    return export


async def _write(ctx: TaskContext, guard: Guard, login: Login, payload: ExportRequest, path: Path) -> int:
    """How many rows. Files are written in a thread, a piece at a time, so that the worker's other tasks go on."""
    await ctx.progress(0, _STEPS, "Asking the database")
    query, most = payload.query.strip().rstrip(";"), MOST_ROWS[payload.format]
    count = 0
    async with querying.answered(guard, login, query, json=payload.format == "json") as answer:
        await ctx.progress(1, _STEPS, "Writing rows")
        table = await asyncio.to_thread(tables.table, payload.format, path, answer.columns)
        async for rows in answer.pieces():
            count += len(rows)
            if count > most:
                raise TooLarge(
                    f"the answer has more than {most} rows, the most of {payload.format}; ask for less"
                )
            await asyncio.to_thread(table.write, rows)
            await ctx.progress(1, _STEPS, f"{count} rows written")
    await asyncio.to_thread(table.close)
    return count


def _file_name(connection: str, now: datetime, of: Format) -> str:
    """ASCII, of the connection's name and the time."""
    name = re.sub(r"[^a-z0-9]+", "-", connection.lower()).strip("-")[:_LONGEST_NAME].strip("-")
    return f"{name or 'export'}-{now:%Y%m%d-%H%M%S}.{of}"
