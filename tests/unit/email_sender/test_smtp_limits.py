"""Which replies are a limit of the server, and which are the mail's own."""

import time

import pytest

from hermodr_delivery.failures import Cause, DeliveryFailure, Refused, Throttled, TransientError
from hermodr_email_sender.providers.smtp.dialogue import Reply, Stage
from hermodr_email_sender.providers.smtp.limits import limit_of, used_up
from hermodr_email_sender.providers.smtp.replies import ConnectionUsedUp, failure, refusal


def told(stage: Stage, line: str) -> DeliveryFailure:
    return failure(stage, Reply(int(line[:3]), line[4:]))


# Texts as the servers send them; the sources are those of `limits`, and Contactlab SmartRelay's documentation.
@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("421 4.7.0 mail.example Error: too many connections from 192.0.2.1", Cause.CONNECTIONS),
        ("421 Too many concurrent SMTP connections; please try again later.", Cause.CONNECTIONS),
        ("421 4.4.5 Service unavailable, concurrency limit reached", Cause.CONNECTIONS),
        ("421 4.3.2 The maximum number of concurrent connections has been exceeded", Cause.CONNECTIONS),
        ("421 4.3.2 Connection rate limit exceeded.", Cause.PACE),
        ("421 4.7.0 Try again later, closing connection.", Cause.CONNECTIONS),
        ("454 4.7.0 Too many login attempts, please try again later.", Cause.CONNECTIONS),
        ("454 4.7.0 Temporary authentication failure", Cause.CONNECTIONS),
        ("432 4.3.2 Concurrent connections limit exceeded.", Cause.CONNECTIONS),
        ("450 4.7.1 try again in 30 seconds", Cause.CONNECTIONS),
        ("554 5.7.0 Too many connections", Cause.CONNECTIONS),
        ("554 5.7.1 You are listed", Cause.ACCESS),
        ("550 5.7.1 Access denied", Cause.ACCESS),
        ("451 Authentication failed: Maximum credits exceeded", Cause.ACCESS),
    ],
)
def test_before_a_mail_is_named_none_is_at_fault(line: str, cause: Cause) -> None:
    told_so = told(Stage.CONNECT, line)
    assert isinstance(told_so, Refused)
    assert (told_so.cause, told_so.named) == (cause, False)


@pytest.mark.parametrize(
    ("line", "cause", "certain"),
    [
        ("454 Throttling failure: Maximum sending rate exceeded.", Cause.PACE, True),
        ("454 Throttling failure: Daily message quota exceeded.", Cause.PACE, True),
        ("450 4.7.1 Error: too much mail from 192.0.2.1", Cause.PACE, True),
        ("450 4.7.1 Error: too many recipients from 192.0.2.1", Cause.PACE, True),
        ("452 4.3.2 Connection rate limit exceeded.", Cause.PACE, True),
        ("452 4.3.1 Insufficient system resources", Cause.PACE, True),
        ("451 4.3.2 Please try again later", Cause.PACE, True),
        ("451 4.4.5 Server busy, try again later", Cause.PACE, True),
        ("450 4.2.1 Peak SMTP relay limit exceeded for customer.", Cause.PACE, True),
        ("421 4.7.28 Our system has detected an unusual rate of unsolicited mail", Cause.PACE, True),
        ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred", Cause.PACE, True),
        ("451 4.7.1 You have exceeded your hourly message limit", Cause.PACE, True),
        ("432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms", Cause.CONNECTIONS, True),
        ("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", Cause.CONNECTIONS, True),
        ("451 Authentication failed: Maximum credits exceeded", Cause.ACCESS, True),
        ("454 4.7.0 Your account is temporarily suspended", Cause.ACCESS, True),
        ("421 4.7.0 Try again later, closing connection.", Cause.PACE, False),
        ("421 service not available", Cause.PACE, False),
    ],
)
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.CONTENT])
def test_a_limit_is_told_by_code_or_words(stage: Stage, line: str, cause: Cause, certain: bool) -> None:
    told_so = told(stage, line)
    assert isinstance(told_so, Refused)
    assert (told_so.cause, told_so.certain, told_so.named) == (cause, certain, True)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("450 4.2.0 <jane>: Recipient address rejected: Greylisted", Throttled),
        ("451 4.7.1 Greylisting in action, please come back in 00:05:00", TransientError),
        ("450 4.2.1 The user you are trying to contact is receiving mail too quickly.", Throttled),
        (
            "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional"
            " messages from being delivered.",
            Throttled,
        ),
        ("452 4.2.2 Mailbox full", Throttled),
        ("452 4.2.2 The email account that you tried to reach is over quota", Throttled),
        ("452 4.5.3 Too many recipients", Throttled),
        ("452 4.5.3 Domain policy size per transaction exceeded", Throttled),
        ("421 4.7.0 Recipient has a rate limit: this recipient is receiving too much", Throttled),
        ("451 4.3.0 Mail server temporarily rejected message", TransientError),
        ("451 4.1.8 Domain of sender address does not resolve", TransientError),
        ("450 4.1.1 <jane>: unverified address: in progress", Throttled),
    ],
)
@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.CONTENT])
def test_greylisting_and_mailboxes_are_no_limit_of_the_server(
    stage: Stage, line: str, kind: type[DeliveryFailure]
) -> None:
    assert type(told(stage, line)) is kind


def test_a_hint_in_the_text_is_how_long_to_rest() -> None:
    told_so = told(Stage.MAIL, "454 Maximum sending rate exceeded, try again in 30 seconds")
    assert isinstance(told_so, Refused)
    assert told_so.retry_after == 30.0


def test_a_long_reply_is_read_in_no_time() -> None:
    started = time.process_time()
    for piece in (
        "too many ",
        "message ",
        "limit mails in the ",
        "max ",
        "send ",
        "a" * 60 + " ",
        "the recipient ",
    ):
        for named in (True, False):
            limit_of(450, "", piece * (32_000 // len(piece)), named=named)
            used_up(piece * (32_000 // len(piece)))
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "4.5.3 Too many messages in this session",
        "Too many messages per connection",
        "4.5.3 Too many transactions this session",
        "4.7.0 Message limit for this connection reached",
        "5.5.3 Too many messages in this session",
        "too many messages in this connection",
        "4.3.2 Maximum number of messages per SMTP connection exceeded",
        "Too many mails on a single connection, reconnect",
        "session message limit exceeded",
        "Too many messages in this connection from 192.0.2.1",
        "4.5.3 Too many recipients",
        "5.5.3 Too many recipients",
    ],
)
def test_a_connection_that_has_carried_enough_is_known_by_its_words(text: str) -> None:
    assert used_up(text)
    limit = limit_of(452, "", text, named=True)
    assert limit is None or limit.cause is Cause.PACE


@pytest.mark.parametrize(
    "text",
    [
        "4.7.0 Too many connections",
        "Too many concurrent sessions",
        "4.7.1 Error: too many recipients from 192.0.2.1",
        "Too many recipients received this hour (throttled)",
        "too many messages per second in this session",
        "Too many messages from you, closing connection",
        "message rate limit for this connection exceeded",
        "4.2.2 mailbox full",
        "4.3.0 message queued in this session",
        "4.4.2 connection lost after too many errors",
    ],
)
def test_other_limits_do_not_use_up_a_connection(text: str) -> None:
    assert not used_up(text)


def test_a_first_mail_cannot_be_one_too_many() -> None:
    reply = Reply(452, "4.5.3 Too many messages in this session")
    assert isinstance(refusal(Stage.MAIL, reply, (), reused=True), ConnectionUsedUp)
    assert isinstance(refusal(Stage.MAIL, reply, (), reused=False), Refused)
