from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import patience
from hermodr_api.notifications.directory import Directory
from hermodr_api.projects.models import ProjectPatch
from hermodr_api.senders.strangers import refuse_stranger
from hermodr_ledger.access import audit, mail_defaults
from hermodr_ledger.access.mail_defaults import Project
from hermodr_ledger.engine import Ledger


class Projects:
    """The use cases of `/v1/projects/me`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, directory: Directory) -> None:
        self._ledger = ledger
        self._directory = directory

    async def read(self, project_id: UUID) -> Project:
        async with patience():
            return await mail_defaults.project(self._ledger, project_id)

    async def change(self, caller: Caller, wanted: ProjectPatch) -> Project:
        """Other processes of the api know of it some seconds later."""
        await refuse_stranger(caller.project_id, wanted, self._directory.strangers)
        if not wanted.values:
            return await self.read(caller.project_id)
        async with patience(), self._ledger.transaction() as transaction:
            changed = await mail_defaults.change(transaction, caller.project_id, wanted.values)
            fields = {"fields": sorted("from" if each == "mail_from" else each for each in wanted.values)}
            await audit.record(
                transaction, caller.project_id, caller.actor, "project.change", caller.project_id, fields
            )
        self._directory.forget_defaults(caller.project_id)
        return changed
