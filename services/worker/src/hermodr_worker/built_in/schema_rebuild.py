"""The built-in task `schema-rebuild`: reads the schema of a connection's database, in five steps."""

import time
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from hermodr_contracts.built_in_tasks import SCHEMA_REBUILD
from hermodr_ledger.connections import catalog, schemas
from hermodr_ledger.connections.reaching import Login, Unreachable
from hermodr_ledger.connections.schemas import Counts
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.sealing import Sealer
from hermodr_worker.built_in.logins import failure
from hermodr_worker.built_in.logins import login as login_of
from hermodr_worker.context import TaskContext
from hermodr_worker.definition import AnyTask, task
from hermodr_worker.errors import Retry, TaskFailed

_STEPS = 5


class Rebuild(BaseModel):
    """`force`: also if nothing has changed since the last reading."""

    model_config = ConfigDict(extra="forbid")

    connection_id: UUID
    force: bool = False


class Rebuilt(BaseModel):
    """`skipped`: nothing has changed. Partitioned and foreign tables are tables, each partition is one; views are
    none."""

    tables: int
    columns: int
    indexes: int
    duration_ms: int
    skipped: bool


def schema_rebuild(ledger: Ledger, guard: Guard, sealer: Sealer | None) -> AnyTask:
    """The task, of a worker with this ledger."""

    @task(SCHEMA_REBUILD, timeout=600, retries=3)
    async def rebuild(ctx: TaskContext, payload: Rebuild) -> Rebuilt:
        began = time.monotonic()
        _, login = await login_of(ledger, sealer, ctx, payload.connection_id)
        try:
            counts, skipped = await _rebuild(ledger, guard, ctx, payload, login)
        except Unreachable as error:
            raise failure(error) from None
        except catalog.Unreadable:
            raise Retry("the database stopped answering") from None
        except catalog.TooLarge:
            raise TaskFailed(f"the schema has more than {catalog.MOST_BYTES // 2**20} MiB") from None
        took = round((time.monotonic() - began) * 1000)
        return Rebuilt(**counts._asdict(), duration_ms=took, skipped=skipped)

    return rebuild


async def _rebuild(
    ledger: Ledger, guard: Guard, ctx: TaskContext, payload: Rebuild, login: Login
) -> tuple[Counts, bool]:
    """The counts, and whether nothing had changed."""
    await ctx.progress(0, _STEPS, "Connecting")
    async with catalog.opened(guard, login) as source:
        fingerprint = await source.fingerprint()
        if not payload.force:
            known = await schemas.unchanged(ledger, payload.connection_id, fingerprint)
            if known is not None:
                await ctx.progress(_STEPS, _STEPS, "Nothing has changed")
                return known, True
        await ctx.progress(1, _STEPS, "Reading tables and views")
        relations = await source.relations()
        await ctx.progress(2, _STEPS, "Reading columns")
        columns = await source.columns()
        await ctx.progress(3, _STEPS, "Reading indexes and keys")
        indexes, keys = await source.indexes(), await source.keys()
    await ctx.progress(4, _STEPS, "Storing")
    found = catalog.described(relations, columns, indexes, keys)
    counts = Counts(sum(len(each["tables"]) for each in found), len(columns), len(indexes))
    if not await schemas.keep(ledger, payload.connection_id, fingerprint, counts, found):
        raise TaskFailed("the connection was deleted")
    await ctx.progress(_STEPS, _STEPS, f"{counts.tables} tables")
    return counts, False
