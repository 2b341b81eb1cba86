"""How long a server asks us to wait, as servers say it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_email_sender.providers.smtp.dialogue import Reply, Stage
from hermodr_email_sender.providers.smtp.replies import failure
from hermodr_email_sender.providers.smtp.retry_hints import seconds_asked


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
        ("Please wait 5 minutes and try again", 300),
        ("Please retry in 2 min and thanks", 120),
        ("wait at least 5 minutes and at most 4 hours", 300),
        ("try again in 1 day and 2 hours", 93600),
        ("try again in 2 hours, 30 minutes and 5 seconds", 9005),
        ("retry in 3600 sec", 3600),
        ("Retry In 1 Hr", 3600),
        ("4.7.1 Greylisted, wait for 5 mins. See https://example.org/wait/10m?in=1h", 300),
        ("limit of 500 messages a day reached, retry after a minute", 60),
        ("try again after 00:01:30", 90),
        ("retry in 5 minutes: see your manual", 300),
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
        "4.2.0 Greylisting in action, please come back and try later",
        "Mailbox full and over quota",
        "I am busy",
        "greylisted as new sender",
        "wait a moment, as a second server is down",
        "in a d",
        "in 300 ms",
        "in 0 seconds",
        "greylisted: 0 days 00:05:00",
        "in 300 milliseconds",
        "2 messages/day",
        "you may send 500 messages a day",
        "500 messages/day",
        "24-hour quota of 500 exceeded",
        "over the 60 seconds limit",
        "message of 10 M is too large",
        "try again after 12:05:00",
        "down since 12:05:00, back at 13:00:00 h",
        "timeout after 300 seconds",
        "https://example.org/in/5m",
        "call +49 30 1234567 or 5550100",
        "see ticket 12d-44",
        "queued as 5s@example.org",
        "5 \u017feconds",
    ],
)
def test_what_is_none(text: str) -> None:
    assert seconds_asked(text) is None


@pytest.mark.parametrize("code", [421, 450, 451, 452, 454, 455, 471])
@pytest.mark.parametrize("stage", Stage)
def test_one_rule_for_all_4xx(code: int, stage: Stage) -> None:
    assert failure(stage, Reply(code, "4.7.1 try again in 10 minutes")).retry_after == 600


_UNIT = re.compile(r"\b(?:an?|one) (?:sec|min|h|day)", re.IGNORECASE)
_PIECES = st.sampled_from(
    [
        *"smhd ",
        "and",
        "an",
        "a",
        "as",
        "am",
        "one",
        "in",
        "for",
        "wait",
        "minutes",
        "second",
        " ",
        " ",
        "-",
        ",",
    ]
)


@given(st.one_of(st.text(), st.lists(_PIECES).map("".join)).filter(lambda text: not _UNIT.search(text)))
def test_without_a_number_and_a_unit_there_is_no_hint(text: str) -> None:
    assert seconds_asked(re.sub(r"\d", "", text)) is None


@given(st.lists(st.one_of(_PIECES, st.integers(0, 10**7).map(str), st.text(max_size=3))).map("".join))
def test_any_text_has_a_hint_or_none(text: str) -> None:
    asked = seconds_asked(text)
    assert asked is None or asked > 0
