"""Who may operate the whole installation, across its projects."""

import shlex

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import patience
from hermodr_api.errors import FORBIDDEN, Refused
from hermodr_ledger.access import operating
from hermodr_ledger.engine import Ledger


class Operators:
    """Keys with the scope `admin` of the operators' project, which `hermodr migrate` makes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def include(self, caller: Caller) -> bool:
        """Raises `LedgerUnavailable`."""
        if caller.user_id is not None or "admin" not in caller.scopes:
            return False
        async with patience():
            return await operating.operates(self._ledger, caller.project_id)

    async def require(self, caller: Caller) -> None:
        """Raises `Refused` (403) unless the caller is an operator."""
        if not await self.include(caller):
            raise Refused(
                FORBIDDEN,
                "this concerns every project of the installation; it needs an API key with the scope admin of the"
                f" operators' project{await self._told(caller)}",
            )

    async def _told(self, caller: Caller) -> str:
        """How to get such a key, for those who have one of another project."""
        if caller.user_id is not None or "admin" not in caller.scopes:
            return ""
        async with patience():
            name = await operating.present(self._ledger)
        return f" (hermodr keys create --project {shlex.quote(name)} --scopes admin)" if name else ""
