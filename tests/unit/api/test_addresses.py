"""The short way admits nothing the long way would not, and changes nothing it would."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from hermodr_api.domain.addresses import email_address

_LABEL = st.text("ab1-", min_size=1, max_size=6)
_LOCAL = st.text("ab1.+_-'", min_size=1, max_size=8)


def _the_long_way(text: str) -> str | None:
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        return None


@given(
    _LOCAL,
    st.lists(_LABEL, min_size=1, max_size=3),
    st.sampled_from(["com", "c0m", "local", "test", "x", "de"]),
)
def test_both_ways_agree(local: str, labels: list[str], end: str) -> None:
    text = f"{local}@{'.'.join(labels)}.{end}"
    try:
        short = email_address(text)
    except ValueError:
        short = None
    assert short == _the_long_way(text)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada.L+tag@Example.COM", "Ada.L+tag@example.com"),
        ("jörg@bücher.example", "jörg@bücher.example"),
        ("a@sandbox.test", "a@sandbox.test"),
    ],
)
def test_what_is_stored(text: str, stored: str) -> None:
    assert email_address(text) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a@b",
        "a@@b.de",
        "a b@c.de",
        "a@b.de\n",
        "a@b.de\r\nX: y",
        "<a@b.de>",
        "a@[127.0.0.1]",
        "a,b@c.de",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an email address"):
        email_address(text)


def test_a_hostile_address_takes_no_time() -> None:
    for text in ("a@" + "a-" * 150, "a." * 150 + "@b.de", "a@" + "a." * 150):
        with pytest.raises(ValueError, match="is not an email address"):
            email_address(text)
