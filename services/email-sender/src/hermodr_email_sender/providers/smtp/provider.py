from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from hermodr_delivery.failures import Cause, PermanentError, Refused
from hermodr_delivery.provider import Accepted, Call, ProviderOptions
from hermodr_email_sender import mime
from hermodr_email_sender.dkim_signing import DkimSigner
from hermodr_email_sender.domain import Mailbox, OutgoingEmail
from hermodr_email_sender.errors import UnsendableMessage
from hermodr_email_sender.providers.smtp.dialogue import Reply
from hermodr_email_sender.providers.smtp.endpoint import SmtpEndpoint, connect
from hermodr_email_sender.providers.smtp.pool import PoolLimits, SmtpPool
from hermodr_email_sender.providers.smtp.replies import ConnectionUsedUp, queue_id
from hermodr_email_sender.providers.smtp.session import SmtpSession, StaleSession
from hermodr_servicekit.return_paths import BounceAddress

_STEPS = 4
"""Greeting, EHLO, TLS, AUTH: each may take as long as the greeting."""


class SmtpProvider:
    """`sender` is the From of mails without one, `signer` signs them; MAIL FROM is the From, or names the delivery at
    `bounces`. The pool has `options.concurrency` connections;
    further calls wait."""

    selectors = ()

    def __init__(
        self,
        endpoint: SmtpEndpoint,
        *,
        sender: Mailbox,
        name: str = "smtp",
        options: ProviderOptions | None = None,
        limits: PoolLimits | None = None,
        signer: DkimSigner | None = None,
        bounces: BounceAddress | None = None,
    ) -> None:
        self.name = name
        self.options = options or ProviderOptions()
        self._signer = signer
        self._bounces = bounces
        self.sender = sender
        self._endpoint = endpoint
        self.timeouts = endpoint.timeouts
        self._pool = SmtpPool(
            partial(connect, endpoint),
            limits or PoolLimits(size=self.options.concurrency, silence_seconds=endpoint.timeouts.connect),
        )

    def prepare(self, message: OutgoingEmail) -> Call:
        sender = message.sender or self.sender
        try:
            mail = mime.build(message, sender)
            if self._signer is not None:
                mail = mail._replace(content=self._signer.signed(mail.content, sender))
            if self._bounces is not None and message.delivery_id is not None:
                mail = mail._replace(envelope_from=self._bounces.of(message.delivery_id))
            return partial(self._send, mail)
        except UnsendableMessage as error:
            raise PermanentError(error.code, error.detail) from error

    @property
    def place(self) -> str:
        return f"{self._endpoint.host}:{self._endpoint.port}"

    async def check(self) -> str:
        session = await connect(self._endpoint)
        words = ["encrypted" if session.encrypted else "not encrypted"]
        words += ["logged in"] if self._endpoint.username is not None else []
        session.quit()
        await session.closed
        return ", ".join(words)

    async def close(self) -> None:
        await self._pool.close()

    async def _send(self, mail: mime.MimeMessage) -> Accepted:
        """A connection that is stale or used up before anything was accepted is replaced once."""
        deadline = asyncio.get_running_loop().time() + self.timeouts.send
        try:
            return await self._transact(mail, deadline, fresh=False)
        except (StaleSession, ConnectionUsedUp):
            return await self._transact(mail, deadline, fresh=True)

    async def _transact(self, mail: mime.MimeMessage, deadline: float, *, fresh: bool) -> Accepted:
        session = await self._session(deadline, fresh=fresh)
        used_up = False
        try:
            return _accepted(await session.transact(mail, deadline), session.left_out, mail.copies_to)
        except ConnectionUsedUp:
            used_up = True
            raise
        except Refused as refusal:
            if refusal.cause is Cause.CONNECTIONS:
                refusal.alive = 1  # all of them are alive, but that is too many: half will do
                self._pool.end_idle()
            raise
        finally:
            self._pool.release(session, used_up=used_up)

    async def _session(self, deadline: float, *, fresh: bool) -> SmtpSession:
        if not fresh and self._pool.at_hand:
            return await self._pool.acquire()
        begun = self.timeouts.connect + _STEPS * self.timeouts.greeting
        seconds = min(max(self.timeouts.session, begun), deadline - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(seconds):
                return await self._pool.acquire(fresh=fresh)
        except TimeoutError:
            detail = f"no connection became free within {seconds:.0f} s"
            raise Refused(Cause.CONNECTIONS, "connect_timeout", detail) from None


def _accepted(reply: Reply, left_out: Sequence[Reply], copies: Sequence[str]) -> Accepted:
    # without the reply's text, which may repeat the address; only the queue id is ever looked up
    detail = f"{reply.code} {reply.enhanced}".rstrip()
    if not left_out:
        return Accepted(queue_id(reply), detail)
    said = ", ".join(sorted({f"{each.code} {each.enhanced}".rstrip() for each in left_out}))
    return Accepted(queue_id(reply), detail, f"{len(left_out)} of {len(copies)} copies refused: {said}")
