"""Sending one claimed email: render, build, one provider call, and what came of it."""

import asyncio
import json
import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from uuid import UUID

import structlog

from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.claimed import Send, TakesLong, Withheld
from hermodr_delivery.failures import (
    Defect,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Throttled,
    TransientError,
)
from hermodr_delivery.provider import Call
from hermodr_delivery.recorder import Result
from hermodr_delivery.routing.route import Route
from hermodr_delivery.routing.routes import Routes
from hermodr_email_sender.domain import OutgoingEmail
from hermodr_email_sender.providers.dsns import EmailProvider
from hermodr_ledger.deliveries.attempts import Attempt, Claim, Outcome
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_ledger.templates.texts import TemplateContent, template_content
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.ids import message_id_of
from hermodr_servicekit.logging import whereabouts
from hermodr_servicekit.loop_watch import Step
from hermodr_templates.bounded import BoundedRenderer
from hermodr_templates.rendering import Rendered, RenderingFailed

log = structlog.get_logger()

_CONTENTS_KEPT = 1000
_LARGE_MAIL = 128 * 1024
"""Characters of text and HTML from which on a mail is built beside the loop: the largest takes some 300 ms."""


class EmailSending:
    """Makes one attempt of a delivery, by the provider whose turn it is (`hermodr_delivery.routing.routes`)."""

    def __init__(
        self,
        ledger: Ledger,
        routes: Routes[EmailProvider],
        renderer: BoundedRenderer,
        clock: Clock,
        *,
        owner: str,
        message_id_domain: str,
        paused: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ledger = ledger
        self._routes = routes
        self._renderer = renderer
        self._clock = clock
        self._owner = owner
        self._domain = message_id_domain
        self._paused = paused
        self._contents: dict[tuple[UUID | None, int | None, str | None], TemplateContent] = {}

    def prepare(self, claim: Claim) -> Send:
        """The attempt, for when its turn comes. The usual mail is rendered and built now; what takes longer is left to
        the attempt, and what went wrong is told by it."""
        with Step("delivery_id", claim.id):
            try:
                prepared = self._prepared(claim)
            except Exception as error:  # noqa: BLE001 - raised anew when the mail's turn comes
                prepared = _Prepared(error=error)
        left = math.inf if claim.expires_in is None else claim.expires_in
        return partial(self._send, claim, prepared, self._clock.monotonic() + left)

    async def _send(self, claim: Claim, prepared: "_Prepared", expires: float) -> Result:
        """What came of the attempt; never raises for a failed delivery. Raises `Withheld` when the channel was paused
        or the mail expired while the attempt waited for its provider's turn, or the provider takes nothing from
        anybody; `TakesLong` when the mail is not to be had at once."""
        route = self._routes.of(claim)
        started_at = self._clock.now()
        message_id: str | None = None
        failure: DeliveryFailure | None = None
        called = False
        try:
            call = await self._ready(claim, prepared, route, expires)
            await route.take(claim)
            try:
                if self._paused() or self._clock.monotonic() >= expires:
                    raise Withheld
                started_at = self._clock.now()
                called = True
                message_id = (await route.make(call, claim)).provider_message_id
            finally:
                route.leave()
        except (Withheld, TakesLong):
            raise
        except DeliveryFailure as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - a claimed delivery has to end in a result
            log.error("sending failed unexpectedly", delivery_id=str(claim.id), error=whereabouts(error))
            failure = _unexpected(error, called=called)
        attempt = Attempt(
            claim.id,
            claim.attempt,
            _outcome(failure),
            started_at,
            self._clock.now(),
            claimed_by=self._owner,
            provider=route.provider.name if called else None,  # what cannot be rendered is shown to nobody
            provider_message_id=message_id,
            code=failure.code if failure else None,
            detail=failure.detail if failure else None,
        )
        retry_after = failure.retry_after if failure is not None else None
        return Result(claim, attempt, retry_after, defect=isinstance(failure, Defect))

    async def _ready(
        self, claim: Claim, prepared: "_Prepared", route: Route[EmailProvider], expires: float
    ) -> Call:
        """The provider's call, prepared before or now. Raises what went wrong in preparing it, or `TakesLong`."""
        if prepared.error is not None:
            raise prepared.error
        if prepared.call is not None and prepared.route is route:
            return prepared.call
        rendered = prepared.rendered
        if rendered is None and not prepared.tried:
            content = await self._content(claim)
            try:
                rendered = self._renderer.render_at_once(content, claim.data)
            except RenderingFailed as failure:
                raise _of_rendering(failure) from failure
        if rendered is None or _large(rendered):
            raise TakesLong(partial(self._get_ready, claim, rendered, expires))
        with Step("delivery_id", claim.id):
            return self._call(claim, rendered, route)

    async def _get_ready(self, claim: Claim, rendered: Rendered | None, expires: float) -> Send:
        """The attempt of a mail that the cell has to render, or that is to be built beside the loop. Raises `Withheld`
        if it expired before."""
        if self._clock.monotonic() >= expires:
            raise Withheld
        try:
            if rendered is None:
                rendered = await self._rendered(claim)
            route = self._routes.of(claim)
            if _large(rendered):
                call = await asyncio.to_thread(self._call, claim, rendered, route)
            else:
                with Step("delivery_id", claim.id):
                    call = self._call(claim, rendered, route)
            prepared = _Prepared(call=call, route=route, rendered=rendered)
        except Exception as error:  # noqa: BLE001 - raised anew when the mail's turn comes
            prepared = _Prepared(error=error)
        return partial(self._send, claim, prepared, expires)

    def _call(self, claim: Claim, rendered: Rendered, route: Route[EmailProvider]) -> Call:
        return route.provider.prepare(
            OutgoingEmail(
                message_id=message_id_of(claim.job_id, self._domain),
                to_address=claim.address,
                to_name=claim.address_name or "",
                subject=rendered.subject,
                text=rendered.text,
                html=rendered.html,
                date=claim.wanted_at,  # not the attempt's own time: a repeated attempt sends the very same octets
            )
        )

    def _prepared(self, claim: Claim) -> "_Prepared":
        content = self._contents.get((claim.template_id, claim.template_version, claim.locale))
        try:
            if claim.content is not None:
                rendered = self._renderer.as_given_at_once(*_given(claim.content))
            elif content is not None:
                rendered = self._renderer.render_at_once(content, claim.data)
            else:
                return _Prepared(tried=False)
        except RenderingFailed as failure:
            raise _of_rendering(failure) from failure
        if rendered is None:
            return _Prepared()
        if _large(rendered):
            return _Prepared(rendered=rendered)
        route = self._routes.of(claim)
        return _Prepared(call=self._call(claim, rendered, route), route=route, rendered=rendered)

    async def _rendered(self, claim: Claim) -> Rendered:
        """What could not be had at once."""
        try:
            if claim.content is not None:
                return await self._renderer.as_given(*_given(claim.content), claim.project_id)
            return await self._renderer.render_in_cell(
                await self._content(claim), claim.data, claim.project_id
            )
        except RenderingFailed as failure:
            raise _of_rendering(failure) from failure

    async def _content(self, claim: Claim) -> TemplateContent:
        if claim.template_id is None or claim.template_version is None or claim.locale is None:
            raise PermanentError("template_missing", "the delivery names no template")
        key = (claim.template_id, claim.template_version, claim.locale)
        known = self._contents.get(key)
        if known is None:
            try:
                known = await template_content(self._ledger, key[0], key[1], Channel.EMAIL, key[2])
            except LedgerUnavailable as error:
                raise TransientError("ledger_unavailable", str(error)) from error
            if known is None:
                raise PermanentError("template_missing", "the template was deleted")
            if len(self._contents) >= _CONTENTS_KEPT:
                self._contents.clear()
            self._contents[key] = known
        return known


class _Prepared(NamedTuple):
    """How far a mail got before its turn: to its `call` by a `route`, to what is `rendered`, to an `error`, or nowhere.
    Then it wants the cell, or, not `tried`, texts of a template that were not at hand."""

    call: Call | None = None
    route: Route[EmailProvider] | None = None
    rendered: Rendered | None = None
    error: Exception | None = None
    tried: bool = True


def _large(rendered: Rendered) -> bool:
    return len(rendered.text) + len(rendered.html or "") > _LARGE_MAIL


def _of_rendering(failure: RenderingFailed) -> DeliveryFailure:
    kind = TransientError if failure.passing else PermanentError
    return kind(failure.code, failure.detail)


def _given(content: str) -> tuple[str | None, str | None, str | None]:
    given = json.loads(content)
    return given.get("subject"), given.get("body_text"), given.get("body_html")


def _unexpected(error: Exception, *, called: bool) -> DeliveryFailure:
    """What an error means that nobody foresaw. Before the provider was called nothing was sent: what depends on the
    machine's state may go better later, all else fails the same way for ever. In the midst of the call the mail may
    have left; whoever does not know must say so."""
    if called:
        return OutcomeUnknown("internal_error", type(error).__name__)
    if isinstance(error, OSError | MemoryError | TimeoutError):
        return TransientError("internal_error", type(error).__name__)
    return Defect(error)


def _outcome(failure: DeliveryFailure | None) -> Outcome:
    match failure:
        case None:
            return Outcome.SENT
        case PermanentError(bounced=True):
            return Outcome.BOUNCED
        case PermanentError():
            return Outcome.PERMANENT
        case Throttled():
            return Outcome.THROTTLED
        case OutcomeUnknown():
            return Outcome.UNKNOWN
        case _:
            return Outcome.TRANSIENT
