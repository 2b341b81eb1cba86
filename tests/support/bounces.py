"""Bounces and complaints as mail servers write them."""

import textwrap


def dsn(
    return_path: str,
    *,
    final: str = "ada@example.com",
    original: str = "",
    action: str = "failed",
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown",
    to: str = "",
    message_id: str = "<unknown@elsewhere.example>",
    number: str = "20261129.1@mx.example.net",
) -> bytes:
    """As Postfix writes it; `return_path` is in the mail that comes back, `to` is whom the bounce goes to."""
    said = {
        "return_path": return_path,
        "final": final,
        "original": f"Original-Recipient: rfc822;{original}\n" if original else "",
        "action": action,
        "status": status,
        "diagnostic": diagnostic,
        "to": to or return_path,
        "message_id": message_id,
        "number": number,
    }
    return _crlf(_DSN.format(**said))


_DSN = """\
Return-Path: <>
Date: Sun, 29 Nov 2026 10:00:00 +0000
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="B1.1796/mx.example.net"
Message-Id: <{number}>

This is a MIME-encapsulated message.

--B1.1796/mx.example.net
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example.net.

--B1.1796/mx.example.net
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
X-Postfix-Queue-ID: 4F1B2C0D3E
Arrival-Date: Sun, 29 Nov 2026 09:59:58 +0000

Final-Recipient: rfc822; {final}
{original}Action: {action}
Status: {status}
Remote-MTA: dns; mail.example.com
Diagnostic-Code: {diagnostic}

--B1.1796/mx.example.net
Content-Description: Undelivered Message
Content-Type: message/rfc822

Return-Path: <{return_path}>
From: Hermodr <hermodr@example.org>
To: ada@example.com
Subject: Your booking
Message-ID: {message_id}
Content-Type: text/plain

Hello Ada.

--B1.1796/mx.example.net--
"""


def arf(return_path: str, *, kind: str = "abuse", to: str = "fbl@example.org", more: str = "") -> bytes:
    """As RFC 5965, appendix B, shows it."""
    extra = f"    {more}\n" if more else ""
    text = f"""\
    From: <abusedesk@example.com>
    Date: Sun, 29 Nov 2026 17:40:36 +0000
    Subject: FW: Earn money
    To: <{to}>
    Message-ID: <433689.81121.example@mta.mail.example>
    MIME-Version: 1.0
    Content-Type: multipart/report; report-type=feedback-report;
         boundary="part1_13d.2e68ed54_boundary"

    --part1_13d.2e68ed54_boundary
    Content-Type: text/plain; charset="US-ASCII"

    This is an email abuse report.

    --part1_13d.2e68ed54_boundary
    Content-Type: message/feedback-report

    Feedback-Type: {kind}
    User-Agent: SomeGenerator/1.0
    Version: 1
{extra}
    --part1_13d.2e68ed54_boundary
    Content-Type: message/rfc822
    Content-Disposition: inline

    Return-Path: <{return_path}>
    Received: from mailserver.example.net by example.com with ESMTP id M63d4137594e46;
        Sun, 29 Nov 2026 14:00:00 +0000
    From: <somespammer@example.net>
    To: <Undisclosed Recipients>
    Subject: Earn money
    Message-ID: 8787KJKJ3K4J3K4J3K4J3.mail@example.net

    Spam Spam Spam

    --part1_13d.2e68ed54_boundary--
    """
    return _crlf(text)


def forwarded(mail: bytes, *, to: str = "bounces@example.org", encoding: str = "message/rfc822") -> bytes:
    """A person, or a mailing list, sends it on."""
    head = f"""\
    From: Postmaster <postmaster@example.org>
    To: {to}
    Subject: Fwd: bounce
    Message-ID: <fwd.1@example.org>
    Content-Type: multipart/mixed; boundary="outside"

    --outside
    Content-Type: text/plain

    See below.

    --outside
    Content-Type: {encoding}

    """
    return _crlf(head) + mail + b"\r\n--outside--\r\n"


def vacation(to: str) -> bytes:
    text = f"""\
    From: Ada <ada@example.com>
    To: {to}
    Subject: Out of office
    Auto-Submitted: auto-replied (vacation)
    Message-ID: <vac.1@example.com>
    Content-Type: text/plain

    I am on holiday.
    """
    return _crlf(text)


def _crlf(text: str) -> bytes:
    return textwrap.dedent(text).replace("\n", "\r\n").encode()
