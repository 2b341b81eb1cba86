import base64
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hermodr_servicekit.mail_reports import Mail, MailKind, MailReport, ReportKind, read
from hermodr_servicekit.mail_reports.statuses import is_lasting, status_of
from tests.support.bounces import arf, dsn, forwarded, vacation

PATH = "bounces+token@example.org"


def only(mail: Mail) -> MailReport:
    (report,) = mail.reports
    return report


def test_a_bounce_says_whom_it_is_about_and_why() -> None:
    mail = read(dsn(PATH, original="ada+2B1@example.com"))
    report = only(mail)
    assert mail.kind is MailKind.BOUNCE
    assert (report.kind, report.code, report.lasting) == (ReportKind.BOUNCED, "dsn_failed_5.1.1", True)
    assert report.addresses == ("ada@example.com", "ada+2B1@example.com", "ada+1@example.com")
    assert report.paths[0] == f"<{PATH}>"
    assert report.message_ids == ("<unknown@elsewhere.example>",)
    assert mail.at is not None
    assert mail.at.isoformat() == "2026-11-29T10:00:00+00:00"


@pytest.mark.parametrize(
    ("action", "status", "diagnostic", "kind", "lasting"),
    [
        ("failed", "5.1.1", "", ReportKind.BOUNCED, True),
        ("FAILED (bounced)", "5.1.2", "", ReportKind.BOUNCED, True),
        ("failed", "5.2.1", "smtp; 550 5.2.1 mailbox disabled", ReportKind.BOUNCED, True),
        ("failed", "5.2.1", "smtp; 450 5.2.1 receiving mail at a rate that …", ReportKind.BOUNCED, False),
        ("failed", "5.2.2", "smtp; 552 5.2.2 mailbox full", ReportKind.BOUNCED, False),
        ("failed", "5.7.1", "smtp; 550 5.7.1 blocked", ReportKind.BOUNCED, False),
        ("failed", "5.1.1", "smtp; 550 5.1.1 blocked by our policy", ReportKind.BOUNCED, False),
        (
            "failed",
            "5.1.1",
            "smtp; 550 5.1.1 <full.rate@list.example>: no such user",
            ReportKind.BOUNCED,
            True,
        ),
        ("failed", "4.4.1", "smtp; connection timed out", ReportKind.BOUNCED, False),
        ("failed", "5.0.0", "smtp; 550-5.1.1 The account does not exist", ReportKind.BOUNCED, True),
        ("failed", "5.0.0", "smtp; 550 no", ReportKind.BOUNCED, False),
        ("failed", "", "", ReportKind.BOUNCED, False),
        (
            "failed",
            "5.4.1",
            "smtp; 550 5.4.1 Recipient address rejected: Access denied",
            ReportKind.BOUNCED,
            True,
        ),
        ("delayed", "4.4.1", "", ReportKind.DELAYED, False),
        ("delayed", "5.1.1", "", ReportKind.DELAYED, False),
        ("delivered", "2.1.5", "", ReportKind.DELIVERED, False),
        ("relayed", "2.1.5", "", ReportKind.DELIVERED, False),
        ("expanded", "2.1.5", "", ReportKind.DELIVERED, False),
    ],
)
def test_what_became_of_it(
    action: str, status: str, diagnostic: str, kind: ReportKind, lasting: bool
) -> None:
    report = only(read(dsn(PATH, action=action, status=status, diagnostic=diagnostic)))
    assert (report.kind, report.lasting) == (kind, lasting)
    assert "@" not in report.code


def test_an_unknown_action_is_ignored() -> None:
    mail = read(dsn(PATH, action="pondered"))
    assert (mail.kind, mail.reports, mail.ignored) == (MailKind.BOUNCE, (), 1)


def test_several_recipients_are_several_reports() -> None:
    raw = dsn(PATH).replace(
        b"Action: failed\r\n",
        b"Action: failed\r\n\r\nFinal-Recipient: rfc822; bob@example.com\r\nAction: delayed\r\nStatus: 4.2.2\r\n"
        b"\r\nFinal-Recipient: rfc822; eve@example.com\r\nAction: failed\r\n",
    )
    found = [(each.kind, each.addresses[0]) for each in read(raw).reports]
    assert found == [
        (ReportKind.BOUNCED, "ada@example.com"),
        (ReportKind.DELAYED, "bob@example.com"),
        (ReportKind.BOUNCED, "eve@example.com"),
    ]


@pytest.mark.parametrize("kind", ["abuse", "fraud", "opt-out", "opt-out-list", "Abuse"])
def test_complaints(kind: str) -> None:
    mail = read(arf(PATH, kind=kind, more="Original-Rcpt-To: <ada@example.com>"))
    report = only(mail)
    assert (mail.kind, report.kind) == (MailKind.COMPLAINT, ReportKind.COMPLAINED)
    assert report.code == "arf_" + kind.lower().replace("-", "_")
    assert (report.addresses, report.paths[0]) == (("ada@example.com",), f"<{PATH}>")


@pytest.mark.parametrize("kind", ["not-spam", "virus", "other", "auth-failure", "dmarc", "", "whatever"])
def test_feedback_that_is_no_complaint(kind: str) -> None:
    mail = read(arf(PATH, kind=kind))
    assert (mail.kind, mail.reports, mail.ignored) == (MailKind.COMPLAINT, (), 1)


def test_the_return_path_may_stand_in_the_feedback_alone() -> None:
    report = only(read(arf("", more=f"Original-Mail-From: <{PATH}>")))
    assert f"<{PATH}>" in report.paths


@pytest.mark.parametrize("written", [dsn(PATH), arf(PATH, more="Original-Rcpt-To: <ada@example.com>")])
def test_reports_buried_in_other_parts(written: bytes) -> None:
    expected = read(written)
    for times in (1, 2, 3):
        buried = written
        for _ in range(times):
            buried = forwarded(buried).replace(b"outside", b"outside%d" % len(buried))
        mail = read(buried)
        assert (mail.kind, only(mail)[:4]) == (expected.kind, only(expected)[:4])
        assert f"<{PATH}>" in only(mail).paths
    deep = written
    for _ in range(9):
        deep = forwarded(deep).replace(b"outside", b"outside%d" % len(deep))
    assert read(deep).reports == ()


def test_a_bounce_of_a_bounce_is_about_the_outer_one() -> None:
    raw = dsn("outer@example.org", diagnostic="x", final="outer@example.com")
    start = raw.index(b"Return-Path: <outer")
    report = only(read(raw[:start] + dsn("inner@example.org") + raw[raw.rindex(b"\r\n--B1.1796") :]))
    assert report.addresses == ("outer@example.com",)


def test_headers_alone_come_back_too() -> None:
    raw = dsn(PATH).replace(b"Content-Type: message/rfc822", b"Content-Type: text/rfc822-headers")
    assert f"<{PATH}>" in only(read(raw)).paths
    assert only(read(raw)).message_ids == ("<unknown@elsewhere.example>",)


def test_a_status_beyond_ascii() -> None:
    status = (
        "Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: utf-8; j\\x{FC}rg@example.com\r\n"
        "Action: failed\r\nStatus: 5.1.1\r\n"
    )
    for encoding, content in (
        ("8bit", status.replace("\\x{FC}", "ü").encode()),
        ("7bit", status.encode()),
        ("base64", base64.encodebytes(status.encode())),
    ):
        raw = dsn(PATH)
        start = raw.index(b"Content-Type: message/delivery-status")
        end = raw.index(b"\r\n\r\n--B1.1796/mx.example.net\r\nContent-Description: Undelivered")
        raw = (
            raw[:start]
            + b"Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: "
            + encoding.encode()
            + b"\r\n\r\n"
            + content
            + raw[end:]
        )
        report = only(read(raw))
        assert (report.kind, report.lasting, "jürg@example.com" in report.addresses) == (
            ReportKind.BOUNCED,
            True,
            True,
        ), (encoding, report)


def test_answers_of_machines_and_people_say_nothing() -> None:
    assert read(vacation(PATH)) == Mail(MailKind.AUTO_REPLY, number="<vac.1@example.com>", ignored=1)
    assert read(b"Subject: hello\r\n\r\nWho are you?").kind is MailKind.OTHER
    assert read(b"").kind is MailKind.OTHER


GARBAGE = st.one_of(
    st.binary(max_size=4000),
    st.builds(
        lambda cuts, filler: filler.join(dsn(PATH)[a:b] for a, b in cuts),
        st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 2000)), max_size=8),
        st.binary(max_size=50),
    ),
    st.builds(
        lambda at, what: forwarded(arf(PATH))[:at] + what + forwarded(arf(PATH))[at:],
        st.integers(0, 1600),
        st.binary(min_size=1, max_size=40),
    ),
)


@given(GARBAGE)
@settings(deadline=None, max_examples=300)
@example(b"Content-Type: message/delivery-status; charset=\xff\r\n\r\n\xff: \xff\r\nAction: failed\r\n")
@example(b"Content-Type: multipart/report; boundary*=utf-8''%ff\r\n\r\n--\xff")
@example(b'Content-Type: multipart/report; boundary=""\r\nContent-Transfer-Encoding: base64\r\n\r\n--')
def test_nothing_is_raised_whatever_comes(raw: bytes) -> None:
    for report in read(raw).reports:
        assert report.code.isascii()
        assert len(report.code) < 40


def test_what_would_take_long_is_not_read() -> None:
    nested = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(5000)
    )
    mails = b"Content-Type: message/rfc822\r\n\r\n" * 20_000
    parameters = b'Content-Type: multipart/report; boundary="' + b";" * 1_000_000
    folded = b"Content-Type: multipart/report;\r\n" + b" a=b;\r\n" * 100_000
    blocks = b"Content-Type: message/delivery-status\r\n\r\n" + b"Action: failed\r\n\r\n" * 60_000
    fields = b"".join(b"X-%d: y\r\n" % n for n in range(100_000)) + b"\r\n"
    parts = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * 100_000
    text = b"Subject: x\r\n\r\n" + b"=" * 3_000_000
    odd_fields = b"a:\xff\r\n" * 170_000 + b"\r\n"
    block = (
        b"Final-Recipient: rfc822; a@b.c\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: %b\r\n\r\n"
    )
    status = b"Content-Type: message/delivery-status\r\n\r\n"
    words, links = (status + block % (each * 1000) * 199 for each in (b"xx", b":/"))
    for raw in (nested, mails, parameters, folded, blocks, fields, parts, text, odd_fields, words, links):
        began = time.process_time()
        assert len(read(raw).reports) <= 50
        assert time.process_time() - began < 5.0


@pytest.mark.parametrize(
    ("status", "diagnostic", "expected"),
    [
        ("5.1.1", "", "5.1.1"),
        ("5.1.1 (bad destination mailbox address)", "", "5.1.1"),
        ("", "smtp; 452-4.2.2 over quota", "4.2.2"),
        ("5.0.0", "smtp; 550 5.1.1 no", "5.1.1"),
        ("4.0.0", "smtp; 550 5.1.1 no", "4.0.0"),
        ("5.7.1", "smtp; 550 5.1.1 no", "5.7.1"),
        ("192.5.1.1.7", "", None),
        ("none", "none", None),
    ],
)
def test_statuses(status: str, diagnostic: str, expected: str | None) -> None:
    assert status_of(status, diagnostic) == expected
    assert is_lasting("5.1.1", "smtp; 451 4.7.1 greylisted") is False
