"""Recipients' own URLs. A receiver follows the specification of Standard Webhooks (1.0.0,
github.com/standard-webhooks/standard-webhooks): 2xx is taken, all else is sent again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from functools import partial

from hermodr_delivery.failures import (
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Throttled,
    TransientError,
)
from hermodr_delivery.provider import Accepted, Call, ProviderOptions
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.guard.targets import Refused, Target, read_target
from hermodr_servicekit.webhook_signing import Purpose, SecretOf, WebhookSecrets
from hermodr_webhook_sender.domain import Answer
from hermodr_webhook_sender.hosts import Hosts
from hermodr_webhook_sender.outgoing import OutgoingWebhook

OPTIONS = ProviderOptions(concurrency=100, one_place=False)


class Verdict(Enum):
    NEVER = auto()
    LATER = auto()
    PACE = auto()
    """Later, and not so fast."""
    UNKNOWN = auto()
    """Perhaps it was taken."""


STATUSES: Mapping[int, Verdict] = {
    410: Verdict.NEVER,  # Standard Webhooks: the receiver wants no more
    413: Verdict.NEVER,  # RFC 9110 §15.5.14: too large, and it stays so
    414: Verdict.NEVER,  # RFC 9110 §15.5.15: the URL is too long, and it stays so
    429: Verdict.PACE,  # RFC 6585 §4
    431: Verdict.NEVER,  # RFC 6585 §5: so are our headers
    502: Verdict.UNKNOWN,  # RFC 9110 §15.6.3: a gateway got no answer that it understood
    503: Verdict.PACE,  # RFC 9110 §15.6.4
    504: Verdict.UNKNOWN,  # RFC 9110 §15.6.5: a gateway got no answer in time
}
"""All others but 2xx are `LATER`: redirects are not followed, and a receiver that is being mended answers anything."""

ERRORS: Mapping[str, Verdict] = {
    "unknown_host": Verdict.LATER,
    "unresolvable": Verdict.LATER,
    "connection_failed": Verdict.LATER,
    "bad_certificate": Verdict.LATER,  # it can be renewed
    "tls_failed": Verdict.LATER,
    "timeout": Verdict.UNKNOWN,
    "connection_lost": Verdict.UNKNOWN,
    "bad_answer": Verdict.UNKNOWN,
    "too_large": Verdict.UNKNOWN,
}
"""Of `Answer.error`. All others are the guard's, which will say so again: `NEVER`."""


class Endpoint:
    """A `Provider[OutgoingWebhook]` to many servers: nothing that one of them does says anything about another."""

    def __init__(
        self,
        post: Callable[[str, Mapping[str, str], bytes], Awaitable[Answer]],
        secrets: WebhookSecrets,
        clock: Clock,
        hosts: Hosts,
        *,
        options: ProviderOptions = OPTIONS,
    ) -> None:
        """`post`: see `Caller.post`."""
        self.name = "endpoint"
        self.place = "recipients' own URLs"
        self.options = options
        self._post = post
        self._secrets = secrets
        self._clock = clock
        self._hosts = hosts

    def prepare(self, message: OutgoingWebhook) -> Call:
        """See `Provider`."""
        try:
            target = read_target(message.url)
        except Refused as refusal:
            raise PermanentError(refusal.code, str(refusal)) from None
        return partial(self._send, message, target)

    async def check(self) -> str:
        """See `Provider`."""
        return "each recipient has a server of its own: there is nothing to check"

    async def close(self) -> None:
        """The caller's connections are whoever's who made it."""

    async def _send(self, message: OutgoingWebhook, target: Target) -> Accepted:
        number = str(message.delivery_id)
        async with self._hosts.call(f"{message.project_id} {target.host}:{target.port}") as place:
            signers = [SecretOf(Purpose.RECIPIENT, message.recipient_id)]
            signed = self._secrets.headers(number, message.body, self._clock.now(), signers)
            answer = await self._post(message.url, signed, message.body)
            place.answered = answer.status is not None
        if answer.status is not None and 200 <= answer.status < 300:
            return Accepted(number, f"HTTP {answer.status}")
        raise _failure(answer)


def _failure(answer: Answer) -> DeliveryFailure:
    if answer.status is None:
        code = detail = answer.error or "no_answer"
        verdict = ERRORS.get(code, Verdict.NEVER)
    else:
        known = answer.status in STATUSES
        code = f"http_{answer.status}" if known else f"http_{answer.status // 100}xx"
        detail = f"HTTP {answer.status}"
        verdict = STATUSES.get(answer.status, Verdict.LATER)
    match verdict:
        case Verdict.NEVER:
            return PermanentError(code, detail)
        case Verdict.LATER:
            return TransientError(code, detail, retry_after=answer.retry_after)
        case Verdict.PACE:
            return Throttled(code, detail, retry_after=answer.retry_after)
        case Verdict.UNKNOWN:
            return OutcomeUnknown(code, detail, retry_after=answer.retry_after)
