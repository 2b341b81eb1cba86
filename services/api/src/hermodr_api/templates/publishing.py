"""Checks, compiles and renders templates in separate processes."""

import asyncio
import json
import time
from dataclasses import asdict, fields, replace
from typing import NamedTuple
from uuid import UUID, uuid4

from hermodr_api.errors import Flaw, invalid, unavailable
from hermodr_api.http.bodies import JsonObject
from hermodr_contracts.channels import Channels
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.templates.versions import Contents, Texts
from hermodr_templates.cell import Cell, CellLost, Message
from hermodr_templates.fair_turns import FairTurns, TooManyWait
from hermodr_templates.needs import RECIPIENT
from hermodr_templates.publishing import Source
from hermodr_templates.rendering import MISSING

_PATIENCE_SECONDS = 8.0
_MOST_WAITING = 50
"""Per project; more are refused at once."""


class Compiled(NamedTuple):
    """`warnings` say what the author may not have meant."""

    contents: dict[str, dict[str, Texts]]
    warnings: list[str]


class _Shared(NamedTuple):
    cell: Cell
    turns: FairTurns


class Publishing:
    """One process for saving and one for previews, so that neither waits for the other. Projects take turns."""

    def __init__(self, channels: Channels, seconds: float = 4.0) -> None:
        self._channels = channels
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
                request = {"do": "publish", "texts": [_source(channel, texts)]}
                answer = await self._ask(self._saving, project, request, at)
                (published,) = answer["published"]
                for flaw in published["flaws"]:
                    where = f"line {flaw['line']}, column {flaw['column']}"
                    flaws.append(Flaw((*at, flaw["part"]), f"{where}: {flaw['reason']}"))
                warnings.extend(f"{channel}.{locale}: {each}" for each in published["warnings"])
                made.setdefault(channel, {})[locale] = replace(
                    texts,
                    compiled_html=published["compiled_html"],
                    required=" ".join(published["required"]),
                    reads_recipient=published["reads_recipient"],
                )
        if flaws:
            raise invalid(*flaws)
        return Compiled(made, warnings)

    async def rendered(
        self, texts: Texts, locale: str, data: JsonObject, project: UUID, at: tuple[str, ...]
    ) -> Message:
        """`rendered`, `variables` and `remarks`; `at` is where the texts stand in the request. Raises `Refused`."""
        html = texts.compiled_html if texts.compiled_html is not None else texts.body_html
        request: Message = {
            "do": "render",
            "template": [str(uuid4()), 1, locale, texts.subject, texts.body_text, html],
            "data": json.dumps(data),
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


def _place(detail: str) -> tuple[str, ...]:
    """Where the request lacks what is missing."""
    name = detail.rpartition(": ")[2]
    return ("body", RECIPIENT if name.startswith((f"{RECIPIENT}.", f"{RECIPIENT}[")) else "data")


def _source(channel: str, texts: Texts) -> dict[str, object]:
    source = asdict(texts) | {"payload": channel == Channel.WEBHOOK}
    return {each.name: source[each.name] for each in fields(Source)}
