"""Checks, compiles and renders templates in separate processes."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import NamedTuple
from uuid import UUID, uuid4

from hermodr_api.answers import patience
from hermodr_api.errors import Flaw, invalid, unavailable
from hermodr_api.http.bodies import JsonObject
from hermodr_contracts.approved_templates import ApprovedTemplate
from hermodr_contracts.channels import Channels
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.templates.versions import Contents, Texts
from hermodr_templates.cell import Cell, CellLost, Message
from hermodr_templates.fair_turns import FairTurns, TooManyWait
from hermodr_templates.needs import RECIPIENT
from hermodr_templates.publishing import Source
from hermodr_templates.rendering import MISSING

_PATIENCE_SECONDS = 8.0
ONLY_WITHIN = "there is no approved template: it is sent only within 24 hours of the person's last message"
_MOST_WAITING = 50
"""Per project; more are refused at once."""


BrandNames = Callable[[UUID], Awaitable[Mapping[str, str]]]


class Compiled(NamedTuple):
    """`warnings` say what the author may not have meant."""

    contents: dict[str, dict[str, Texts]]
    warnings: list[str]


class _Shared(NamedTuple):
    cell: Cell
    turns: FairTurns


class Publishing:
    """One process for saving and one for previews, so that neither waits for the other. Projects take turns.
    `brand_names`: see `Shared`."""

    def __init__(self, channels: Channels, brand_names: BrandNames, seconds: float = 4.0) -> None:
        self._channels = channels
        self._brand_names = brand_names
        self._saving = _Shared(Cell(seconds), FairTurns(time.monotonic, most=_MOST_WAITING))
        self._showing = _Shared(Cell(seconds), FairTurns(time.monotonic, most=_MOST_WAITING))

    async def close(self) -> None:
        await self._saving.cell.close()
        await self._showing.cell.close()

    async def published(self, contents: Contents, project: UUID) -> Compiled:
        """Raises `Refused` with every flaw of every text."""
        made: dict[str, dict[str, Texts]] = {}
        flaws: list[Flaw] = []
        warnings: list[str] = []
        for channel, locales in contents.items():
            if channel not in self._channels:
                warnings.append(
                    f"{channel}: not available yet; its texts are kept, and nothing is sent by it"
                )
            for locale, texts in locales.items():
                at = ("body", "contents", channel, locale)
                published, found = await self._published(channel, texts, project, at)
                flaws += found
                warnings.extend(f"{channel}.{locale}: {each}" for each in published[0]["warnings"])
                if channel == Channel.WHATSAPP and texts.approved is None:
                    warnings.append(f"{channel}.{locale}: {ONLY_WITHIN}")
                made.setdefault(channel, {})[locale] = replace(
                    texts,
                    compiled_html=published[0]["compiled_html"],
                    required=" ".join(_all_needed(published)),
                    reads_recipient=any(each["reads_recipient"] for each in published),
                    reads_items=any(each["reads_items"] for each in published),
                )
        if flaws:
            raise invalid(*flaws)
        return Compiled(made, warnings)

    async def _published(
        self, channel: str, texts: Texts, project: UUID, at: tuple[str, ...]
    ) -> tuple[Sequence[Message], list[Flaw]]:
        """What comes of the texts, and then of each text that fills an approved template."""
        fillings = list(ApprovedTemplate.read(texts.approved).sources()) if texts.approved is not None else []
        sources = [_source(channel, texts), *({"body_text": source} for _, source in fillings)]
        answer = await self._ask(self._saving, project, {"do": "publish", "texts": sources}, at)
        published: Sequence[Message] = answer["published"]
        flaws = [Flaw((*at, flaw["part"]), _said(flaw)) for flaw in published[0]["flaws"]]
        for (place, _), other in zip(fillings, published[1:], strict=True):
            flaws += [Flaw((*at, "approved", *place), _said(flaw)) for flaw in other["flaws"]]
        return published, flaws

    async def rendered(
        self, texts: Texts, locale: str, data: JsonObject, project: UUID, at: tuple[str, ...]
    ) -> Message:
        """`rendered`, `variables` and `remarks`; `at` is where the texts stand in the request. Raises `Refused`
        and `LedgerUnavailable`."""
        html = texts.compiled_html if texts.compiled_html is not None else texts.body_html
        async with patience():
            names = await self._brand_names(project)
        request: Message = {
            "do": "render",
            "template": [str(uuid4()), 1, locale, texts.subject, texts.body_text, html],
            "data": json.dumps({**names, **data}),
            "variables": True,
        }
        answer = await self._ask(self._showing, project, request, at)
        if "failed" in answer:
            code, detail = answer["failed"]
            raise invalid(Flaw(_place(detail) if code == MISSING else at, detail))
        return answer

    async def _ask(self, shared: _Shared, project: UUID, request: Message, at: tuple[str, ...]) -> Message:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), shared.turns.turn(project):
                return await shared.cell.ask(request)
        except CellLost:
            reason = "takes too long, or more memory than a template may, to be compiled and rendered"
            raise invalid(Flaw(at, reason)) from None
        except (TimeoutError, TooManyWait):
            raise unavailable("overload", "other templates are being compiled; nothing was saved") from None


def _said(flaw: Message) -> str:
    return f"line {flaw['line']}, column {flaw['column']}: {flaw['reason']}"


def _all_needed(published: Sequence[Message]) -> list[str]:
    """What one of them needs; a part of it covers the whole (`order.number`: `order`)."""
    found = {name for each in published for name in each["required"]}
    return sorted(each for each in found if not any(other.startswith(f"{each}.") for other in found))


def _place(detail: str) -> tuple[str, ...]:
    """Where the request lacks what is missing."""
    name = detail.rpartition(": ")[2]
    return ("body", RECIPIENT if name.startswith((f"{RECIPIENT}.", f"{RECIPIENT}[")) else "data")


def _source(channel: str, texts: Texts) -> dict[str, object]:
    source = asdict(texts) | {"payload": channel == Channel.WEBHOOK}
    return {each.name: source[each.name] for each in fields(Source)}
