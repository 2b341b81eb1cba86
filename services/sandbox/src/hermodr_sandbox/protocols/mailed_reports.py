"""Bounces (RFC 3464) and complaints (RFC 5965) as mail servers write them, about mails that came by SMTP."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime

from hermodr_sandbox.domain.faults import Reported
from hermodr_sandbox.domain.mail import Mail

_STATUSES: Mapping[Reported, tuple[str, str, str]] = {
    "delayed": ("delayed", "4.4.1", "451 4.4.1 try again later"),
    "delivered": ("delivered", "2.1.5", "250 2.1.5 OK"),
    "bounced": ("failed", "5.1.1", "550 5.1.1 no such user"),
    "blocked": ("failed", "5.7.1", "550 5.7.1 not from you"),
}
UNASKED: frozenset[Reported] = frozenset({"bounced", "blocked", "complained"})
"""What servers report by themselves, by tags of the address; the others by rules alone."""
MAILED: frozenset[Reported] = UNASKED | frozenset(_STATUSES)
_MOST_OF_A_HEAD = 64 * 1024


def written(what: Reported, mail: Mail, recipient: str, at: datetime) -> bytes:
    """One of `MAILED`, to the mail's return path."""
    number = uuid.uuid4().hex
    kind = "feedback-report" if what == "complained" else "delivery-status"
    subject = "Complaint" if what == "complained" else "Delivery Status Notification"
    head = (
        f"Return-Path: <>\r\nDate: {format_datetime(at)}\r\nFrom: MAILER-DAEMON@sandbox.invalid\r\n"
        f"To: {mail.sender}\r\nSubject: {subject}\r\nMessage-ID: <{number}@sandbox.invalid>\r\n"
        f"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="{number}"\r\n\r\n'
        f"--{number}\r\nContent-Type: text/plain\r\n\r\nThe sandbox reports: {what}.\r\n\r\n"
        f"--{number}\r\nContent-Type: message/{kind}\r\n\r\n"
    )
    fields = _complaint(mail) if what == "complained" else _status(*_STATUSES[what], recipient)
    back = f"\r\n--{number}\r\nContent-Type: text/rfc822-headers\r\n\r\nReturn-Path: <{mail.sender}>\r\n"
    return b"".join(
        (head.encode(), fields.encode(), back.encode(), _head(mail.raw), f"\r\n--{number}--\r\n".encode())
    )


def _status(action: str, status: str, diagnostic: str, recipient: str) -> str:
    return (
        f"Reporting-MTA: dns; sandbox.invalid\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\n"
        f"Action: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; {diagnostic}\r\n"
    )


def _complaint(mail: Mail) -> str:
    """Without the recipient, as most feedback loops are."""
    return (
        f"Feedback-Type: abuse\r\nUser-Agent: Hermodr-Sandbox/1.0\r\nVersion: 1\r\n"
        f"Original-Mail-From: <{mail.sender}>\r\n"
    )


def _head(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[0][:_MOST_OF_A_HEAD] + b"\r\n"
