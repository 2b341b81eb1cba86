"""`/console/audit`: who changed what, and who looked at contents."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.audit.service import AuditTrail
from hermodr_api.console import pages
from hermodr_api.console.forms import Form, moment
from hermodr_api.console.lists import older
from hermodr_api.console.visiting import Administering, Page, Who, Word
from hermodr_api.errors import Refused
from hermodr_api.http.bodies import Body, Moment, read
from hermodr_api.http.lists import NewestFirst
from hermodr_api.http.provided import provided
from hermodr_ledger.access.audit import ActorKind, AuditSearch

router = APIRouter(prefix="/console/audit", include_in_schema=False, route_class=Page)

TheTrail = Annotated[AuditTrail, provided(AuditTrail)]


_ACTORS: Mapping[ActorKind, str] = {
    "key": "API key",
    "person": "person at the console",
    "user": "end user",
    "cli": "command",
    "sql": "SQL",
    "service": "service",
}


class _Search(Body):
    actor: ActorKind | None
    actor_id: str | None
    action: str | None
    subject: str | None
    since: Moment | None
    until: Moment | None


@router.get("")
async def audit(
    request: Request,
    visitor: Administering,
    trail: TheTrail,
    asked: NewestFirst,
    actor: Word = "",
    actor_id: Who = "",
    action: Word = "",
    subject: Word = "",
    since: Word = "",
    until: Word = "",
) -> Response:
    """What was done, the newest first."""
    given = {"actor": actor, "actor_id": actor_id, "action": action, "subject": subject}
    form = Form({name: value.strip() for name, value in given.items()} | {"since": since, "until": until})
    found = None
    try:
        times = {"since": moment(since), "until": moment(until)}
        wanted = read(_Search, {**form.given(*given), **times})
        search = AuditSearch(**wanted.model_dump())
        found = await trail.page(visitor.caller.project_id, asked.page, search)
    except Refused as refused:
        form = form.refused(refused)
    rows = found.rows if found is not None else []
    values: dict[str, Any] = {
        "rows": rows,
        "names": await trail.names(visitor.caller.project_id, rows),
        "actors": _ACTORS,
        "older": older(request, asked.cursor(found)) if found is not None else None,
        "form": form,
        "chosen": any(form.fields.values()),
    }
    return pages.page("audit", visitor, form.status, **values)
