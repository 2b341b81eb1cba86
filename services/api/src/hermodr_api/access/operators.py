"""Who may operate the whole installation, across its projects."""

from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import patience
from hermodr_api.errors import FORBIDDEN, Refused
from hermodr_ledger.access import projects
from hermodr_ledger.engine import Ledger


class Operators:
    """Keys with the scope `admin`: of any project, or only of HERMODR_OPERATOR_PROJECT if that is set."""

    def __init__(self, ledger: Ledger, project: str | None) -> None:
        self._ledger = ledger
        self._project = project
        self._id: UUID | None = None

    async def include(self, caller: Caller) -> bool:
        """Raises `LedgerUnavailable`."""
        if caller.user_id is not None or "admin" not in caller.scopes:
            return False
        if self._project is None:
            return True
        if self._id is None:
            async with patience():
                self._id = (await projects.find(self._ledger, [self._project])).get(self._project)
        return caller.project_id == self._id

    async def require(self, caller: Caller) -> None:
        """Raises `Refused` (403) unless the caller is an operator."""
        if not await self.include(caller):
            raise Refused(
                FORBIDDEN,
                "this concerns every project of the installation; it needs an API key with the scope admin"
                + (" of the operators' project" if self._project is not None else ""),
            )
