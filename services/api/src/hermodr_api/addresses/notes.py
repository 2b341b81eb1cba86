"""The messages about a changed address, as jobs of the project, to bare addresses: nobody's preferences can stop them.
The one to the new address holds no text of a user's, who might mean it for a stranger."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from hermodr_api.errors import CONFLICT, Flaw, Refused
from hermodr_api.notifications.directory import Directory
from hermodr_api.templates.publishing import BrandNames
from hermodr_contracts.locales import choose_locale
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.jobs.accept import NewJob
from hermodr_ledger.people.pending import GOOD_FOR, Kind
from hermodr_ledger.people.recipients import Recipient
from hermodr_ledger.privacy.address_jobs import key_of
from hermodr_servicekit.links import Links
from hermodr_templates.starter_texts import LOCALES, rendered

VERIFICATION, CHANGED = "address_verification", "address_changed"
_CHANNELS: Mapping[Kind, Channel] = {"email": Channel.EMAIL, "phone": Channel.SMS}


class Preparing(Protocol):
    """The jobs that items would become, and the flaws of the others, by their places."""

    async def prepared(
        self, project_id: UUID, items: Sequence[object]
    ) -> tuple[Mapping[int, NewJob], Mapping[int, list[Flaw]]]: ...


class AddressNotes:
    """By the project's template of that name if it has one for the channel that needs no more than is given; else in
    the words of the starter. All raise `Refused` (409: no message can be sent) and `LedgerUnavailable`."""

    def __init__(self, directory: Directory, bulk: Preparing, brand_names: BrandNames) -> None:
        self._directory = directory
        self._brand_names = brand_names
        self._bulk = bulk

    async def verification(
        self, project_id: UUID, who: Recipient, new: tuple[Kind, str], pending_id: UUID, links: Links
    ) -> NewJob:
        kind, address = new
        hours = int(GOOD_FOR.total_seconds() // 3600)
        data: dict[str, object] = {"kind": kind, "address": address, "hours": hours}
        data["link"] = links.confirmation(pending_id)
        if kind == "phone":
            data["code"] = links.code(pending_id)
        job = await self._job(project_id, who, VERIFICATION, (kind, address), data)
        if isinstance(job, NewJob):
            return job
        reason = f"cannot be verified: {job[0].msg}"
        raise Refused(CONFLICT, f"the new {kind} {reason}", [Flaw(("body", kind), reason)])

    async def changed(self, project_id: UUID, who: Recipient, kind: Kind, new: str | None) -> NewJob | None:
        """To the old address; where there was none, to the recipient's other one. `new` `None`: it was removed."""
        data = {"kind": kind, "address": masked(new) if new is not None else None}
        other: Kind = "phone" if kind == "email" else "email"
        for each in (kind, other):
            if (address := getattr(who, each)) is not None:
                job = await self._job(project_id, who, CHANGED, (each, address), data)
                if isinstance(job, NewJob):
                    return job
        return None

    async def _job(
        self, project_id: UUID, who: Recipient, name: str, to: tuple[Kind, str], data: Mapping[str, object]
    ) -> NewJob | list[Flaw]:
        kind, address = to
        locale = choose_locale(who.locale or LOCALES[0], LOCALES[0], LOCALES)
        item: dict[str, Any] = {
            "type": name,
            "to": {kind: address, "locale": who.locale or locale},
            "channels": [_CHANNELS[kind]],
            "priority": "urgent",
            "cancel_key": key_of(who.id),
        }
        needs = await self._directory.needs_now(project_id, name)
        if needs is not None and _CHANNELS[kind] in needs:
            job = await self._prepared(project_id, item | {"data": dict(data)})
            if isinstance(job, NewJob):
                return job
        told = {**await self._brand_names(project_id), **data}
        words = await asyncio.to_thread(rendered, name, _CHANNELS[kind], locale, told)
        content = {"subject": words.subject or None, "body_text": words.text, "body_html": words.html}
        return await self._prepared(project_id, item | content)

    async def _prepared(self, project_id: UUID, item: dict[str, Any]) -> NewJob | list[Flaw]:
        jobs, rejected = await self._bulk.prepared(project_id, [item])
        return jobs[0]._replace(batch_id=None) if jobs else rejected[0]


def masked(address: str) -> str:
    """Enough for who knows it: `a***@example.com`, `+49***17`."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}" if at else f"{address[:3]}***{address[-2:]}"
