"""How tasks come to the connections that they name."""

from uuid import UUID

from hermodr_ledger.connections import kept
from hermodr_ledger.connections.kept import Connection, Whose
from hermodr_ledger.connections.reaching import Login, Unreachable
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.sealing import Sealer, Unsealable
from hermodr_worker.context import TaskContext
from hermodr_worker.errors import Retry, TaskFailed


async def login(
    ledger: Ledger, sealer: Sealer | None, ctx: TaskContext, connection_id: UUID
) -> tuple[Connection, Login]:
    """An end user's task comes to what is theirs. Raises `TaskFailed`."""
    found = await kept.read(ledger, Whose(ctx.project_id, ctx.owner_id), connection_id)
    if found is None:
        raise TaskFailed("there is no such connection")
    if sealer is None:
        raise TaskFailed("HERMODR_SECRET_KEY, which passwords of connections are sealed with, is not set")
    try:
        return found, kept.login_of(sealer, found)
    except Unsealable:
        raise TaskFailed("the connection's password has to be given again") from None


def failure(error: Unreachable) -> Retry | TaskFailed:
    """What to raise of it."""
    text = f"{error.field}: {error}"
    return Retry(text) if error.passing else TaskFailed(text)
