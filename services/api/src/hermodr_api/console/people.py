"""`/console/recipients`: who is written to, what they wish, and what they got."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.lists import older
from hermodr_api.console.search import Search
from hermodr_api.console.visiting import Managing, Page, PostedByManager, Reading, back
from hermodr_api.http.lists import NewestFirst
from hermodr_api.http.provided import provided
from hermodr_api.inbox.service import Asker, Inbox
from hermodr_api.jobs.service import Jobs
from hermodr_api.preference_page.languages import language_of
from hermodr_api.preference_page.page import Preview
from hermodr_api.preference_page.page import preferences as preferences_page
from hermodr_api.preference_page.service import PreferencePage
from hermodr_api.recipients.models import view_for
from hermodr_api.recipients.service import Recipients
from hermodr_api.suppressions.service import Suppressions
from hermodr_ledger.engine.paging import Page as PageOf
from hermodr_ledger.inbox.reading import InboxSearch, Whose
from hermodr_ledger.jobs.listing_sources import Filters
from hermodr_ledger.people.suppressions import SuppressionSearch

router = APIRouter(prefix="/console/recipients", include_in_schema=False, route_class=Page)

TheRecipients = Annotated[Recipients, provided(Recipients)]
_SHOWN = 20
_FOUND = 200
"""By a search; who looks for one of more types more of them."""
_GROUPS = 50
"""More are not shown."""


@router.get("")
async def recipients(
    request: Request,
    visitor: Reading,
    recipients: TheRecipients,
    searching: Annotated[Search, provided(Search)],
    asked: NewestFirst,
    search: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """All of them, or those with a word of name, address or id that begins like what is searched."""
    words = search.strip()
    ids = await searching.people(visitor.caller.project_id, words, _FOUND + 1) if words else None
    shown = ids[:_FOUND] if ids is not None else None
    found = await recipients.page(
        visitor.caller, asked.page, external_id=None, user_id=None, email=None, ids=shown
    )
    more = _FOUND if ids is not None and len(ids) > _FOUND else None
    following = older(request, asked.cursor(found))
    return pages.page("recipients", visitor, rows=found.rows, older=following, words=words, more=more)


@router.get("/{recipient_id}")
async def recipient(
    visitor: Reading,
    recipients: TheRecipients,
    jobs: Annotated[Jobs, provided(Jobs)],
    inbox: Annotated[Inbox, provided(Inbox)],
    suppressions: Annotated[Suppressions, provided(Suppressions)],
    searching: Annotated[Search, provided(Search)],
    recipient_id: UUID,
    links_revoked: Annotated[str, Query(max_length=1)] = "",
) -> Response:
    """One of them. The inbox shows contents, so it is for those who manage, and audited."""
    caller = visitor.caller
    found = view_for(caller).model_validate(await recipients.read(caller, recipient_id))
    filters = Filters(caller.project_id, recipient_id=recipient_id)
    listed = await jobs.page(filters, "-created_at", None, _SHOWN, frozenset({"metadata", "result"}))
    groups = await recipients.groups(recipient_id, _GROUPS + 1)
    notifications, unread = [], None
    if found.user_id is not None and visitor.may("manage"):
        asker = Asker(Whose(caller.project_id, found.user_id), caller.actor)
        page, unread = await inbox.page(asker, InboxSearch(), PageOf(_SHOWN, newest_first=True))
        notifications = list(page.rows)
    wished = [each["type"] for each in found.preferences if each["type"] is not None]
    suppressed = {}
    for address in filter(None, (found.email, found.phone)):
        search = SuppressionSearch(address)
        if rows := (await suppressions.page(caller.project_id, PageOf(1), search)).rows:
            suppressed[address] = rows[0].reason
    return pages.page(
        "recipient",
        visitor,
        here="recipients",
        person=found,
        strange=await searching.strange(caller.project_id, wished) if wished else (),
        suppressed=suppressed,
        jobs=listed.data,
        groups=groups[:_GROUPS],
        more_groups=len(groups) > _GROUPS,
        notifications=notifications,
        unread=unread,
        links_revoked=links_revoked,
    )


@router.get("/{recipient_id}/preferences")
async def preferences(
    visitor: Reading,
    preference_page: Annotated[PreferencePage, provided(PreferencePage)],
    recipient_id: UUID,
    request: Request,
) -> Response:
    """The page that links in mails lead to, as the person sees it; nothing can be changed in it."""
    there = await preference_page.looked_at(visitor.caller.project_id, recipient_id)
    person = there.recipient
    language = language_of(person.locale, request.headers.get("accept-language", ""))
    name = person.name or person.external_id or "this recipient"
    return preferences_page(there, language, preview=Preview(name, f"/console/recipients/{recipient_id}"))


@router.get("/{recipient_id}/revoke-links")
async def ask_to_revoke(visitor: Managing, recipients: TheRecipients, recipient_id: UUID) -> Response:
    """It cannot be taken back."""
    await recipients.read(visitor.caller, recipient_id)
    page = f"/console/recipients/{recipient_id}"
    says = (
        "No link in a mail sent so far leads to their preference page any more, and none of them unsubscribes.",
        "Mails sent from now on have new links. It cannot be undone.",
    )
    asks = "Revoke the links in mails so far?"
    return pages.question(
        visitor, "recipients", asks, says, f"{page}/revoke-links", "Revoke them for good", page
    )


@router.post("/{recipient_id}/revoke-links")
async def revoke_links(posted: PostedByManager, recipients: TheRecipients, recipient_id: UUID) -> Response:
    await recipients.revoke_links(posted.visitor.caller, recipient_id)
    return back(f"/console/recipients/{recipient_id}?links_revoked=1")
