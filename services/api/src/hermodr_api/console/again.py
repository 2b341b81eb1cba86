"""`/console/messages/{id}/request`: what was asked for, what would become of it today, and asking for it once more."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import Key, patience
from hermodr_api.console import pages
from hermodr_api.console.forms import Form
from hermodr_api.console.visiting import Managing, Page, PostedByManager, back, needs
from hermodr_api.errors import CONFLICT, Refused, not_found
from hermodr_api.http.provided import provided
from hermodr_api.jobs.models import DeliveryView, TimelineEntry
from hermodr_api.jobs.service import Jobs
from hermodr_api.notifications.models import NotificationIn
from hermodr_api.notifications.service import Notifications
from hermodr_api.notifications.simulating import Simulating
from hermodr_ledger.access import audit
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import asked
from hermodr_ledger.jobs.accept import SentAgain
from hermodr_ledger.jobs.asked import Asked

router = APIRouter(prefix="/console/messages", include_in_schema=False, route_class=Page)

TheJobs = Annotated[Jobs, provided(Jobs)]
_SENT = frozenset({"send", "defer"})


@dataclass(frozen=True, slots=True)
class Compared:
    """A channel: what happened, and what would happen now; `None`: nothing. `differs`: one of both reaches somebody."""

    channel: str
    then: str | None
    now: str | None
    subject: str | None
    differs: bool


class AskingAgain:
    """All raise `Refused` and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, notifications: Notifications, simulating: Simulating) -> None:
        self._ledger = ledger
        self._notifications = notifications
        self._simulating = simulating

    async def look(self, caller: Caller, job_id: UUID) -> Asked:
        """Audited: it shows contents."""
        async with patience(), self._ledger.transaction() as transaction:
            found = await asked.read(transaction, caller.project_id, job_id)
            if found is None:
                raise not_found("notification")
            await audit.record(transaction, caller.project_id, caller.actor, "job.look", job_id)
        return found

    async def foreseen(self, caller: Caller, found: Asked) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """What would become of it by channel; or why it would be refused."""
        try:
            answer = await self._simulating.request(caller, [found.request], None, single=True)
        except Refused as refused:
            return [], _said(refused)
        return json.loads(answer.body)["channels"], None

    async def ask(self, caller: Caller, job_id: UUID, key: Key | None) -> UUID:
        """A new job like it: its id, the same one for the same key. Audited in the same transaction."""
        found = await self.look(caller, job_id)
        if found.attachments:
            raise Refused(CONFLICT, "its attachments are not in the request: send it with them over the API")
        try:
            wanted = NotificationIn.model_validate(found.request)
        except ValidationError:
            raise Refused(CONFLICT, "it was asked for by rules that do not hold any more") from None
        again = SentAgain(job_id, caller.actor)
        answer = await self._notifications.request(caller.project_id, wanted, key, again=again)
        return UUID(json.loads(answer.body)["job_id"])


TheAsking = Annotated[AskingAgain, provided(AskingAgain)]


@router.get("/{job_id}/request")
async def request(visitor: Managing, asking: TheAsking, jobs: TheJobs, job_id: UUID) -> Response:
    """What was asked for, and what would become of it now."""
    found = await asking.look(visitor.caller, job_id)
    history = await jobs.history(visitor.caller, job_id)
    timeline = await jobs.timeline(visitor.caller, job_id)
    foreseen, refused = await asking.foreseen(visitor.caller, found)
    return pages.page(
        "request",
        visitor,
        here="messages",
        job=history.job,
        asked=found,
        compared=compared(history.deliveries, timeline.data, foreseen),
        refused=refused,
        once=Form().once,
    )


@router.post("/{job_id}/again")
async def again(posted: PostedByManager, asking: TheAsking, job_id: UUID) -> Response:
    """Ask for it once more, as a job of its own."""
    needs(posted.visitor, "send")
    key = Form(posted.fields).key(f"messages/{job_id}/again")
    made = await asking.ask(posted.visitor.caller, job_id, key)
    return back(f"/console/messages/{made}")


def compared(
    deliveries: Sequence[DeliveryView], timeline: Sequence[TimelineEntry], now: Sequence[Mapping[str, Any]]
) -> list[Compared]:
    """By channel, those first that something became of."""
    then: dict[str, tuple[str, bool]] = {}
    for entry in timeline:
        if entry.event == "not_sent":
            reason = str(entry.detail.get("reason", "")).replace("_", " ")
            then[str(entry.detail.get("channel"))] = (f"not sent: {reason}", False)
    then |= {each.channel: (each.state, True) for each in deliveries}
    foreseen = {str(each["channel"]): each for each in now}
    rows = []
    for channel in {**then, **foreseen}:
        was, reached = then.get(channel, (None, False))
        view = foreseen.get(channel)
        would = view is not None and view["verdict"] in _SENT
        subject = view["subject"] if view is not None else None
        rows.append(Compared(channel, was, _foretold(view), subject, reached != would))
    return rows


def _foretold(view: Mapping[str, Any] | None) -> str | None:
    if view is None:
        return None
    words = {"send": "sent", "defer": "sent later", "skip": "not sent", "fail": "not possible"}
    said = words[view["verdict"]]
    if view["reason"]:
        said += f": {view['reason'].replace('_', ' ')}"
    if view["verdict"] == "defer" and view["send_at"]:
        said += f", at {view['send_at'][:16].replace('T', ' ')} UTC"
    return said


def _said(refused: Refused) -> str:
    flaws = [f"{'.'.join(map(str, each.loc[1:]))}: {each.msg}" for each in refused.flaws]
    return "; ".join(flaws) or refused.detail
