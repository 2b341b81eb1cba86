"""What a server says of our account or our sender is for the operator to mend: no mail is lost to it, none bounces."""

from __future__ import annotations

import pytest

from hermodr_delivery.failures import Cause, Refused, TransientError
from hermodr_email_sender.providers.smtp.blame import Blame, blame
from hermodr_email_sender.providers.smtp.dialogue import Stage
from hermodr_email_sender.providers.smtp.replies import failure
from tests.unit.email_sender.test_smtp_blame import JANE, reply

# What is wrong with our account or sender, to be mended by the operator, at whatever stage it is said. SendGrid:
# Twilio, "SMTP Errors and Troubleshooting". Exchange Online: Microsoft, "NDRs in Exchange Online".
OUR_FAULT = [
    "550 Unauthenticated senders not allowed",
    "550 Maximum credits exceeded",
    "550 The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.",
    "550 You are not authorized to send from that email address",
    "554 Transaction failed: Sending paused for this account. For more information, please check the inbox",
    "554 Message rejected: Email sending for the account is paused.",
    "554 Message rejected: Email address is not verified. The following identities failed the check in region "
    "EU-WEST-1: no-reply@shop.example",
    "554 Message rejected: Email address is not verified. The following identities failed the check in region "
    "US-EAST-1: no-reply@shop.example, jane@example.org",
    "550 5.7.60 SMTP; Client does not have permissions to send as this sender [BY2PR10.namprd10.prod.outlook.com]",
    "550 5.7.1 Client does not have permissions to send as this sender",
    "550 5.7.705 Access denied, tenant has exceeded threshold.",
    "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP. AS(7171)",
    "550 5.1.8 Access denied, bad outbound sender AS(42004)",
    "554 5.7.0 Your account has been suspended",
    "550 Your account is disabled",
    "550 5.2.1 Your account is disabled",
    "525 5.7.1 Unauthorized IP address",
    "553 5.7.1 <no-reply@shop.example>: Sender address rejected: not owned by user shop",
    "550 5.1.0 <no-reply@shop.example>: Sender address rejected: User unknown in virtual mailbox table",
    "550 5.1.8 <no-reply@shop.example>: Sender address rejected: Domain not found",
    "550 5.1.7 <no-reply>: Sender address rejected: malformed",
    "550-Verification failed for <no-reply@shop.example> 550-Unrouteable address 550 Sender verify failed",
    "553 5.1.8 <no-reply@shop.example>... Domain of sender address no-reply@shop.example does not exist",
    "550 5.7.27 Sender domain has a null MX",
]


@pytest.mark.parametrize("line", OUR_FAULT)
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.CONTENT])
def test_an_operators_mistake_burns_no_mail(stage: Stage, line: str) -> None:
    failed = failure(stage, reply(line), (JANE, "jane"))
    assert isinstance(failed, Refused)
    assert failed.cause is Cause.ACCESS


def test_a_recipient_unknown_to_a_sandbox_keeps_no_other_waiting() -> None:
    line = (
        "554 Message rejected: Email address is not verified. The following identities failed the check in region "
        "EU-WEST-1: jane@example.org"
    )
    assert type(failure(Stage.CONTENT, reply(line), (JANE, "jane"))) is TransientError


@pytest.mark.parametrize(
    ("line", "certain"),
    [
        ("554 5.7.0 Your account has been suspended", True),
        ("554 Transaction failed: Sending paused for this account.", True),
        ("550 Unauthenticated senders not allowed", True),
        ("550 5.7.60 Client does not have permissions to send as this sender", False),
    ],
)
def test_what_is_said_of_our_account_is_certain(line: str, certain: bool) -> None:
    failed = failure(Stage.CONTENT, reply(line), (JANE, "jane"))
    assert isinstance(failed, Refused)
    assert failed.certain is certain


def test_before_a_recipient_is_named_it_is_our_sender_that_is_refused() -> None:
    for line in (
        "550 5.1.0 <no-reply@shop.example>: Sender address rejected: User unknown in virtual mailbox table",
        "550 5.1.8 <no-reply@shop.example>: Sender address rejected: Domain not found",
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "550 Account disabled",
        "550 Rejected",
    ):
        assert blame(Stage.MAIL, reply(line), JANE).blame is Blame.ACCESS, line


@pytest.mark.parametrize(
    "line",
    [
        "552 5.3.4 Message size exceeds fixed limit",
        "550 5.3.4 too big",
        "550 5.6.7 Address needs SMTPUTF8",
        "501 5.5.4 Syntax error in parameters",
        "555 5.5.4 Unsupported option: SIZE=1000",
    ],
)
def test_size_and_syntax_of_a_mail_are_its_own(line: str) -> None:
    assert blame(Stage.MAIL, reply(line), JANE).blame is Blame.MESSAGE
