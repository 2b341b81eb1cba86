"""Failures say what happened without saying to whom."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_delivery.failures import (
    MAX_DETAIL,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Refused,
    Throttled,
    TransientError,
    scrub,
)


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("550 5.1.1 <jane@example.org>: no such user", "550 5.1.1 [address]: no such user"),
        ("no mailbox jane.doe@example.org here", "no mailbox [address] here"),
        ('"jane doe"@example.org unknown', "[address] unknown"),
        ("jané@bücher.example unknown", "[address] unknown"),
        ("see https://mail.example/?to=jane&x=1 for help", "see [link] for help"),
        ("see www.mail.example/jane", "see [link]"),
        ("the number +1 555 010-0199 is not reachable", "the number [number] is not reachable"),
        ("id 1234567890", "id [number]"),
        ("Bearer sk_live_0123456789abcdefghij", "Bearer [token]"),
        ("line\r\none\x00two", "line one two"),
        ("the_customers_preferred_first_name is missing", "the_customers_preferred_first_name is missing"),
        ("connected to 10.0.0.1, queue full", "connected to 10.0.0.1, queue full"),
    ],
)
def test_what_names_a_person_or_opens_a_door_is_replaced(text: str, scrubbed: str) -> None:
    assert scrub(text) == scrubbed


def test_known_secrets_are_replaced_in_any_spelling() -> None:
    secrets = ["jane.doe@example.org", "jane.doe", ""]
    text = "User JANE.DOE unknown (jane.doe@example.org), try jane.doe2"
    assert scrub(text, secrets) == "User [address] unknown ([address]), try jane.doe2"


@given(st.text(max_size=2000))
def test_a_detail_is_one_short_line(text: str) -> None:
    scrubbed = scrub(text)
    assert len(scrubbed) <= MAX_DETAIL
    assert scrubbed == " ".join(scrubbed.split())


@pytest.mark.parametrize("piece", ["a", "a.", "ab-", '"a', "a@", "+1(2)", "1 ", "www.", "a://", "<"])
def test_no_reply_takes_long_to_scrub(piece: str) -> None:
    """A server's reply has up to 32 Ki characters, whatever they are; by the square of its length it takes 20 s."""
    began = time.thread_time()
    scrub(piece * (64 * 1024 // len(piece)), ["a" * 60])
    assert time.thread_time() - began < 0.5


@pytest.mark.parametrize("kind", [TransientError, Throttled, PermanentError, OutcomeUnknown])
def test_every_failure_scrubs_its_detail(kind: type[DeliveryFailure]) -> None:
    failure = kind("smtp_550", "<jane@example.org> is unknown, says Jane", secrets=["jane"])
    assert failure.code == "smtp_550"
    assert failure.detail == "[address] is unknown, says [address]"
    assert str(failure) == "smtp_550: [address] is unknown, says [address]"
    assert "jane" not in repr(failure).lower()
    assert str(kind("timeout")) == "timeout"


def test_what_the_classes_know() -> None:
    assert Throttled("smtp_421", retry_after=30.0).retry_after == 30.0
    assert Throttled("smtp_421").retry_after is None
    assert PermanentError("smtp_550", bounced=True).bounced
    assert not PermanentError("smtp_554").bounced


def test_no_failure_is_another() -> None:
    kinds: list[type[DeliveryFailure]] = [TransientError, Throttled, PermanentError, OutcomeUnknown, Refused]
    assert not any(issubclass(one, other) for one in kinds for other in kinds if one is not other)
