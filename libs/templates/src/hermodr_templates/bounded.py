"""Rendering in a service: no project waits long for another project's templates."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from hermodr_templates.branding import Branding
from hermodr_templates.cell import CellLost, Message
from hermodr_templates.fair_turns import FairTurns, TooManyWait
from hermodr_templates.limits import QUICK
from hermodr_templates.rendering import (
    LIMIT,
    NOTHING,
    OfProject,
    Rendered,
    Renderer,
    RenderingFailed,
    as_given,
)

MOST_TOKENS = 1_000
"""The longest source compiled in the service's own thread: about 15 ms, once per version."""
_LARGE_DATA = 64 * 1024
_OVERRUNS = 3
_STRIKES = 3
SUSPENDED_SECONDS = 60.0
CELL_SECONDS = 4.0
_PATIENCE_SECONDS = 60.0
"""Of a project that waits for its turn. Its sender renews the lease meanwhile."""
BUSY = "render_busy"
_MOST_REMEMBERED = 10_000
_NO_LOGOS = Branding()


class Asked(Protocol):
    async def ask(self, request: Message) -> Message:
        """Raises `CellLost`."""
        ...


@dataclass(slots=True)
class _Conduct:
    """Counted in a row: `overruns` of the `QUICK` limits, `strikes` against the full limits."""

    overruns: int = 0
    strikes: int = 0
    suspended_until: float = 0.0


class BoundedRenderer:
    """Renders a usual mail in the caller's thread within `QUICK` limits; what exceeds them is rendered again in a
    `Cell` within the full limits, project by project in turns. A template that overruns repeatedly goes straight to the
    cell until it is quick there. One that breaks the full limits three times in a row is suspended for a minute: its
    mails fail at once, to be retried later. `branding` has what templates may say of their project."""

    def __init__(self, cell: Asked, monotonic: Callable[[], float], branding: Branding = _NO_LOGOS) -> None:
        self._quick = Renderer(QUICK, most_tokens=MOST_TOKENS)
        self._cell = cell
        self._monotonic = monotonic
        self._turns = FairTurns(monotonic)
        self._conduct: dict[UUID, _Conduct] = {}
        self._branding = branding

    async def render(self, template: OfProject, data: str, project: UUID) -> Rendered:
        """The content for `data`, a JSON object. Raises `RenderingFailed`."""
        rendered = self.render_at_once(template, data)
        return rendered if rendered is not None else await self.render_in_cell(template, data, project)

    def render_at_once(
        self, template: OfProject, data: str, supplied: Mapping[str, str] = NOTHING
    ) -> Rendered | None:
        """The content for `data`, a JSON object, and names `supplied` beside it; `None` if the cell has to render it.
        Raises `RenderingFailed`."""
        conduct = self._conduct.get(template.template_id)
        if len(data) <= _LARGE_DATA and (conduct is None or conduct.overruns < _OVERRUNS):
            try:
                names = self._names(template, supplied)
                rendered = self._quick.render(template, json.loads(data), None, names)
            except RenderingFailed as failure:
                if failure.code != LIMIT:
                    raise
                self._of(template.template_id).overruns += 1
            else:
                if conduct is not None:
                    conduct.overruns = conduct.strikes = 0
                return rendered
        return None

    async def as_given(
        self, subject: str | None, body_text: str | None, body_html: str | None, project: UUID
    ) -> Rendered:
        """Content sent as given, without a template. Raises `RenderingFailed`."""
        if (rendered := self.as_given_at_once(subject, body_text, body_html)) is not None:
            return rendered
        async with self._turn_of(project):
            answer = await self._ask({"do": "text", "subject": subject, "body_html": body_html})
        return Rendered(**answer["rendered"])

    def as_given_at_once(
        self, subject: str | None, body_text: str | None, body_html: str | None
    ) -> Rendered | None:
        """Like `as_given`; `None` if the HTML is so long that the cell has to derive the text."""
        try:
            return as_given(subject, body_text, body_html, QUICK)
        except RenderingFailed:
            return None

    async def render_in_cell(
        self, template: OfProject, data: str, project: UUID, supplied: Mapping[str, str] = NOTHING
    ) -> Rendered:
        """What `render_at_once` could not render. Raises `RenderingFailed`."""
        conduct = self._of(template.template_id)
        self._refuse_suspended(conduct)
        async with self._turn_of(project):
            self._refuse_suspended(conduct)  # another mail of this template may have failed meanwhile
            return await self._render_there(template, data, conduct, supplied)

    @contextlib.asynccontextmanager
    async def _turn_of(self, project: UUID) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), self._turns.turn(project):
                yield
        except (TimeoutError, TooManyWait) as error:
            reason = "others that take long to render came first"
            raise RenderingFailed(BUSY, reason, passing=True) from error

    async def _render_there(
        self, template: OfProject, data: str, conduct: _Conduct, supplied: Mapping[str, str]
    ) -> Rendered:
        version = [str(template.template_id), template.version, template.locale]
        texts = [template.subject, template.body_text, template.body_html]
        request: Message = {"do": "render", "template": version + texts, "data": data}
        request["supplied"] = dict(self._names(template, supplied))
        try:
            answer = await self._ask(request)
        except RenderingFailed as failure:
            if failure.code == LIMIT:
                self._strike(conduct)
            raise
        conduct.strikes = 0
        if answer["quick"]:
            conduct.overruns = 0
        return Rendered(**answer["rendered"])

    async def _ask(self, request: Message) -> Message:
        try:
            answer = await self._cell.ask(request)
        except CellLost as error:
            raise RenderingFailed(LIMIT, str(error)) from error
        if "failed" in answer:
            raise RenderingFailed(*answer["failed"])
        return answer

    def _names(self, template: OfProject, supplied: Mapping[str, str]) -> Mapping[str, str]:
        return supplied if template.brand is None else {**supplied, **self._branding.names(template.brand)}

    def _strike(self, conduct: _Conduct) -> None:
        conduct.strikes += 1
        if conduct.strikes >= _STRIKES:
            conduct.suspended_until = self._monotonic() + SUSPENDED_SECONDS

    def _refuse_suspended(self, conduct: _Conduct) -> None:
        if conduct.suspended_until > self._monotonic():
            reason = f"the template broke the limits {_STRIKES} times in a row and rests for {SUSPENDED_SECONDS:g} s"
            raise RenderingFailed("render_suspended", reason, passing=True)

    def _of(self, template_id: UUID) -> _Conduct:
        if len(self._conduct) > _MOST_REMEMBERED:
            self._conduct.clear()
        return self._conduct.setdefault(template_id, _Conduct())
