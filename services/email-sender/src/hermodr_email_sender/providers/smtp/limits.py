"""Which replies of an SMTP server are about its limits or our mistakes, not about the mail.

before MAIL
words of too many connections    connections   Postfix "421 4.7.0 Error: too many connections from …"; 554 5.7.0
other 4xx, words of a pace       pace          Sendmail "421 4.3.2 Connection rate limit exceeded"
other 4xx                        connections   Gmail "421 4.7.0 Try again later, closing connection"; 454 4.7.0
words about our account          access        also 451; SendGrid "Maximum credits exceeded"
other 5xx                        access        504, 501, 550 to EHLO localhost; 535, 534 to AUTH; 554 greeting
after MAIL
greylisting, mailbox, recipient  –             450 4.2.0 Postgrey; Gmail "450 4.2.1 … too quickly"; 452 4.2.2, 4.5.3
4xx, words about our account     access        SendGrid "451 Authentication failed: Maximum credits exceeded"
enough for one connection        –             `used_up`: "452 4.5.3 Too many messages in this session"
4xx, too many connections        connections   Exchange "432 4.3.2 Concurrent connections limit exceeded"
4xx, words of a pace             pace          Amazon "454 Throttling failure"; Postfix "450 4.7.1 too much mail";
                                               Yahoo "421 4.7.0 [TSS04]"; Gmail "450 4.2.1 Peak SMTP relay limit"
4.3.1, 4.3.2, 4.4.5, 4.7.28      pace          RFC 3463: system full, not accepting, congestion; Gmail: unusual rate
other 5xx                        `blame`
other 421                        pace (guess)  the service closes (RFC 5321 §3.8); Gmail "Try again later"
anything else                    –             about the mail

Sources: RFC 3463, 4954, 5321; Google, "Gmail SMTP errors and codes"; Yahoo Sender Hub, "SMTP Error Codes"; Microsoft
Learn, "Improvements in SMTP client submission"; Amazon, "SMTP response codes returned by Amazon SES"; Twilio, "SMTP
Errors and Troubleshooting"; Postfix's TUNING_README and anvil(8); Sendmail's FEATUREs conncontrol and ratecontrol.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hermodr_delivery.failures import Cause


class Limit(NamedTuple):
    """What a reply says about the server; `certain`: by its words, not only by the code 421."""

    cause: Cause
    certain: bool = True


_CLOSING = 421
_READ = 1_000
_SYSTEM = ("4.3.1", "4.3.2", "4.4.5", "4.7.28")
OUR_ACCOUNT = re.compile(
    r"\b(?:your|sender'?s?|sending) (?:\w+ )?(?:account|subscription|plan)\b[^.;]{0,30}"
    r"\b(?:suspended|disabled|deactivated|blocked|locked|closed|terminated|frozen|paused|inactive"
    r"|not (?:yet )?(?:active|activated|enabled|verified|validated|approved))\b"
    r"|\bsending (?:is |has been |was )?(?:paused|suspended|disabled)\b"
    r"|\bsending for (?:the|this|your) (?:account|configuration set)\b[^.;]{0,80}\bpaused\b"
    r"|\bcredits? (?:limit )?(?:exceeded|exhausted|used up)\b|\b(?:out of|insufficient|no more|not enough) credits?\b"
    r"|\bunauthenticated (?:senders?|users?|clients?)\b[^.;]{0,20}\bnot (?:allowed|permitted|accepted)\b"
    r"|\btenant has exceeded threshold\b|\bbad outbound sender\b|\bunauthori[sz]ed ip\b",
    re.IGNORECASE,
)
"""What a relay says about the account that we send by; the operator has to act."""
_MAIL = r"(?:messages?|e?-?mails?|transactions?|recipients?|rcpts?|deliver(?:y|ies))"
_CONNECTIONS = re.compile(
    rf"too many\b(?:(?!\b(?:{_MAIL}|clos\w+)\b)[^.;])*\b(connections?|sessions?|log-?ins?|auth\w*)\b|concurren|"
    r"\b(connections?|sessions?|threads?) (limit|count)\b|max(imum)?\b[^.;]*\b(connections|sessions)\b",
    re.IGNORECASE,
)
_PACE = re.compile(
    r"throttl|\brate\b|slow(ing|ed)? down|too (fast|quickly|frequent|much mail|busy)|server busy|"
    r"\btoo many (e-?mails?|messages|recipients)\b|"
    r"\b(sen[dt](ing)?|relay|hourly|daily|messages?|e-?mails?|submission|recipients?) (\w+ )?(limit|quota)s?\b|"
    r"\bTSS?\d\d\b|unusual traffic|unexpected volume|insufficient system",
    re.IGNORECASE,
)
_ONE_CONNECTION = re.compile(
    rf"\b{_MAIL}\b[^.;]{{0,60}}\b(?:in|per|on|for|during|within|over|of|this)[ ]"
    r"(?:(?:this|the|a|an|one|each|single|same|current|e?smtp|tcp)[ ]){0,3}(?:session|connection)\b"
    rf"|\b(?:session|connection)(?:'s)? {_MAIL} (?:limit|count|quota|maximum)\b",
    re.IGNORECASE,
)
_ENOUGH = re.compile(
    r"\b(?:too many|limit\w*|max\w*|exceed\w*|reached|quota|no more|allowed)\b", re.IGNORECASE
)
_SPAN_OF_TIME = re.compile(
    r"\b(?:second|minute|hour|hourly|day|daily|today|rate|concurren\w*)\b", re.IGNORECASE
)
_TOO_MANY_RECIPIENTS = re.compile(r"\btoo many (?:\w+ )?(?:recipients|rcpts)\b(?! from\b)", re.IGNORECASE)
_ONE_MAILBOX = re.compile(
    r"gr[ae]y-?list|user you are trying|mailbox (is )?full|per transaction|"
    r"\b(this|the) (recipient|mailbox|user)('s)? (is|has|can|may|rate|quota|limit)\b|"
    r"\b(recipient|mailbox|account)('s)? (is |has )?(receiving|over)\b|"
    r"\btoo many recipients\b(?!.*\b(from|hour|day|minute|today|rate|limit)\b)",
    re.IGNORECASE,
)


def limit_of(code: int, enhanced: str, text: str, *, named: bool) -> Limit | None:
    """What a refusal says about the server, by the table; `None`: it is about the mail. `named`: MAIL was sent."""
    text = text[:_READ]
    if not named and 400 <= code < 600:
        return Limit(_before_mail(code, text))
    if not 400 <= code < 500 or _ONE_MAILBOX.search(text):
        return None
    if OUR_ACCOUNT.search(text):
        return Limit(Cause.ACCESS)
    if _CONNECTIONS.search(text):
        return Limit(Cause.CONNECTIONS)
    if enhanced in _SYSTEM or _PACE.search(text):
        return Limit(Cause.PACE)
    return Limit(Cause.PACE, certain=False) if code == _CLOSING else None


def used_up(text: str) -> bool:
    """Whether the connection has carried enough; also "too many recipients" for a single one (RFC 5321 §4.5.3.1.10)."""
    text = text[:_READ]
    if _SPAN_OF_TIME.search(text):
        return False
    return bool(_TOO_MANY_RECIPIENTS.search(text) or (_ONE_CONNECTION.search(text) and _ENOUGH.search(text)))


def _before_mail(code: int, text: str) -> Cause:
    if _CONNECTIONS.search(text):
        return Cause.CONNECTIONS
    if code >= 500 or OUR_ACCOUNT.search(text):
        return Cause.ACCESS
    return Cause.PACE if _PACE.search(text) else Cause.CONNECTIONS
