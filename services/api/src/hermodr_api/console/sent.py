"""A message as its recipient got it, made once more from what it was made of."""

from dataclasses import dataclass
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import patience
from hermodr_api.errors import not_found
from hermodr_api.templates.publishing import Publishing
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.access import audit
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import composed
from hermodr_ledger.jobs.composed import Composed
from hermodr_ledger.templates import versions
from hermodr_servicekit.links import Links
from hermodr_templates.sandbox import supplied


@dataclass(frozen=True, slots=True)
class Sent:
    """`version`: of the template; `None`: it was given as it is."""

    channel: str
    address: str
    version: int | None
    locale: str | None
    subject: str | None
    text: str | None
    html: str | None


class SentMessages:
    def __init__(self, ledger: Ledger, publishing: Publishing, links: Links | None) -> None:
        self._ledger = ledger
        self._publishing = publishing
        self._page_url = links.sample if links is not None else ""

    async def look(self, caller: Caller, job_id: UUID, delivery_id: UUID) -> Sent:
        """Audited: somebody saw what was written to somebody. Raises `Refused` (404, 422) and `LedgerUnavailable`."""
        async with patience(), self._ledger.transaction() as transaction:
            found = await composed.read(transaction, caller.project_id, job_id, delivery_id)
            if found is None:
                raise not_found("delivery")
            await audit.record(
                transaction, caller.project_id, caller.actor, "job.look", job_id, {"delivery_id": delivery_id}
            )
        if found.template_id is None or found.template_version is None:
            given = found.content
            return _sent(found, given.get("subject"), given.get("body_text"), given.get("body_html"))
        return await self._rendered(caller.project_id, found, found.template_id, found.template_version)

    async def _rendered(self, project_id: UUID, found: Composed, template_id: UUID, number: int) -> Sent:
        async with patience():
            template = await versions.read(self._ledger, project_id, template_id)
            version = await versions.version(self._ledger, template_id, number) if template else None
        texts = version.contents.get(Channel(found.channel), {}) if version is not None else {}
        locale = found.locale or ""
        if template is None or locale not in texts:
            raise not_found("version of the template any more")
        data = dict(found.data)
        if found.channel == Channel.EMAIL and self._page_url:
            data = supplied(self._page_url, not template.critical) | data
        answer = await self._publishing.rendered(texts[locale], locale, data, project_id, ("template",))
        made = answer["rendered"]
        return _sent(found, made.get("subject"), made.get("text"), made.get("html"))


def _sent(found: Composed, subject: str | None, text: str | None, html: str | None) -> Sent:
    return Sent(found.channel, found.address, found.template_version, found.locale, subject, text, html)
