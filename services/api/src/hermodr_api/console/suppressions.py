"""`/console/suppressions`: addresses that nothing is sent to."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.forms import Form, moment
from hermodr_api.console.lists import older
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Managing, Page, Posted, PostedByManager, Posts, Reading, Word, back
from hermodr_api.errors import Flaw, Refused, invalid
from hermodr_api.http.bodies import read
from hermodr_api.http.exported import Exported
from hermodr_api.http.fields import as_stored
from hermodr_api.http.intake import MIB
from hermodr_api.http.lists import Asked, NewestFirst
from hermodr_api.http.provided import provided
from hermodr_api.suppressions.models import SuppressionIn
from hermodr_api.suppressions.routes import CSV, MOST_OF_A_CSV
from hermodr_api.suppressions.service import Suppressions
from hermodr_contracts.vocabulary import SuppressionReason
from hermodr_ledger.people.suppressions import SuppressionSearch

router = APIRouter(prefix="/console/suppressions", include_in_schema=False, route_class=Page)

TheSuppressions = Annotated[Suppressions, provided(Suppressions)]
PostedFile = Annotated[Posted, Depends(Posts("manage", MOST_OF_A_CSV + MIB))]
_HERE = "suppressions"
_LONGEST_ADDRESS = 320


@router.get("")
async def suppressions(
    request: Request,
    visitor: Reading,
    suppressions: TheSuppressions,
    asked: NewestFirst,
    search: Word = "",
    reason: Word = "",
) -> Response:
    """All of them, or one address."""
    return await _listed(request, visitor, suppressions, asked, Form(), (search, reason))


@router.post("")
async def add(
    request: Request, posted: PostedByManager, suppressions: TheSuppressions, asked: NewestFirst
) -> Response:
    """Suppress an address."""
    form = Form(posted.fields)
    try:
        given = {
            **form.given("address", "note"),
            "reason": form.value("reason") or SuppressionReason.MANUAL.value,
            "expires_at": moment(form.value("expires_at")),
        }
        await suppressions.add(posted.visitor.caller, read(SuppressionIn, given), form.key(_HERE))
    except Refused as refused:
        shown = form.refused(refused)
        return await _listed(request, posted.visitor, suppressions, asked, shown, ("", ""))
    return back("/console/suppressions")


@router.get("/export")
async def export(
    visitor: Reading, suppressions: TheSuppressions, search: Word = "", reason: Word = ""
) -> Response:
    """As CSV."""
    made = await suppressions.export_csv(visitor.caller, _search(search, reason))
    return Exported(made, CSV, "suppressions.csv")


@router.get("/import")
async def bring(visitor: Managing) -> Response:
    """A form for a file."""
    return pages.page("suppressions_import", visitor, here=_HERE, form=Form(), report=None)


@router.post("/import")
async def import_csv(posted: PostedFile, suppressions: TheSuppressions) -> Response:
    """Suppress the addresses of a file, or of what was pasted."""
    form, report = Form(posted.fields), None
    text = form.value("file") or form.value("csv")
    try:
        if not text:
            raise invalid(Flaw(("body", "file"), "choose a file, or paste its lines"))
        caller = posted.visitor.caller
        answer = await suppressions.import_csv(caller, text.encode(), form.key("suppressions/import"))
        report, form = orjson.loads(answer.body), Form()
    except Refused as refused:
        flaws = [Flaw(("body", "file"), each.msg) for each in refused.flaws]
        form = form.refused(Refused(refused.kind, refused.detail, flaws))
    values: dict[str, Any] = {"form": form, "report": report}
    return pages.page("suppressions_import", posted.visitor, form.status, here=_HERE, **values)


@router.get("/{suppression_id}/remove")
async def ask(visitor: Managing, suppressions: TheSuppressions, suppression_id: UUID) -> Response:
    """Whether an address is to be allowed again."""
    await suppressions.read(visitor.caller.project_id, suppression_id)
    page = "/console/suppressions"
    says = (
        "Messages go to this address again. If it bounces or somebody complains, that costs you reputation with "
        "their provider.",
    )
    action = f"{page}/{suppression_id}/remove"
    return pages.question(visitor, _HERE, "Allow it again?", says, action, "Allow", page)


@router.post("/{suppression_id}/remove")
async def remove(posted: PostedByManager, suppressions: TheSuppressions, suppression_id: UUID) -> Response:
    """Allow an address again."""
    await suppressions.remove(posted.visitor.caller, id=suppression_id)
    return back("/console/suppressions")


def _search(search: str, reason: str) -> SuppressionSearch:
    """Raises `Refused`."""
    address = search.strip()
    if reason and reason not in SuppressionReason.__members__.values():
        raise invalid(Flaw(("query", "reason"), "is no reason"))
    if not address.isprintable() or len(address) > _LONGEST_ADDRESS:
        raise invalid(Flaw(("query", "search"), "is no address"))
    return SuppressionSearch(as_stored(address) if address else None, reason or None)


async def _listed(
    request: Request,
    visitor: Visitor,
    suppressions: Suppressions,
    asked: Asked,
    form: Form,
    sought: tuple[str, str],
) -> Response:
    found = await suppressions.page(visitor.caller.project_id, asked.page, _search(*sought))
    values: dict[str, Any] = {
        "rows": found.rows,
        "older": older(request, asked.cursor(found)),
        "form": form,
        "words": sought[0].strip(),
        "reason": sought[1],
        "reasons": [(each.value, each.value.replace("_", " ")) for each in SuppressionReason],
    }
    return pages.page("suppressions", visitor, form.status, **values)
