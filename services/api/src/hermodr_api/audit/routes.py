"""`/v1/audit-log`: what operators changed."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.audit.models import AuditEntryView, AuditLog
from hermodr_api.http.answers import patience
from hermodr_api.http.bodies import Moment
from hermodr_api.http.intake import Gate, caller_of
from hermodr_api.http.lists import Cursor, Filter, Limit, Sort, listed, page_asked
from hermodr_api.http.openapi import documented
from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import ActorKind
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.paging import walk

Actor = Annotated[ActorKind | None, Query(description="Only what this kind of caller changed.")]
Since = Annotated[Moment | None, Query(description="Not before this time.")]
Until = Annotated[Moment | None, Query(description="Before this time.")]


class AuditRoutes:
    """Reading the log. Nobody writes it but the changes themselves."""

    def __init__(self, gate: Gate, ledger: Ledger) -> None:
        self._gate = gate
        self._ledger = ledger

    def router(self) -> APIRouter:
        """The route."""
        router = APIRouter(tags=["audit log"], dependencies=[Depends(self._gate.needs_admin)])
        docs = documented("What operators changed", method="GET", scope="admin", answer=AuditLog)
        router.add_api_route("/v1/audit-log", self.list, **docs)
        return router

    async def list(
        self,
        request: Request,
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Sort = "created_at",
        actor: Actor = None,
        actor_id: Filter = None,
        action: Filter = None,
        subject: Filter = None,
        since: Since = None,
        until: Until = None,
    ) -> Response:
        """`GET /v1/audit-log`."""
        page = page_asked(request, limit, cursor, sort)
        wanted = audit.AuditSearch(actor, actor_id, action, subject, since, until)
        async with patience():
            project_id = caller_of(request).project_id
            found = await walk(self._ledger, page, lambda at, rows: audit.page(at, project_id, wanted, rows))
        return listed(request, found, AuditEntryView, AuditLog)
