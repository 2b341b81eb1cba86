"""How long a server asks us to wait, as servers say it."""

import pytest

from hermodr_email_sender.retry_hints import seconds_asked
from hermodr_email_sender.smtp_dialogue import Reply, Stage
from hermodr_email_sender.smtp_replies import failure


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4.7.1 Greylisted, try again in 600 seconds", 600),
        ("4.2.0 <[address]>: Recipient address rejected: Greylisted for 300 seconds", 300),
        ("4.7.1 Greylisting in action, please come back in 00:05:00", 300),
        ("please try again in 5 minutes", 300),
        ("retry in 5 min.", 300),
        ("retry in 300seconds", 300),
        ("try again in 600s", 600),
        ("try later (5m)", 300),
        ("deferred, 5-10 minutes", 600),
        ("wait 3,600 seconds", 3600),
        ("wait for 4.5 seconds", 4.5),
        ("retry after 1h30m", 5400),
        ("retry in 1 hour and 5 minutes", 3900),
        ("come back in an hour", 3600),
        ("in one day", 86400),
        ("Limit is 100 messages per 60 seconds; wait 2 minutes", 120),
        ("blocked 30 seconds ago, try again in 10 minutes", 600),
    ],
)
def test_what_is_a_hint(text: str, seconds: float) -> None:
    assert seconds_asked(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "later",
        "try again in a few minutes",
        "4.7.1 second line of 4.7.1 minutes",
        "at most 100 messages per 60 seconds",
        "too many messages in 60 seconds",
        "more than 500 mails in the last 60 minutes",
        "500 mails/1h exceeded",
        "since 2026-11-28 10:00:00 s",
        "192.0.2.5 sent too much",
    ],
)
def test_what_is_none(text: str) -> None:
    assert seconds_asked(text) is None


@pytest.mark.parametrize("code", [421, 450, 451, 452, 454, 455, 471])
@pytest.mark.parametrize("stage", Stage)
def test_one_rule_for_all_4xx(code: int, stage: Stage) -> None:
    assert failure(stage, Reply(code, "4.7.1 try again in 10 minutes")).retry_after == 600
