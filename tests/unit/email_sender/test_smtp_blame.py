"""Whom a refusal blames: replies as servers give them, by their documentation, source or published logs."""

from __future__ import annotations

import time

import pytest

from hermodr_delivery.failures import PermanentError, Refused, Throttled, TransientError
from hermodr_email_sender.providers.smtp.blame import Blame, blame
from hermodr_email_sender.providers.smtp.dialogue import Reply, Stage
from hermodr_email_sender.providers.smtp.replies import failure

JANE = "jane@example.org"

# Sources. RFC: RFC 3463, 5321, 7505. IANA: its registry of enhanced status codes. Postfix, Exim, Sendmail, qmail,
# Dovecot: their source. Google: "Gmail SMTP errors and codes". Microsoft: "NDRs in Exchange Online". Yahoo: "SMTP Error
# Codes" of its sender hub. Amazon: "SMTP response codes returned by Amazon SES". The rest from published logs.
TO_THE_RECIPIENT = {
    Blame.ADDRESS: [
        # Postfix
        "550 5.1.1 <jane@example.org>: Recipient address rejected: User unknown in local recipient table",
        "550 5.1.1 <jane@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
        "550 5.1.1 <jane@example.org>: Recipient address rejected: User unknown in relay recipient table",
        "550 5.1.1 <jane@example.org>: Recipient address rejected: undeliverable address: unknown user",
        "550 <jane@example.org>: Recipient address rejected: User unknown in virtual alias table",
        "556 5.1.10 <jane@example.org>: Recipient address rejected: Domain example.org does not accept mail (nullMX)",
        # Sendmail
        "550 5.1.1 <jane@example.org>... User unknown",
        "550 5.1.2 <jane@example.org>... Host unknown (Name server: example.org: host not found)",
        "553 5.3.0 <jane@example.org>... No such user here",
        "551 5.1.6 jane has moved",
        # Exim, cPanel
        "550 Unrouteable address",
        "550 Unknown user",
        "550-No Such User Here",
        # qmail, vpopmail, chkuser
        "550 sorry, no mailbox here by that name (#5.1.1)",
        "511 sorry, no mailbox here by that name (#5.1.1 - chkuser)",
        # Dovecot LMTP, Cyrus
        "550 5.1.1 <jane@example.org> User doesn't exist: jane@example.org",
        "550-Mailbox unknown.  Either there is no mailbox associated with this 550-name or you do not have "
        "authorization to see it. 550 5.1.1 User unknown",
        # Gmail
        "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the "
        "recipient's email address for typos or unnecessary spaces. For more information, go to "
        "https://support.google.com/mail/?p=NoSuchUser a1-20020a - gsmtp",
        "550 5.2.1 The email account that you tried to reach is disabled. Learn more at "
        "https://support.google.com/mail/?p=DisabledUser - gsmtp",
        "553 5.1.2 The recipient domain could not be found. Please check for any spelling errors - gsmtp",
        "553 5.1.3 The recipient address <jane@@example.org> is not a valid RFC 5321 address. - gsmtp",
        # Microsoft
        "550 5.4.1 [jane@example.org]: Recipient address rejected: Access denied. AS(201806281) "
        "[DB5EUR01FT054.eop-EUR01.prod.protection.outlook.com 2026-11-28T10:00:00.000Z 08DE]",
        "550 5.4.1 Recipient address rejected: Access denied. [CY4PEPF0000EE3C.namprd03.prod.outlook.com]",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found",
        "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). [HE1EUR01FT020.eop-EUR01]",
        "550 5.5.0 Requested action not taken: mailbox unavailable",
        # RFC 5321's own words
        "550 Requested action not taken: mailbox unavailable",
        "553 Requested action not taken: mailbox name not allowed",
        # Yahoo, AOL
        "552 1 Requested mail action aborted, mailbox not found",
        "554 delivery error: dd This user doesn't have a yahoo.com account (jane@yahoo.com) [0]",
        "554 delivery error: dd Sorry, your message to jane@yahoo.com cannot be delivered. This mailbox is disabled "
        "(554.30). - mta4490.mail.gq1.yahoo.com",
        "554 30 Sorry, your message to jane@aol.jp cannot be delivered. This mailbox is disabled (554.30)",
        "554 delivery error: dd jane@yahoo.com is no longer valid.",
        # Others
        "550 jane@example.org is a deactivated mailbox",
        "550 REJECTED - Recipient Verification Failed - User Not Found",
        "550 5.7.1 No such user!",
        "550 5.1.1 Not our Customer",
        "550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_416 [416]",
        "550 5.2.1 This mailbox has been blocked due to inactivity",
        "550 Mailbox not found. https://service.mail.qq.com/detail/122/169",
        "550 User not found: jane@example.org",
        "550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 [Tq2]",
        "550 5.1.1 User Unknown",
        "550 5.0.0 <jane@example.org>... User unknown",
        # an account, but not ours
        "550 5.2.1 The email account that you tried to reach is disabled.",
        "550 Account disabled",
        "550 5.2.1 The recipient's account has been suspended",
        "550 5.1.1 The account <jane@example.org> is closed",
        "550 recipient rejected",
        "550 no such user",
        "553 bad mailbox name",
        "550 5.1.1",
    ],
    Blame.MESSAGE: [
        # policy
        "554 5.7.1 <jane@example.org>: Recipient address rejected: Access denied",
        "550 5.7.1 <jane@example.org>: Recipient address rejected: Intended policy rejection, please try again",
        "550 <jane@example.org>: Recipient address rejected: Blocked by policy",
        "550 5.7.1 This message violates example.com email policy. - gcdp - gsmtp",
        "550 5.7.124 The sender isn't in the recipient's allowed senders list",
        "550 Administrative prohibition",
        "550 Rejected by header based Anti-Spoofing policy: no-reply@shop.example",
        "550 5.2.0 Mail rejete. Mail rejected. OFR_506 [506]",
        # SPF, DKIM, DMARC
        "550 5.7.23 The message was rejected because of Sender Policy Framework violation",
        "550 5.7.26 Your email has been blocked because the sender is unauthenticated. Gmail requires all senders to "
        "authenticate with either SPF or DKIM.",
        "550 5.7.1 <jane@example.org>: Recipient address rejected: Please see http://www.openspf.org/Why?s=mfrom",
        "550 <jane@example.org>: Recipient address rejected: Please see http://www.openspf.net/Why",
        "550 5.7.1 Unauthenticated email from shop.example is not accepted due to domain's DMARC policy.",
        "550 5.7.9 This mail has been blocked because the sender is unauthenticated. Yahoo requires all senders to "
        "authenticate with either SPF or DKIM.",
        "554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes",
        "553 5.7.2 [TSS09] All messages from 192.0.2.25 will be permanently deferred; Retrying will NOT succeed.",
        "550 Mailbox unavailable or access denied https://service.mail.qq.com/detail/122/166",
        "550 5.1.1 SPF check failed for shop.example",
        # blocklists, reputation, spam
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service "
        "provider since part of their network is on our block list (S3140).",
        "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
        "550 SC-001 (COL004-MC1F1) Unfortunately, messages from 192.0.2.1 weren't sent.",
        "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list",
        "550 5.1.1 <jane@example.org>: Recipient address rejected: Blocked - see blacklist",
        "550 csi.mimecast.org Poor Reputation Sender. - https://community.mimecast.com/docs/DOC-1369#550",
        "550 mailbox unavailable: your host is listed at dnsbl.example",
        "550 spam message rejected. Please visit http://help.mail.ru/notspam-support/",
        "550 5.7.1 Mailbox unavailable, message looks like spam",
        "554 5.7.1 Message sending blocked due to spam content",
        # the mailbox, but not for ever
        "552 5.2.2 The email account that you tried to reach is over quota.",
        "552 5.2.2 <jane@example.org> Quota exceeded (mailbox for user is full)",
        "554 delivery error: dd Sorry, your message to jane@yahoo.com cannot be delivered. This account is over quota.",
        "552 Requested mail action aborted: exceeded storage allocation",
        "550 mailbox full",
        # the message
        "552 5.2.3 Your message exceeded Google's message size limits.",
        "552 5.3.4 Message size exceeds fixed limit",
        "552 message size exceeds sending limit of 10 MB",
        "553 5.6.7 Address needs SMTPUTF8",
        "550 5.1.4 RESOLVER.ADR.Ambiguous; ambiguous address",
        # routing, system, protocol
        "550 5.4.1 No answer from host",
        "554 5.4.6 Hop count exceeded - possible mail loop",
        "550 5.4.4 Unable to route",
        "550 5.3.2 System not accepting network messages",
        "501 5.5.4 Syntax error in parameters",
        "551 User not local; please try <jane@elsewhere.example>",
        # says nothing
        "550 5.1.0 Address rejected",
        "554 5.1.0 rejected",
        "550 Rejected",
        "554 Transaction failed",
        "550 5.0.0 Access denied",
        "599 what?",
    ],
    Blame.ACCESS: [
        "530 5.7.0 Must issue a STARTTLS command first",
        "535 5.7.8 Error: authentication failed",
        "554 5.7.1 <jane@example.org>: Relay access denied",
        "550 5.7.1 <jane@example.org>... Relaying denied. Proper authentication required.",
        "550 5.7.1 Unable to relay",
        "550 5.7.0 Mail relay denied [192.0.2.1]. Invalid credentials for relay",
        "550 5.7.64 TenantAttribution; Relay Access Denied SMTP",
        "550 relaying denied for <jane@yahoo.com>",
        "550 relay not permitted",
        "551 we do not relay",
        "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        "550 Authentication required",
        "550 5.7.57 Client not authenticated to send mail",
        "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname",
        "550 5.7.1 <localhost>: Helo command rejected: Host not found",
        "550 5.1.1 jane@example.org relaying denied",
    ],
    Blame.PACE: [
        "550 5.4.5 Daily user sending limit exceeded. For more information on Gmail sending limits go to "
        "https://support.google.com/a/answer/166852 - gsmtp",
        "550 5.4.5 Daily SMTP relay limit exceeded for user.",
        "550 5.7.0 Daily SMTP relay limit exceeded for customer.",
        "550 5.7.1 Daily SMTP relay limit exceeded for user",
        "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
        "550 Domain shop.example has exceeded the max emails per hour (101/100 (101%)) allowed.  Message discarded.",
        "554 5.7.0 Sending quota exceeded",
        "550 Domain frequency limited [MXAAA, IP: 192.0.2.1]",
        "550 5.5.3 Too many recipients",
        "550 5.7.0 Quota exceeded: you may send 500 messages/day",
        "550 You may only send 50 emails per hour",
        "554 Monthly sending limit reached",
        "550 Too many messages in this session",
    ],
    Blame.LATER: [
        "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages "
        "from being delivered. For more information, please visit https://support.google.com/mail/?p=ReceivingRatePerm",
        "550-5.2.1 The user you are trying to contact is receiving mail too quickly.",
        "550 4.7.1 Greylisted",
        "554 5.7.1 Greylisting in action, please come back later",
        "550 5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour",
        "554 5.7.1 Service temporarily unavailable",
        "550 5.2.1 Mailbox temporarily disabled",
        "550 Please try again later",
    ],
}


def reply(line: str) -> Reply:
    return Reply(int(line[:3]), line[4:])


@pytest.mark.parametrize(
    ("blamed", "line"), [(blamed, line) for blamed, lines in TO_THE_RECIPIENT.items() for line in lines]
)
def test_what_a_refused_recipient_blames(blamed: Blame, line: str) -> None:
    verdict = blame(Stage.RCPT, reply(line), JANE)
    assert verdict.blame is blamed, verdict


@pytest.mark.parametrize("line", TO_THE_RECIPIENT[Blame.ADDRESS])
def test_a_refused_sender_is_never_the_address(line: str) -> None:
    assert blame(Stage.MAIL, reply(line), JANE).blame is not Blame.ADDRESS


AFTER_RCPT = {
    Blame.ADDRESS: [
        "550 5.1.1 no such user after all",
        "550 5.2.1 mailbox disabled",
        "554 delivery error: dd This user doesn't have a yahoo.com account (jane@yahoo.com) [0]",
    ],
    Blame.MESSAGE: [
        "550 no such user",
        "550 Requested action not taken: mailbox unavailable",
        "550 5.1.3 bad address in the From field",
        "550 5.1.2 domain of the From address not found",
        "550 5.7.1 spam",
        "554 5.6.0 malformed",
        "550 recipient rejected",
    ],
}


@pytest.mark.parametrize("stage", [Stage.DATA, Stage.CONTENT])
@pytest.mark.parametrize(
    ("blamed", "line"), [(blamed, line) for blamed, lines in AFTER_RCPT.items() for line in lines]
)
def test_what_a_refusal_after_the_recipient_blames(stage: Stage, blamed: Blame, line: str) -> None:
    assert blame(stage, reply(line), JANE).blame is blamed


@pytest.mark.parametrize(
    "address",
    [
        "spam@example.org",
        "relay@policy.example",
        "user@blocked.example",
        "limit@example.org",
        "no-spam@example.org",
    ],
)
def test_words_in_the_recipients_own_address_say_nothing(address: str) -> None:
    """Nor does their absence: a local part `user` is no reason to lose the word."""
    for line in (
        f"550 5.1.1 <{address}>: Recipient address rejected: User unknown",
        f"550 <{address}> user unknown",
    ):
        assert blame(Stage.RCPT, reply(line), address).blame is Blame.ADDRESS
    assert blame(Stage.RCPT, reply(f"550 5.7.1 <{address}>: rejected"), address).blame is Blame.MESSAGE


def test_the_words_of_an_address_are_no_words_of_the_server() -> None:
    told = blame(
        Stage.RCPT,
        reply("550 <no-such-user@unknown-user.example>: rejected"),
        "no-such-user@unknown-user.example",
    )
    assert told.blame is Blame.MESSAGE


@pytest.mark.parametrize(
    ("line", "kind", "code"),
    [
        ("550 5.1.1 user unknown", PermanentError, "smtp_550"),
        ("550 5.7.1 spam", PermanentError, "smtp_550"),
        ("550 5.4.5 Daily sending quota exceeded", Refused, "smtp_550"),
        ("550 5.2.121 hourly limit", Throttled, "smtp_550"),
        (
            "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname",
            Refused,
            "helo_refused",
        ),
        ("554 5.7.1 Relay access denied", Refused, "access_refused"),
        ("550 Authentication required", Refused, "auth_failed"),
        ("550 4.7.1 Greylisted", TransientError, "smtp_550"),
    ],
)
def test_each_has_its_failure(line: str, kind: type[Exception], code: str) -> None:
    failed = failure(Stage.RCPT, reply(line), (JANE, "jane"))
    assert (type(failed), failed.code) == (kind, code)


def test_the_delivery_log_says_which_rule_decided() -> None:
    failed = failure(
        Stage.RCPT, reply("550 5.1.1 <jane@example.org>: user unknown" + " and so on" * 50), (JANE, "jane")
    )
    assert failed.detail.startswith("address refused (5.1.1: no such mailbox), RCPT: 550 5.1.1 <[address]>")
    failed = failure(Stage.RCPT, reply("550 no such user"), (JANE, "jane"))
    assert failed.detail == 'address refused ("no such user"), RCPT: 550 no such user'
    failed = failure(Stage.RCPT, reply("550 5.1.1 blocked by spamhaus"), (JANE, "jane"))
    assert failed.detail.startswith('message refused (5.1.1, but with the word "blocked"), RCPT: ')


def test_a_long_reply_is_read_in_no_time() -> None:
    """Whatever a server says, in 32 KiB: no pattern may make the sender stand still."""
    started = time.process_time()
    for piece in ("5.2.1 ", "relay ", "a" * 60 + " ", "554 30 ", "user ", "exceeded ", "#5.1.1 "):
        for _ in range(3):
            blame(Stage.RCPT, Reply(554, "30 " + piece * (32_000 // len(piece))), JANE)
    assert time.process_time() - started < 1.0
