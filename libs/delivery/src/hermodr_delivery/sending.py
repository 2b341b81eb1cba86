"""One attempt: compose, wait for the turn, call, result."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Generic, NamedTuple

import structlog

from hermodr_delivery.claimed import Send, TakesLong, Withheld
from hermodr_delivery.composing import ComposedT, Composer
from hermodr_delivery.contents import Contents
from hermodr_delivery.failures import (
    Defect,
    DeliveryFailure,
    OutcomeUnknown,
    Refused,
    Throttled,
    TransientError,
)
from hermodr_delivery.outcomes import outcome_of, unexpected
from hermodr_delivery.proof import LOOKED_UP, UNPROVEN, Proof, Proving, refuse_unprovable
from hermodr_delivery.provider import Accepted, Call, Provider, can_be_proven
from hermodr_delivery.recorder import HELD, Result
from hermodr_delivery.routing.route import Route
from hermodr_delivery.routing.routes import Routes
from hermodr_ledger.deliveries.attempts import Attempt, Claim, Outcome
from hermodr_servicekit import tracing
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.logging import whereabouts
from hermodr_servicekit.loop_watch import Step

log = structlog.get_logger()


class Sending(Generic[ComposedT]):
    def __init__(
        self,
        contents: Contents,
        composer: Composer[ComposedT],
        routes: Routes[Provider[ComposedT]],
        clock: Clock,
        *,
        owner: str,
        paused: Callable[[], bool] = lambda: False,
    ) -> None:
        self._contents = contents
        self._composer = composer
        self._routes = routes
        self._clock = clock
        self._owner = owner
        self._paused = paused

    def prepare(self, claim: Claim) -> Send:
        """Composes a usual message now; what takes longer, and errors, are left to the returned attempt."""
        began = tracing.moment()
        with Step("delivery_id", claim.id):
            try:
                prepared = self._prepared(claim)
            except Exception as error:  # noqa: BLE001 - raised anew when the message's turn comes
                prepared = _Prepared(error=error)
        if prepared.call is not None or prepared.error is not None:
            _trace_composing(claim, began, prepared.error)
        left = math.inf if claim.expires_in is None else claim.expires_in
        return partial(self._send, claim, prepared, self._clock.monotonic() + left)

    async def _send(self, claim: Claim, prepared: "_Prepared[ComposedT]", expires: float) -> Result:
        """Never raises for a failed delivery. Raises `Withheld` (paused, expired, refused) or `TakesLong`."""
        made: _Made[ComposedT] = _Made(self._clock.now())
        try:
            route = self._routes.of(claim)
            refuse_unprovable(claim, route.provider)
            call, message = await self._ready(claim, prepared, route, expires)
            await route.take(claim)
            try:
                if self._paused() or self._clock.monotonic() >= expires:
                    raise Withheld
                made.started_at = self._clock.now()
                made.route = route
                if claim.maybe_accepted_by == route.provider.name:
                    made.proof = await Proving(route.provider).of(claim, message)
                made.accepted = made.proof.accepted or await route.make(call, claim)
            finally:
                route.leave()
        except (Withheld, TakesLong):
            raise
        except DeliveryFailure as error:
            made.failure = error
        except Exception as error:  # noqa: BLE001 - a claimed delivery has to end in a result
            log.error("sending failed unexpectedly", delivery_id=str(claim.id), error=whereabouts(error))
            made.failure = unexpected(error, called=made.route is not None)
        result = self._result(claim, made)
        if tracing.on():
            _trace_call(claim, result.attempt)
        return result

    def _result(self, claim: Claim, made: "_Made[ComposedT]") -> Result:
        """Raises `Withheld` if the provider refused, and no other one can take over."""
        route, failure = made.route, made.failure
        onward = failure is not None and route is not None and self._can_go_on(claim, made, route)
        if isinstance(failure, Refused) and not onward:
            raise Withheld(last=failure.named) from failure
        code = failure.code if failure else LOOKED_UP if made.proof.accepted else None
        # a message that cannot be composed is sent to nobody; one that is held stays where it was
        provider = (
            route.provider.name if route is not None else claim.maybe_accepted_by if code == HELD else None
        )
        told = made.accepted.note if made.accepted else None
        notes = (failure.detail if failure else None, told, made.proof.note)
        attempt = Attempt(
            claim.id,
            claim.attempt,
            outcome_of(failure),
            made.started_at,
            self._clock.now(),
            claimed_by=self._owner,
            provider=provider,
            provider_message_id=made.accepted.provider_message_id if made.accepted else None,
            code=code,
            detail="; ".join(filter(None, notes)) or None,
            proven=made.proof.proven,
            found=made.proof.accepted is not None,
            proof=made.proof.note,
            measured=told_by.measured if (told_by := made.accepted or failure) else None,
        )
        return Result(
            claim,
            attempt,
            failure.retry_after if failure is not None else None,
            defect=isinstance(failure, Defect),
            onward=onward,
            provable=route is not None
            and isinstance(failure, OutcomeUnknown)
            and can_be_proven(route.provider),
        )

    def _can_go_on(self, claim: Claim, made: "_Made[ComposedT]", route: Route[Provider[ComposedT]]) -> bool:
        """Whether another provider takes over: this one certainly did not accept, and not because of the message."""
        failure = made.failure
        if not isinstance(failure, TransientError | Throttled | Refused) or failure.about_message:
            return False
        bound = claim.pinned or (claim.maybe_accepted_by == route.provider.name and not made.proof.proven)
        return not bound and self._routes.another(claim, route)

    async def _ready(
        self,
        claim: Claim,
        prepared: "_Prepared[ComposedT]",
        route: Route[Provider[ComposedT]],
        expires: float,
    ) -> tuple[Call, ComposedT]:
        """The provider's call and its message. Raises errors of its preparation, or `TakesLong`."""
        if prepared.error is not None:
            raise prepared.error
        message = prepared.message
        began = tracing.moment()
        if prepared.call is not None and message is not None and prepared.route is route:
            return prepared.call, message
        if message is None and not prepared.tried:
            message = self._composer.at_once(claim, await self._contents.of(claim))
        if message is None or self._composer.is_large(message):
            raise TakesLong(partial(self._get_ready, claim, message, expires))
        with Step("delivery_id", claim.id):
            call = route.provider.prepare(message)
        _trace_composing(claim, began, None)
        return call, message

    async def _get_ready(self, claim: Claim, message: ComposedT | None, expires: float) -> Send:
        """For a message that takes long to make. Raises `Withheld` if it expired, or others' took too long."""
        if self._clock.monotonic() >= expires:
            raise Withheld
        began = tracing.moment()
        try:
            if message is None:
                texts = None if claim.content is not None else await self._contents.of(claim)
                message = await self._composer.slowly(claim, texts)
            route = self._routes.of(claim)
            if self._composer.is_large(message):
                call = await asyncio.to_thread(route.provider.prepare, message)
            else:
                with Step("delivery_id", claim.id):
                    call = route.provider.prepare(message)
            prepared = _Prepared(call, route, message)
        except Withheld:
            raise
        except Exception as error:  # noqa: BLE001 - raised anew when the message's turn comes
            prepared = _Prepared(error=error)
        _trace_composing(claim, began, prepared.error)
        return partial(self._send, claim, prepared, expires)

    def _prepared(self, claim: Claim) -> "_Prepared[ComposedT]":
        texts = None
        if claim.content is None:
            texts = self._contents.kept(claim)
            if texts is None:
                return _Prepared(tried=False)
        message = self._composer.at_once(claim, texts)
        if message is None or self._composer.is_large(message):
            return _Prepared(message=message)
        try:
            route = self._routes.of(claim)
        except Withheld:
            return _Prepared(message=message)
        return _Prepared(route.provider.prepare(message), route, message)


def _trace_composing(claim: Claim, began: int, error: Exception | None) -> None:
    if began:
        failed = type(error).__name__ if error is not None else None
        tracing.step("compose", claim.id, began, {"hermodr.attempt": claim.attempt}, failed=failed)


def _trace_call(claim: Claim, attempt: Attempt) -> None:
    """Of an attempt that was held, or of a message that could not be composed, too: its code says so."""
    values: tracing.Values = {
        "hermodr.delivery.id": str(claim.id),
        "hermodr.channel": claim.channel,
        "hermodr.attempt": attempt.number,
        "hermodr.provider": attempt.provider,
        "hermodr.outcome": attempt.outcome,
        "hermodr.code": attempt.code,
    }
    failed = None if attempt.outcome is Outcome.SENT else attempt.code or attempt.outcome
    began, ended = (int(at.timestamp() * 1e9) for at in (attempt.started_at, attempt.finished_at))
    tracing.step(f"send {claim.channel}", claim.id, began, values, ended=ended, kind="client", failed=failed)


@dataclass(slots=True)
class _Made(Generic[ComposedT]):
    """An attempt. `route`: once its provider was asked."""

    started_at: datetime
    route: Route[Provider[ComposedT]] | None = None
    proof: Proof = UNPROVEN
    accepted: Accepted | None = None
    failure: DeliveryFailure | None = None


class _Prepared(NamedTuple, Generic[ComposedT]):
    """A `call` of a `message` by a `route`, a `message`, an `error`, or nothing: it takes long, or (not `tried`) its
    texts were not cached."""

    call: Call | None = None
    route: Route[Provider[ComposedT]] | None = None
    message: ComposedT | None = None
    error: Exception | None = None
    tried: bool = True
