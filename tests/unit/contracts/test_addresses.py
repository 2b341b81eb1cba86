"""The fast path accepts and changes exactly what the full one does."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from hermodr_contracts.addresses import email_address, mailbox, transport_address
from tests.support.addresses import ADDRESSES, NONE_OF_THEM

_LABEL = st.text("ab1-", min_size=1, max_size=6)
_LOCAL = st.text("ab1.+_-'", min_size=1, max_size=8)


def _the_long_way(text: str) -> str | None:
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        return None


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_nothing_is_taken_for_a_sender_that_is_written_otherwise(text: str) -> None:
    try:
        name, address = mailbox(f"{text} <shop@example.com>")
    except ValueError:
        return
    assert address == "shop@example.com"
    assert "".join(name.split()) in "".join(text.replace("\\", "").split())


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


@pytest.mark.parametrize(("text", "stored"), ADDRESSES.items())
def test_what_is_stored(text: str, stored: str) -> None:
    assert email_address(text) == stored
    assert email_address(stored) == stored


@pytest.mark.parametrize("text", ["", "ann@\ud83d.com", "\ud83d@example.com", *NONE_OF_THEM])
def test_what_is_no_address(text: str) -> None:
    for check in (email_address, transport_address):
        with pytest.raises(ValueError, match="is not an email address"):
            check(text)


@pytest.mark.parametrize(
    ("text", "on_the_wire"),
    [
        ("Jane.O'Hara+x@Example.org", "Jane.O'Hara+x@example.org"),
        ("jane@bücher.example", "jane@xn--bcher-kva.example"),
        ("jane@xn--bcher-kva.example", "jane@xn--bcher-kva.example"),
        ("jané@bücher.example", "jané@xn--bcher-kva.example"),
    ],
)
def test_what_a_mail_server_is_told(text: str, on_the_wire: str) -> None:
    assert transport_address(text) == on_the_wire


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("shop@example.com", "", "shop@example.com"),
        ("<shop@example.com>", "", "shop@example.com"),
        ("Shop <Shop@Example.com>", "Shop", "Shop@example.com"),
        (" Acme  Inc.<shop@example.com> ", "Acme  Inc.", "shop@example.com"),
        ('"Team @ Acme" <team@acme.example>', "Team @ Acme", "team@acme.example"),
        ('"Acme, \\"Inc.\\"" <shop@example.com>', 'Acme, "Inc."', "shop@example.com"),
        ("O'Brien & Söhne – Café <shop@bücher.example>", "O'Brien & Söhne – Café", "shop@bücher.example"),
        ("می\u200cخواهم <shop@example.com>", "می\u200cخواهم", "shop@example.com"),
        ("山田\u3000太郎 <shop@example.com>", "山田\u3000太郎", "shop@example.com"),
        ("Hermodr <hermodr@localhost>", "Hermodr", "hermodr@localhost"),
    ],
)
def test_a_sender(text: str, name: str, address: str) -> None:
    assert mailbox(text) == (name, address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Acme",
        "Acme <>",
        "Team @ Acme <team@acme.example>",
        "Acme, Inc. <shop@example.com>",
        "Acme: <shop@example.com>",
        "Acme: shop@example.com;",
        "Acme (Berlin) <shop@example.com>",
        "shop@example.com (Acme)",
        "Acme [x] <shop@example.com>",
        "Acme shop@example.com",
        "Acme <shop@example.com",
        "Acme shop@example.com>",
        "Acme <shop@example.com>>",
        "Acme <<shop@example.com>>",
        "Acme <shop@example.com> x",
        "Acme <shop@example.com>, Bob <bob@example.com>",
        "shop@example.com, bob@example.com",
        "shop@example.com <bob@example.com>",
        "Acme <@relay.example:shop@example.com>",
        '"Acme <shop@example.com>',
        '"Acme" "Inc" <shop@example.com>',
        "A\\B <shop@example.com>",
        "=?utf-8?q?Caf=C3=A9?= <shop@example.com>",
        "Acme\n <shop@example.com>",
        "Acme\r\nBcc: eve@example.com <shop@example.com>",
        "\u202eemcA <shop@example.com>",
        "Acme <shop>",
        'Acme <"shop x"@example.com>',
        "Acme <shop@[127.0.0.1]>",
        "mailto:shop@example.com",
    ],
)
def test_what_is_no_sender(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an|must be a single line"):
        mailbox(text)


def test_a_hostile_address_takes_no_time() -> None:
    for text in ("a@" + "a-" * 150, "a." * 150 + "@b.de", "a@" + "a." * 150):
        with pytest.raises(ValueError, match="is not an email address"):
            email_address(text)
