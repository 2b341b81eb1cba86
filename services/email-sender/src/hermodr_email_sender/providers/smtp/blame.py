"""Whom a permanent refusal (5xx) of an SMTP server blames. Only if it is the address, the delivery is a bounce.

Blaming the address may exclude it for good, so only codes and words that mean nothing but the address do so; in doubt
the message is blamed, which has no consequences for the next one. The first rule that fits decides:

1  530, 534, 535, 538: authenticate first (RFC 4954 §6)                                  access
2  words about the account that we send by (`limits.OUR_ACCOUNT`)                        access
3  answers known from a server's own documentation whose codes mislead (`_DOCUMENTED`)
4  an enhanced code of class 4: the server itself calls it temporary                     later
5  the enhanced code (`_ADDRESS_CODES`, `_CODES`); the address only in reply to RCPT, some codes
   also later, and only if no word is about somebody else
6  words, if there is no code, or an undefined (X.0) or unspecific one (5.5.1, 5.7.1): the address
   only in reply to RCPT and if no word is about somebody else; pace; access; later
7  anything else                                                                         message

In reply to MAIL, rules 5 to 7 blame our sender (access) instead of the message, unless it is about size or syntax.
Codes: RFC 3463 §3, RFC 5248, IANA's registry of enhanced status codes; RFC 5321 §4.2.3 for those without.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from hermodr_email_sender.providers.smtp.dialogue import Reply, Stage
from hermodr_email_sender.providers.smtp.limits import OUR_ACCOUNT


class Blame(StrEnum):
    ADDRESS = "address refused"
    """Nobody can be reached there."""
    MESSAGE = "message refused"
    """This message, or its sender, is not taken for this recipient."""
    ACCESS = "access refused"
    """The server does not know us or does not let us in; the operator has to act."""
    PACE = "sending limit"
    """We sent too much in some span of time; it passes with time."""
    LATER = "not now"
    """Temporary, although the code is permanent."""


class Verdict(NamedTuple):
    """`rule` is what decided, for the timeline."""

    blame: Blame
    rule: str

    def __str__(self) -> str:
        return f"{self.blame} ({self.rule})"


OF_OUR_ACCOUNT = "our account"
"""The beginning of the rule when the server's words about our account decided."""
_AUTHENTICATE_FIRST = frozenset({530, 534, 535, 538})

_ADDRESS_CODES = {
    "1.1": "no such mailbox",
    "1.2": "no such domain",
    "1.3": "no valid address",
    "1.6": "mailbox has moved",
    "1.10": "domain takes no mail (null MX)",
    "2.1": "mailbox disabled",
}
_AFTER_RCPT = frozenset({"1.1", "1.6", "1.10", "2.1"})
"""Codes about the address also in reply to DATA or the content, where syntax and domains may be those of a header
field."""

_CODES: dict[str, tuple[Blame, str]] = {
    # RFC 3463: useful only as a persistent transient error. Gmail: daily quota of the account.
    "4.5": (Blame.PACE, "congestion, or our quota"),
    # Exchange Online's own.
    "1.90": (Blame.PACE, "daily limit of recipients"),
    "2.121": (Blame.PACE, "hourly limit towards this recipient"),
    "2.122": (Blame.LATER, "recipient gets too much mail this hour"),
    "7.60": (Blame.ACCESS, "may not send as this sender"),
    "7.705": (Blame.ACCESS, "our tenant exceeded its threshold"),
    "7.708": (Blame.ACCESS, "traffic from our address not accepted"),
    "7.57": (Blame.ACCESS, "not authenticated"),
    "7.64": (Blame.ACCESS, "relaying denied"),
    # RFC 3463, 4954, 5248 and 7372.
    "7.8": (Blame.ACCESS, "credentials invalid"),
    "7.10": (Blame.ACCESS, "encryption needed"),
    "7.11": (Blame.ACCESS, "encryption needed"),
    "7.12": (Blame.ACCESS, "password transition needed"),
    "7.13": (Blame.ACCESS, "our account is disabled"),
    "7.14": (Blame.ACCESS, "trust relationship required"),
    "1.4": (Blame.MESSAGE, "ambiguous address"),
    "1.7": (Blame.ACCESS, "sender's address syntax"),
    "1.8": (Blame.ACCESS, "sender's domain"),
    "1.9": (Blame.MESSAGE, "relayed to a non-compliant mailer"),
    # Not permanent, so no bounce; no retry either: a server that wants one says 4.2.2.
    "2.2": (Blame.MESSAGE, "mailbox full"),
    "2.3": (Blame.MESSAGE, "too long for the mailbox"),
    "2.4": (Blame.MESSAGE, "mailing list expansion"),
    "3.4": (Blame.MESSAGE, "too big for the system"),
    "6.7": (Blame.MESSAGE, "non-ASCII address"),
    "7.23": (Blame.MESSAGE, "SPF failed"),
    "7.24": (Blame.MESSAGE, "SPF error"),
    "7.25": (Blame.MESSAGE, "reverse DNS failed"),
    "7.26": (Blame.MESSAGE, "SPF, DKIM or DMARC failed"),
    "7.27": (Blame.ACCESS, "sender's domain has a null MX"),
    "7.28": (Blame.MESSAGE, "mail flood"),
}

_DOCUMENTED: tuple[tuple[str, re.Pattern[str], Blame], ...] = (
    # Microsoft Learn, "Fix NDR error code 550 5.4.1": directory-based edge blocking knows no such recipient.
    (
        "Exchange Online: no such recipient",
        re.compile(r"5\.4\.1 (?:\[\S*\]: )?recipient address rejected: access denied"),
        Blame.ADDRESS,
    ),
    # Outlook.com's unknown user. The words are those of RFC 5321 for any 550; the number in brackets is not.
    ("Outlook.com: no such mailbox", re.compile(r"mailbox unavailable \(s2017062302\)"), Blame.ADDRESS),
    # Google, "Gmail SMTP errors and codes": the same code as for a disabled account.
    (
        "Gmail: recipient gets too much mail",
        re.compile(r"5\.2\.1 .*receiving mail (?:at a rate|too quickly)"),
        Blame.LATER,
    ),
    # Yahoo Sender Hub, "SMTP Error Codes"; also sent after the content.
    (
        "Yahoo: no such account",
        re.compile(
            r"^554 (?:delivery error: dd|30) .*(?:doesn't have an? \S+ account|is disabled|no longer valid)"
        ),
        Blame.ADDRESS,
    ),
    (
        "Yahoo: no such mailbox",
        re.compile(r"^552 1 requested mail action aborted, mailbox not found"),
        Blame.ADDRESS,
    ),
    # Amazon SES, "email sending errors": of recipients, only while the account is in the sandbox. Verified recipients
    # get their mail, so only this delivery is retried and the others go on.
    (
        "Amazon SES: recipient not verified",
        re.compile(r"address is not verified\b.* region \S+: <?\[address\]>?\W*$"),
        Blame.LATER,
    ),
    (
        "Amazon SES: sender not verified",
        re.compile(r"address is not verified\b.* identities failed the check"),
        Blame.ACCESS,
    ),
    # Free.fr and others: "blocked", but not us.
    ("mailbox closed for disuse", re.compile(r"blocked (?:due to|for|because of) inactivity"), Blame.ADDRESS),
)

_PACE = re.compile(
    r"\b(?:daily|hourly|monthly|per (?:minute|hour|day)|24[ -]hour|sending|send|outgoing|outbound|relay|rate"
    r"|frequency)\b"
    r"[^.;]{0,60}\b(?:limit(?:ed|s)?|quota|exceed(?:ed|s)?)\b"
    r"|\bexceeded\b[^.;]{0,60}\b(?:per (?:minute|hour|day)|sending|daily|hourly|rate)\b"
    r"|\btoo (?:many|much) (?:mails?|e-?mails?|messages|recipients|connections|sessions)\b"
    r"|\b(?:limit\w*|quota|exceed\w*|may (?:only )?send)\b[^.;]{0,60}"
    r"\b(?:mails?|e-?mails?|messages?|recipients?) ?(?:/ ?|per |an? )(?:s|sec|second|min|minute|h|hour|day|month)\b"
    r"|\bthrottl"
)
_ACCESS = re.compile(
    r"\brelay(?:ing)?\b[^.;]{0,30}\b(?:denied|not (?:permitted|allowed)|prohibited|forbidden)\b"
    r"|\b(?:unable to|not (?:permitted|allowed|authori[sz]ed) to|cannot|can't|don't|do not|won't) relay\b"
    r"|\ballowed rcpthosts\b"
    r"|\b(?:helo|ehlo)\b[^.;]{0,30}\b(?:rejected|refused|denied|invalid)\b|\b(?:invalid|bad) (?:helo|ehlo)\b"
    r"|\bneed fully-qualified hostname\b"
    r"|\b(?:smtp )?auth(?:entication)?(?: is)? (?:required|needed)\b|\bauthenticate first\b"
    r"|\b(?:permissions?|allowed|permitted|authori[sz]ed|rights?) to send (?:\w+ )?(?:as|from|on behalf)\b"
    r"|\bsender address rejected\b|\bsender verify failed\b|\bnot owned by user\b|\bnot match a verified sender\b"
    r"|\bsender(?: identity| address| domain| e-?mail)? (?:is )?not (?:yet )?(?:verified|validated|confirmed)\b"
    r"|\bmust (?:be )?authenticate[d]?\b|\bmust issue a starttls\b|\bnot authenticated\b"
)
_LATER = re.compile(r"\b(?:try|retry|come back)\b[^.;]{0,20}\blater\b|\bgr[ea]y-?list|\btemporar(?:y|ily)\b")
_AUTHENTICITY = re.compile(r"\b(?:spf|dkim|dmarc|openspf)\b")

_FORM_CODES = frozenset({500, 501, 502, 503, 504, 552, 555})
_FORM = re.compile(
    r"^\d+ 5\.(?:2\.3|3\.4|5\.\d+|6\.\d+)\b|\b(?:size|length|too (?:big|large|long)|bytes|octets|smtputf8)\b"
)
"""About size, syntax and parameters of MAIL, which differ between mails."""

_WHO = r"(?:user|recipient|mailbox|account|address(?:ee)?|e-?mail address|alias|local ?part|destination)"
_NOBODY_THERE = re.compile(
    rf"\b{_WHO}(?: name)?(?: is| was)? (?:unknown|not found|not known|invalid|inactive|disabled|closed|deactivated)\b"
    rf"|\b{_WHO}[^.;:]{{0,40}}\b(?:does(?:n't| not) exist|no longer (?:exists?|valid|active|available))\b"
    rf"|\b(?:unknown|no such|invalid|non-?existent|inactive|disabled|deactivated) (?:local )?{_WHO}\b"
    r"|\bno (?:mailbox|user|account)\b[^.;]{0,20}\b(?:here|by that name|with that name)\b"
    r"|\bdoes(?:n't| not) have an? (?:\S+ )?account\b|\bnot our customer\b"
)
_TURNED_AWAY = re.compile(
    r"\bmailbox (?:is )?(?:currently )?(?:unavailable|not available)\b"
    r"|\b(?:recipient|mailbox)(?: address)?(?: was| is)? rejected\b"
    r"|\bbad (?:destination |recipient )?(?:mailbox|address|recipient)\b|\bmailbox name (?:is )?not allowed\b"
    r"|\bunroute?able address\b"
)
_SOMEBODY_ELSE = re.compile(
    r"\b(?:block(?:ed|ing|s)?|(?:block|black|deny)[ -]?list(?:ed|s)?|listed|dnsbls?|rbls?|spam\w*|unsolicited|bulk"
    r"|polic(?:y|ies)|open ?spf|spf|dkim|dmarc|reputation|abuse|relay\w*|sender\w*|mail from|helo|ehlo|client host|ptr"
    r"|reverse dns|banned|prohibited|forbidden|(?<!name )not (?:allowed|permitted)|access den\w+|unauthori[sz]ed"
    r"|authenticat\w*|virus\w*|malware|quota|over ?quota|too (?:large|big|many|much)|limit\w*|frequency"
    r"|your (?:\w+ )?account"
    r"|gr[ea]y-?list\w*|temporar(?:y|ily)|throttl\w*|your (?:host|ip|server)|ip address|content|full)\b"
)
_POSTFIX_TABLE = "in relay recipient table"  # "User unknown in …": no relaying was asked for
_READ = 2_000
"""Characters of a reply that are read: a server may send 32 KiB."""
_SIZE = re.compile(r"\b(?:size|storage|mailbox|length|large|bytes|octets)\b")


def blame(stage: Stage, reply: Reply, recipient: str = "") -> Verdict:
    """The verdict on a 5xx `reply` in `stage`; `recipient` as the server got it, because replies repeat it."""
    words = _words(reply, recipient)
    verdict = _verdict(stage, reply, words)
    of_its_form = reply.code in _FORM_CODES or _FORM.search(words)
    if stage is Stage.MAIL and verdict.blame is Blame.MESSAGE and not of_its_form:
        return Verdict(Blame.ACCESS, f"our sender, in reply to MAIL: {verdict.rule}")
    return verdict


def _verdict(stage: Stage, reply: Reply, words: str) -> Verdict:
    if reply.code in _AUTHENTICATE_FIRST:
        return Verdict(Blame.ACCESS, f"{reply.code}: authenticate first")
    account = OUR_ACCOUNT.search(words)
    if account is not None and not _AUTHENTICITY.search(words):
        return Verdict(Blame.ACCESS, f'{OF_OUR_ACCOUNT}: "{account[0]}"')
    if stage is not Stage.MAIL:
        for rule, pattern, blamed in _DOCUMENTED:
            if pattern.search(words):
                return Verdict(blamed, rule)
    if reply.enhanced.startswith("4."):
        return Verdict(Blame.LATER, f"{reply.enhanced}: a temporary code")
    detail = reply.enhanced[2:] if reply.enhanced.startswith("5.") else ""
    if detail in _ADDRESS_CODES:
        return _by_address_code(stage, detail, words)
    if detail in _CODES:
        blamed, meaning = _CODES[detail]
        return Verdict(blamed, f"5.{detail}: {meaning}")
    return _by_words(stage, detail, words) or Verdict(Blame.MESSAGE, "no rule blames anything else")


def _by_address_code(stage: Stage, detail: str, words: str) -> Verdict:
    code = f"5.{detail}"
    if stage is not Stage.RCPT and (stage is Stage.MAIL or detail not in _AFTER_RCPT):
        return Verdict(Blame.MESSAGE, f"{code}, but in reply to {stage}")
    found = _SOMEBODY_ELSE.search(words)
    if found is None:
        return Verdict(Blame.ADDRESS, f"{code}: {_ADDRESS_CODES[detail]}")
    return _not_the_address(words) or Verdict(Blame.MESSAGE, f'{code}, but with the word "{found[0]}"')


def _by_words(stage: Stage, detail: str, words: str) -> Verdict | None:
    if stage is Stage.RCPT and not _SOMEBODY_ELSE.search(words):
        # Yandex says 5.7.1 of unknown users. Words of mere rejection with that code can mean anything.
        found = _NOBODY_THERE.search(words) or (
            _TURNED_AWAY.search(words) if not detail.startswith("7.") else None
        )
        if found is not None:
            return Verdict(Blame.ADDRESS, f'"{found[0]}"')
    return _not_the_address(words)


def _not_the_address(words: str) -> Verdict | None:
    found = _PACE.search(words)
    if found is not None and not _SIZE.search(words):
        return Verdict(Blame.PACE, f'"{found[0]}"')
    found = _ACCESS.search(words)
    if found is not None and not _AUTHENTICITY.search(words):
        return Verdict(Blame.ACCESS, f'"{found[0]}"')
    found = _LATER.search(words)
    return Verdict(Blame.LATER, f'"{found[0]}"') if found is not None else None


def _words(reply: Reply, recipient: str) -> str:
    text = " ".join(reply.text[:_READ].lower().replace("\u2019", "'").split())
    if recipient:
        text = text.replace(recipient.lower(), "[address]")
    if reply.enhanced:
        text = f"{reply.enhanced} " + text.replace(f"{reply.enhanced} ", "")
    return f"{reply.code} {text.replace(_POSTFIX_TABLE, '')}"
