"""What an SMTP server's refusal means for the delivery.

stage     reply                                     failure
any       421, 450, 452                             Throttled
any       other 4xx                                 TransientError
connect   5xx                                       TransientError: the server refuses us, not this mail
any       530, 535, 538 (authenticate first)        TransientError: the operator's mistake must not burn mails
RCPT      550, 551, 553, or 5.1.x                   PermanentError, bounced, unless the enhanced code blames
                                                    something other than the address (policy, quota, content)
content   5.1.x                                     PermanentError, bounced: refused after the whole message
any       other 5xx                                 PermanentError
any       anything else                             TransientError `protocol_error`
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from hermodr_delivery.failures import DeliveryFailure, PermanentError, Throttled, TransientError


class Stage(StrEnum):
    """Where in the conversation a reply was given."""

    CONNECT = "connect"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    CONTENT = "content"


class Reply(NamedTuple):
    """One reply, its lines joined by spaces."""

    code: int
    text: str

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 300

    @property
    def enhanced(self) -> str:
        """The enhanced status code of RFC 3463 (`5.1.1`), or nothing."""
        match = _ENHANCED.match(self.text)
        return match[0] if match else ""


_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
_WAIT = re.compile(r"\b(\d{1,5})\s*(s|sec|seconds?|m|min|minutes?)\b", re.IGNORECASE)
# Postfix and sendmail's heirs, Exim, Amazon's bare "Ok <id>".
_QUEUE_ID = re.compile(
    r"(?:\bqueued as |\bid=|^(?:2\.\d\.\d )?ok:? (?=\S+$))<?([\w.@+-]{6,128})", re.IGNORECASE
)

_THROTTLING = frozenset({421, 450, 452})
_AUTHENTICATE_FIRST = frozenset({530, 535, 538})
_NO_SUCH_ADDRESS = frozenset({550, 551, 553})
# Mailbox full, message too long for the mailbox, system full, protocol, content, policy.
_NOT_THE_ADDRESS = ("5.2.2", "5.2.3", "5.3.", "5.5.", "5.6.", "5.7.")
_THE_SENDER = ("5.1.7", "5.1.8")


def failure(stage: Stage, reply: Reply, secrets: Iterable[str] = ()) -> DeliveryFailure:
    """The failure that a reply other than the hoped-for one stands for; its text is scrubbed of `secrets`."""
    code, detail = f"smtp_{reply.code}", f"{stage}: {reply.code} {reply.text}"
    if reply.code in _THROTTLING:
        return Throttled(code, detail, retry_after=_wait(reply.text), secrets=secrets)
    if 400 <= reply.code < 500:
        return TransientError(code, detail, secrets=secrets)
    if not 500 <= reply.code < 600:
        return TransientError("protocol_error", detail, secrets=secrets)
    if reply.code in _AUTHENTICATE_FIRST:
        return TransientError("auth_failed", detail, secrets=secrets)
    if stage is Stage.CONNECT:
        return TransientError(code, detail, secrets=secrets)
    return PermanentError(code, detail, bounced=_blames_the_address(stage, reply), secrets=secrets)


def queue_id(reply: Reply) -> str | None:
    """The server's own name for an accepted message, as the usual servers write it."""
    match = _QUEUE_ID.search(reply.text)
    return match[1] if match else None


def _blames_the_address(stage: Stage, reply: Reply) -> bool:
    enhanced = reply.enhanced
    if stage not in (Stage.RCPT, Stage.CONTENT) or enhanced in _THE_SENDER:
        return False
    if enhanced.startswith("5.1."):
        return True
    return (
        stage is Stage.RCPT and reply.code in _NO_SUCH_ADDRESS and not enhanced.startswith(_NOT_THE_ADDRESS)
    )


def _wait(text: str) -> float | None:
    match = _WAIT.search(text)
    if match is None:
        return None
    return float(match[1]) * (60 if match[2].lower().startswith("m") else 1)
