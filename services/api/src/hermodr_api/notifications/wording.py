"""What a message would say: rendered as a sender renders it."""

import hashlib
import json
import time
from typing import NamedTuple
from uuid import UUID

from hermodr_contracts.segments import as_sent, segments_of
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.accept import NewJob
from hermodr_ledger.jobs.decisions import NewDelivery
from hermodr_ledger.templates.kept import KeptTexts
from hermodr_ledger.templates.texts import CompiledTexts, compiled_texts
from hermodr_servicekit.links import Links
from hermodr_templates.bounded import CELL_SECONDS, BoundedRenderer
from hermodr_templates.branding import Branding
from hermodr_templates.cell import Cell
from hermodr_templates.needs import RECIPIENT
from hermodr_templates.rendering import NOTHING, Rendered, RenderingFailed
from hermodr_templates.sandbox import supplied


class Wording(NamedTuple):
    """`sha256` of the HTML, else of the text. `failed`: why it cannot be made."""

    subject: str | None = None
    sha256: str | None = None
    failed: str | None = None


class Words:
    """Renders in a process of its own what takes long, projects by turns. Template versions never change: their texts
    are remembered."""

    def __init__(self, ledger: Ledger, links: Links | None, most_segments: int, branding: Branding) -> None:
        self._ledger = ledger
        self._links = links
        self._most_segments = most_segments
        self._cell = Cell(CELL_SECONDS)
        self._renderer = BoundedRenderer(self._cell, time.monotonic, branding)
        self._kept = KeptTexts(self._read, time.monotonic)

    async def close(self) -> None:
        await self._cell.close()

    async def of(self, job: NewJob, delivery: NewDelivery) -> Wording:
        """Raises `LedgerUnavailable`."""
        texts = None
        if delivery.template_id is not None:
            texts = await self._texts(delivery)
            if texts is None:  # the usual body of a webhook
                return Wording()
        try:
            rendered = await self._rendered(job, delivery, texts)
        except RenderingFailed as failure:
            return Wording(failed=failure.code)
        return self._worded(delivery.channel, rendered, texts)

    def _worded(self, channel: Channel, rendered: Rendered, texts: CompiledTexts | None) -> Wording:
        match channel:
            case Channel.SMS:
                text = as_sent(rendered.text)
                if not text:
                    return Wording(failed="empty_text")
                if segments_of(text).number > self._most_segments:
                    return Wording(failed="too_many_segments")
                return Wording(None, _sha256(text))
            case Channel.WHATSAPP:
                approved = texts is not None and texts.approved is not None
                return Wording() if approved else Wording(None, _sha256(rendered.text))
            case Channel.WEBHOOK:
                return Wording(None, _sha256(rendered.text)) if texts is not None else Wording()
            case _:
                return Wording(rendered.subject, _sha256(rendered.html or rendered.text))

    async def _rendered(self, job: NewJob, delivery: NewDelivery, texts: CompiledTexts | None) -> Rendered:
        if texts is None:
            given = json.loads(job.content or "{}")
            words = (given.get("subject"), given.get("body_text"), given.get("body_html"))
            return await self._renderer.as_given(*words, job.project_id)
        data = _data(job, delivery)
        names = self._supplied(job, delivery.channel, texts)
        rendered = self._renderer.render_at_once(texts, data, names)
        if rendered is not None:
            return rendered
        return await self._renderer.render_in_cell(texts, data, job.project_id, names)

    def _supplied(self, job: NewJob, channel: Channel, texts: CompiledTexts) -> dict[str, str]:
        if self._links is None or channel is not Channel.EMAIL or texts.name is None:
            return dict(NOTHING)
        if job.recipient_id is None:
            return dict(NOTHING)
        link = self._links.of_mail(
            job.project_id, job.recipient_id, texts.name, critical=texts.critical, envelope=job.envelope
        )
        return supplied(*link)

    async def _texts(self, delivery: NewDelivery) -> CompiledTexts | None:
        assert delivery.template_id is not None
        assert delivery.template_version is not None
        assert delivery.locale is not None
        return await self._kept.of(
            (delivery.template_id, delivery.template_version, str(delivery.channel), delivery.locale)
        )

    async def _read(self, key: tuple[UUID, int, str, str]) -> CompiledTexts | None:
        return await compiled_texts(self._ledger, *key)


def _data(job: NewJob, delivery: NewDelivery) -> str:
    """With what Hermodr supplies. An event is told as the only one of its window."""
    supplied: dict[str, object] = {}
    if job.digest is not None:
        supplied |= {"items": [json.loads(job.data)], "total": 1}
    if delivery.recipient is not None:
        supplied[RECIPIENT] = json.loads(delivery.recipient)
    return json.dumps(json.loads(job.data) | supplied) if supplied else job.data


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
