"""A key with which the sandbox's page shows why a message came. For developing on one machine: whoever reaches the
sandbox reads with it."""

from collections.abc import Mapping, Sequence

from hermodr_cli import state
from hermodr_cli.commands import starters
from hermodr_devkit.supervisor.services import SANDBOX, ServiceSpec
from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger

PROJECT = "quickstart"
"""As the guides name it."""
RECORD = "sandbox.json"
VARIABLE = "HERMODR_SANDBOX_API_KEY"
_LOOPBACK = ("", "127.0.0.1", "::1", "localhost")


def wanted(specs: Sequence[ServiceSpec], environment: Mapping[str, str]) -> bool:
    """Whether the sandbox runs, only this machine reaches it, and it was given none."""
    local = environment.get("HERMODR_HTTP_HOST", "") in _LOOPBACK
    return SANDBOX in specs and local and VARIABLE not in environment


async def sandbox_key(database_url: str) -> str:
    """The one of the start before while it holds, else a new one; the project is made if it is new."""
    kept = state.read(RECORD).get("key")
    ledger = Ledger(database_url, service="up", pool_size=1)
    try:
        if isinstance(kept, str) and await keys.find(ledger, [keys.hash_of(kept)]):
            return kept
        made = await keys.create(ledger, PROJECT, ("read",), "sandbox", None, starters.furnish)
    finally:
        await ledger.close()
    state.write(RECORD, {"key": made.secret})
    return made.secret
