from collections.abc import Callable
from dataclasses import asdict
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.access.operators import Operators
from hermodr_api.access.quotas import Quotas
from hermodr_api.answers import patience
from hermodr_api.errors import not_found
from hermodr_api.http.bulk_turns import BulkTurns
from hermodr_api.notifications.directory import Directory
from hermodr_api.projects.models import ProjectPatch, ProjectView
from hermodr_api.projects.quotas import Here, ProjectQuotasView, QuotasPatch, QuotasView, UsageView
from hermodr_api.senders.strangers import refuse_stranger
from hermodr_ledger.access import audit, mail_defaults, quotas
from hermodr_ledger.access.mail_defaults import Project
from hermodr_ledger.access.quotas import QuotaedProject
from hermodr_ledger.engine import Ledger, Statements
from hermodr_ledger.engine.paging import Page, PageResult, walk


class Projects:
    """The use cases of `/v1/projects`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(
        self, ledger: Ledger, directory: Directory, quotas: Quotas, turns: BulkTurns, operators: Operators
    ) -> None:
        self._ledger = ledger
        self._directory = directory
        self._quotas = quotas
        self._turns = turns
        self._operators = operators

    async def read(self, project_id: UUID) -> ProjectView:
        async with patience():
            return await self._view(self._ledger, await mail_defaults.project(self._ledger, project_id))

    async def change(self, caller: Caller, wanted: ProjectPatch) -> ProjectView:
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
            view = await self._view(transaction, changed)
        self._directory.forget_defaults(caller.project_id)
        return view

    async def page(
        self, caller: Caller, page: Page
    ) -> tuple[PageResult[QuotaedProject], Callable[[UUID], Here]]:
        """All projects, and what this process knows of one."""
        await self._operators.require(caller)
        defaults = self._quotas.defaults
        async with patience():
            found = await walk(self._ledger, page, lambda at, rows: quotas.page(at, rows, defaults))
        return found, self._here

    async def show(self, caller: Caller, project_id: UUID) -> ProjectQuotasView:
        """Any project, for operators."""
        await self._operators.require(caller)
        async with patience():
            found = await self._found(self._ledger, project_id)
        if found is None:
            raise not_found("project")
        return ProjectQuotasView.of(found, self._here(project_id))

    async def set_quotas(self, caller: Caller, project_id: UUID, wanted: QuotasPatch) -> ProjectQuotasView:
        """Other processes of the api know of it some seconds later."""
        await self._operators.require(caller)
        async with patience(), self._ledger.transaction() as transaction:
            known = await quotas.change(transaction, project_id, wanted.changes, caller.actor)
            found = await self._found(transaction, project_id) if known else None
        if found is None:
            raise not_found("project")
        self._quotas.forget(project_id)
        return ProjectQuotasView.of(found, self._here(project_id))

    async def _view(self, statements: Statements, project: Project) -> ProjectView:
        found = await self._found(statements, project.id)
        assert found is not None  # the key's own
        return ProjectView.model_validate(
            {
                **asdict(project),
                "quotas": QuotasView.model_validate(found.standing.limits),
                "usage": UsageView.of(found, self._here(project.id)),
            }
        )

    async def _found(self, statements: Statements, project_id: UUID) -> QuotaedProject | None:
        return await quotas.read(statements, project_id, self._quotas.defaults)

    def _here(self, project_id: UUID) -> Here:
        return Here(self._quotas.requests(project_id), self._turns.under_way(project_id))
