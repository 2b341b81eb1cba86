from typing import Annotated

from fastapi import APIRouter, Query

from hermodr_api.audit.models import AuditEntryView, AuditLog
from hermodr_api.audit.service import AuditTrail
from hermodr_api.http.auth import Admin
from hermodr_api.http.bodies import Moment
from hermodr_api.http.lists import Filter, Listing
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_ledger.access.audit import ActorKind, AuditSearch

router = APIRouter(prefix="/v1/audit-log", tags=["audit log"], route_class=Route)

Service = Annotated[AuditTrail, provided(AuditTrail)]
Actor = Annotated[ActorKind | None, Query(description="Only what this kind of caller changed.")]
Since = Annotated[Moment | None, Query(description="Not before this time.")]
Until = Annotated[Moment | None, Query(description="Before this time.")]


@router.get("", name="list")
async def list_entries(
    caller: Admin,
    asked: Listing,
    trail: Service,
    actor: Actor = None,
    actor_id: Filter = None,
    action: Filter = None,
    subject: Filter = None,
    since: Since = None,
    until: Until = None,
) -> AuditLog:
    """List what operators changed."""
    wanted = AuditSearch(actor, actor_id, action, subject, since, until)
    return asked.answer(AuditLog, AuditEntryView, await trail.page(caller.project_id, asked.page, wanted))
