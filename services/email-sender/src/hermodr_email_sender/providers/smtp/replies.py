"""What an SMTP server's refusal means for the delivery.

stage     reply                                     failure
any       a limit, or our mistake                   Refused: see `limits`
any       enough for one connection                 `ConnectionUsedUp`, if other mails went before on it
any       421, 450, 452                             Throttled
any       other 4xx                                 TransientError
connect   5xx                                       Refused: see `limits`
any       other 5xx, by `blame`: address            PermanentError, bounced
                                 message            PermanentError
                                 access             Refused: the operator's mistake must not burn mails
                                 pace               Refused, but Throttled towards this recipient alone (5.2.121)
                                 later              TransientError
content   anything else                             OutcomeUnknown `protocol_error_after_data`
any       anything else                             TransientError `protocol_error`

A reply may say how long to wait, at any stage (`retry_hints`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hermodr_delivery.failures import (
    Cause,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Refused,
    Throttled,
    TransientError,
)
from hermodr_email_sender.providers.smtp.blame import OF_OUR_ACCOUNT, Blame, Verdict, blame
from hermodr_email_sender.providers.smtp.dialogue import Reply, Stage
from hermodr_email_sender.providers.smtp.limits import limit_of, used_up
from hermodr_email_sender.providers.smtp.retry_hints import seconds_asked

# Postfix, sendmail and its descendants, Exim, Amazon's bare "Ok <id>".
_QUEUE_ID = re.compile(
    r"(?:\bqueued as |\bid=|^(?:2\.\d\.\d )?ok:? (?=\S+$))<?([\w.@+-]{6,128})", re.IGNORECASE
)

_THROTTLING = frozenset({421, 450, 452})
_LACKING = (("helo", "helo_refused"), ("ehlo", "helo_refused"), ("authenticat", "auth_failed"))
"""What an operator forgot, by words. Postfix refuses EHLO's name only at RCPT by default."""
_SPENT = frozenset({"5.4.5", "5.1.90"})
_THIS_RECIPIENT = "5.2.121"


class ConnectionUsedUp(Exception):
    """The server takes no more mails on this connection and has not taken this one; another connection can be used."""


def refusal(
    stage: Stage, reply: Reply, secrets: Sequence[str], *, reused: bool
) -> DeliveryFailure | ConnectionUsedUp:
    """The `failure`; or `ConnectionUsedUp` if the connection was `reused`: a first mail cannot be one too many."""
    if reused and reply.code >= 400 and used_up(reply.text):
        return ConnectionUsedUp()
    return failure(stage, reply, secrets)


def failure(stage: Stage, reply: Reply, secrets: Sequence[str] = ()) -> DeliveryFailure:
    """The failure for an unexpected reply, scrubbed of `secrets`, the first of which is the recipient's address."""
    code, detail = f"smtp_{reply.code}", f"{stage}: {reply.code} {reply.text}"
    limit = limit_of(reply.code, reply.enhanced, reply.text, named=stage is not Stage.CONNECT)
    if limit is not None:
        return Refused(
            limit.cause,
            code,
            detail,
            retry_after=seconds_asked(reply.text),
            named=stage is not Stage.CONNECT,
            certain=limit.certain,
            secrets=secrets,
        )
    if 400 <= reply.code < 500:
        kind = Throttled if reply.code in _THROTTLING else TransientError
        about_message = _is_about_message(stage, reply)
        asked = seconds_asked(reply.text)
        return kind(code, detail, retry_after=asked, about_message=about_message, secrets=secrets)
    if not 500 <= reply.code < 600:
        if stage is Stage.CONTENT:
            return OutcomeUnknown("protocol_error_after_data", detail, secrets=secrets)
        return TransientError("protocol_error", detail, secrets=secrets)
    return _by_verdict(blame(stage, reply, secrets[0] if secrets else ""), reply, detail, secrets)


def _is_about_message(stage: Stage, reply: Reply) -> bool:
    """Whether a 4xx is about the address or the message, as greylisting is: in reply to RCPT unless it blames the
    connection or the network (421, X.4, RFC 3463 §3); else if a code blames them (X.1, X.2, X.6). A server that refuses
    recipients for a time, by whatever code, works."""
    subject = reply.enhanced[2:3]
    if reply.code == 421 or subject == "4":
        return False
    return stage is Stage.RCPT or subject in ("1", "2", "6")


def queue_id(reply: Reply) -> str | None:
    match = _QUEUE_ID.search(reply.text)
    return match[1] if match else None


def _by_verdict(verdict: Verdict, reply: Reply, detail: str, secrets: Sequence[str]) -> DeliveryFailure:
    code, detail = f"smtp_{reply.code}", f"{verdict}, {detail}"
    asked = seconds_asked(reply.text)
    match verdict.blame:
        case Blame.ACCESS:
            lacking = next(
                (code for word, code in _LACKING if word in verdict.rule + reply.text.lower()), None
            )
            return Refused(
                Cause.ACCESS,
                lacking or "access_refused",
                detail,
                named=True,
                certain=lacking is not None or verdict.rule.startswith(OF_OUR_ACCOUNT),
                secrets=secrets,
            )
        case Blame.PACE if reply.enhanced == _THIS_RECIPIENT:
            return Throttled(code, detail, retry_after=asked, about_message=True, secrets=secrets)
        case Blame.PACE:
            certain = reply.enhanced in _SPENT
            return Refused(
                Cause.PACE, code, detail, retry_after=asked, named=True, certain=certain, secrets=secrets
            )
        case Blame.LATER:
            return TransientError(code, detail, retry_after=asked, about_message=True, secrets=secrets)
        case Blame.ADDRESS | Blame.MESSAGE:
            return PermanentError(code, detail, bounced=verdict.blame is Blame.ADDRESS, secrets=secrets)
