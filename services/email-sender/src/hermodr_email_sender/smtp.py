"""The SMTP provider."""

from __future__ import annotations

from functools import partial

from hermodr_delivery.failures import PermanentError
from hermodr_delivery.provider import Accepted, ProviderOptions

from . import mime, smtp_endpoint
from .domain import Mailbox, OutgoingEmail
from .errors import UnsendableMessage
from .smtp_endpoint import SmtpEndpoint
from .smtp_pool import PoolLimits, SmtpPool
from .smtp_replies import Reply, queue_id
from .smtp_session import StaleSession


class SmtpProvider:
    """Sends mail over pooled SMTP connections; a `Provider[OutgoingEmail]`.

    `sender` is the From of mails that name none. The pool is as large as `options.concurrency`: further calls wait.
    """

    def __init__(
        self,
        endpoint: SmtpEndpoint,
        *,
        sender: Mailbox,
        name: str = "smtp",
        options: ProviderOptions | None = None,
        limits: PoolLimits | None = None,
    ) -> None:
        self.name = name
        self.options = options or ProviderOptions()
        self._sender = sender
        self._pool = SmtpPool(
            partial(smtp_endpoint.connect, endpoint), limits or PoolLimits(size=self.options.concurrency)
        )

    async def send(self, message: OutgoingEmail) -> Accepted:
        """One SMTP transaction; see `Provider.send`.

        An idle connection that proves dead before the server accepted MAIL is replaced once: that cannot send twice.
        """
        try:
            mail = mime.build(message, message.sender or self._sender)
        except UnsendableMessage as error:
            raise PermanentError(error.code, error.detail) from error
        try:
            return await self._transact(mail, fresh=False)
        except StaleSession:
            return await self._transact(mail, fresh=True)

    async def close(self) -> None:
        await self._pool.close()

    async def _transact(self, mail: mime.MimeMessage, *, fresh: bool) -> Accepted:
        session = await self._pool.acquire(fresh=fresh)
        try:
            return _accepted(await session.transact(mail))
        finally:
            self._pool.release(session)


def _accepted(reply: Reply) -> Accepted:
    # Not the reply's text: it may echo the address, and the queue id is all of it that anybody looks up.
    return Accepted(queue_id(reply), f"{reply.code} {reply.enhanced}".rstrip())
