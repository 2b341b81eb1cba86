"""The MIME builder against the standard library's parser: what goes in comes out, and nothing else does."""

from __future__ import annotations

import email
import email.message
import email.policy
import re
import time
from datetime import datetime, timedelta, timezone
from email.header import decode_header, make_header
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hermodr_email_sender import mime
from hermodr_email_sender.domain import Mailbox, OutgoingEmail
from hermodr_email_sender.errors import UnsendableMessage
from tests.support.mails import PLAIN, SENDER, mail

HEADER_NAMES = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
]

characters = st.characters(exclude_categories=["Cs"])
texts = st.text(characters, max_size=400) | st.text(st.sampled_from("ab. =-_\t\r\n\x00é漢😀"), max_size=3000)
header_texts = st.text(characters.filter(lambda c: c not in "\r\n\x00"), max_size=300) | st.lists(
    st.sampled_from(
        ["word", "Ünïcödé", "=?utf-8?q?x?=", '"', "\\", ",", "<a@b>", "", "x" * 90, "漢字", "\t"]
    ),
    max_size=30,
).map(" ".join)
names = st.text(st.sampled_from("aé ,\"\\@<>().'漢"), min_size=1, max_size=40).filter(str.strip)


def parse(message: OutgoingEmail, sender: Mailbox = SENDER) -> email.message.EmailMessage:
    parsed = email.message_from_bytes(mime.build(message, sender).content, policy=email.policy.SMTP)
    assert isinstance(parsed, email.message.EmailMessage)
    return parsed


def decoded(raw: str) -> str:
    """A header value by RFC 2047 alone: the structured parsers of the library squeeze white space in names."""
    return str(make_header(decode_header(re.sub(r"\r?\n(?=[ \t])", "", raw))))


def raw_headers(content: bytes) -> dict[str, str]:
    parsed = email.message_from_bytes(content, policy=email.policy.compat32)
    return {name: str(value) for name, value in parsed.raw_items()}


def body(parsed: email.message.EmailMessage, subtype: str) -> str:
    part = parsed.get_body((subtype,))
    assert isinstance(part, email.message.EmailMessage)
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def sent(text: str) -> str:
    """What a reader is to see of a body: CRLF line breaks and a final one."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return (text if text.endswith("\n") else text + "\n").replace("\n", "\r\n")


def assert_wire_format(content: bytes) -> None:
    assert content.endswith(b"\r\n")
    assert b"\0" not in content
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content)
    assert max(map(len, content.split(b"\r\n"))) <= 998
    head = content.partition(b"\r\n\r\n")[0]
    assert all(line.strip() for line in head.split(b"\r\n")), (
        "a blank folded line ends the header for some readers"
    )


@given(text=texts, html=st.none() | texts)
@example(text="--=_\r\n--=_1--", html="--=_2")
@example(text="x" * 5000, html="<p>" + "é" * 5000)
@example(text=".\n..\n.hidden\n", html=" \n \t\n")
def test_bodies_come_out_as_they_went_in(text: str, html: str | None) -> None:
    built = mime.build(mail(text=text, html=html), SENDER)
    parsed = parse(mail(text=text, html=html))
    assert_wire_format(built.content)
    assert built.content.isascii()
    assert not parsed.defects
    assert body(parsed, "plain") == sent(text)
    if html is None:
        assert parsed.get_content_type() == "text/plain"
    else:
        assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
        assert body(parsed, "html") == sent(html)


@given(subject=header_texts, name=header_texts, sender_name=header_texts)
def test_headers_come_out_as_they_went_in(subject: str, name: str, sender_name: str) -> None:
    content = mime.build(mail(subject=subject, to_name=name), Mailbox("a@b.example", sender_name)).content
    assert_wire_format(content)
    assert content.isascii()
    raw = raw_headers(content)
    assert [*raw] == [*HEADER_NAMES, "Content-Transfer-Encoding"]
    assert decoded(raw["Subject"]) == subject
    for field, address, expected in (("To", "jane@example.org", name), ("From", "a@b.example", sender_name)):
        phrase = raw[field].removesuffix(f"<{address}>") if expected else ""
        assert unquoted(phrase) == expected
    assert all(
        len(line) <= 78 for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n") if b"=?utf-8?" in line
    )


def unquoted(phrase: str) -> str:
    phrase = phrase.strip()
    if phrase.startswith('"'):
        return re.sub(r"\\(.)", r"\1", phrase[1:-1])
    return decoded(phrase)


@given(subject=header_texts, name=names)
def test_the_modern_parser_sees_one_mailbox_and_no_defect(subject: str, name: str) -> None:
    parsed = parse(mail(subject=subject, to_name=name))
    assert [address.addr_spec for address in parsed["To"].addresses] == ["jane@example.org"]
    assert [address.addr_spec for address in parsed["From"].addresses] == [SENDER.address]
    # Between the encoded words of a phrase this parser leaves the space that RFC 2047 §6.2 wants gone; that the name is
    # exact is held against the other parser above.
    assert _without_spaces(parsed["To"].addresses[0].display_name) == _without_spaces(name)


def _without_spaces(text: str) -> str:
    return "".join(text.split())


@given(
    field=st.sampled_from(["subject", "to_name", "to_address", "message_id", "sender", "reply_to", "extra"]),
    breaker=st.sampled_from(["\r", "\n", "\r\n", "\0"]),
    before=st.text(st.sampled_from("ab é"), max_size=5),
    after=st.text(st.sampled_from("ab:\tBcc"), max_size=5),
)
def test_a_line_break_in_any_header_is_refused(field: str, breaker: str, before: str, after: str) -> None:
    evil = before + breaker + after
    by_field: dict[str, dict[str, Any]] = {
        "reply_to": {"reply_to": (Mailbox("a@b.example", evil),)},
        "extra": {"headers": {"List-Id": evil}},
        "to_address": {"to_address": f"jane{evil}@example.org"},
        "sender": {},
    }
    changes = by_field.get(field, {field: evil})
    sender = Mailbox("a@b.example", evil) if field == "sender" else SENDER
    with pytest.raises(UnsendableMessage) as caught:
        mime.build(mail(**changes), sender)
    assert caught.value.code in {"header_injection", "bad_address", "bad_message_id"}
    assert "jane" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "", "jane", "@example.org", "jane@", "a b@example.org", "a@b@example.org", "<jane@example.org>",
        "jane@example.org, joe@example.org", "jane>@example.org", "jane@exa mple.org", "jane@example..org",
        ".jane@example.org", "jane.@example.org", "jane@example.org> SIZE=1", '"jane@example.org',
        "jane\u2028@example.org", "jane\u200b@example.org", "x" * 65 + "@example.org", "jane@" + "x" * 64 + ".org",
        "jane@" + "abc." * 80 + "org", "jane@\ud800.org", "jane@☃-.org",
    ],
)  # fmt: skip
def test_malformed_addresses_are_refused(address: str) -> None:
    with pytest.raises(UnsendableMessage) as caught:
        mime.build(mail(to_address=address), SENDER)
    assert caught.value.code == "bad_address"


@pytest.mark.parametrize(
    ("address", "on_the_wire", "needs_smtputf8"),
    [
        ("jane@example.org", "jane@example.org", False),
        ("Jane.O'Hara+x@Example.org", "Jane.O'Hara+x@example.org", False),
        ("jane@bücher.example", "jane@xn--bcher-kva.example", False),
        ("jané@bücher.example", "jané@xn--bcher-kva.example", True),
        ("jane@localhost", "jane@localhost", False),
    ],
)
def test_addresses(address: str, on_the_wire: str, needs_smtputf8: bool) -> None:
    built = mime.build(mail(to_address=address), SENDER)
    assert built.envelope_to == on_the_wire
    assert built.needs_smtputf8 is needs_smtputf8
    assert f"To: Jane Doe <{on_the_wire}>\r\n".encode() in built.content
    assert built.content.isascii() is not needs_smtputf8


@pytest.mark.parametrize("role", ["sender", "reply_to"])
def test_any_non_ascii_local_part_needs_smtputf8(role: str) -> None:
    other = Mailbox("jörg@bücher.example", "Jörg")
    built = mime.build(mail(reply_to=(other,)), SENDER) if role == "reply_to" else mime.build(PLAIN, other)
    assert built.needs_smtputf8
    assert "jörg@xn--bcher-kva.example".encode() in built.content


def test_an_idna_reply_to_needs_no_smtputf8() -> None:
    built = mime.build(mail(reply_to=(Mailbox("joerg@bücher.example"),)), SENDER)
    assert not built.needs_smtputf8
    assert b"\r\nReply-To: joerg@xn--bcher-kva.example\r\n" in built.content


def test_date_and_message_id() -> None:
    date = datetime(2026, 3, 29, 2, 30, 1, 999999, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    parsed = parse(mail(date=date))
    assert parsed["Date"] == "Sun, 29 Mar 2026 02:30:01 +0545"
    assert parsed["Message-ID"] == PLAIN.message_id
    with pytest.raises(ValueError, match="aware"):
        mime.build(mail(date=date.replace(tzinfo=None)), SENDER)


@pytest.mark.parametrize(
    "message_id", ["", "a@b", "<a>", "<a@b", "<a b@c>", "<a@b>x", "<é@b>", f"<{'x' * 1000}@b>"]
)
def test_malformed_message_ids_are_refused(message_id: str) -> None:
    with pytest.raises(UnsendableMessage) as caught:
        mime.build(mail(message_id=message_id), SENDER)
    assert caught.value.code in {"bad_message_id", "header_too_long"}


def test_extra_headers_are_carried_and_folded() -> None:
    extra = {
        "List-Unsubscribe": f"<https://hermodr.example/u/{'t' * 300}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "References": " ".join(f"<{number}@hermodr.example>" for number in range(40)),
    }
    content = mime.build(mail(headers=extra), SENDER).content
    assert_wire_format(content)
    raw = raw_headers(content)
    assert {name: re.sub(r"\r?\n", "", raw[name]).strip() for name in extra} == extra


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("Bcc", "jane@example.org", "header_not_allowed"),
        ("Content-Type", "text/html", "header_not_allowed"),
        ("reply-to", "jane@example.org", "header_not_allowed"),
        ("X-", "7", "header_not_allowed"),
        ("X-Evil\r\nBcc", "x", "header_not_allowed"),
        ("List-Id", "Ünïcödé", "bad_header_value"),
        ("List-Id", "", "bad_header_value"),
        ("List-Id", " x", "bad_header_value"),
        ("List-Unsubscribe", f"<https://x.example/{'x' * 1000}>", "header_too_long"),
    ],
)
def test_other_extra_headers_are_refused(name: str, value: str, code: str) -> None:
    with pytest.raises(UnsendableMessage) as caught:
        mime.build(mail(headers={name: value}), SENDER)
    assert caught.value.code == code


@pytest.mark.parametrize("field", ["subject", "to_name", "text", "html"])
def test_lone_surrogates_are_refused(field: str) -> None:
    with pytest.raises(UnsendableMessage) as caught:
        mime.build(mail(**{field: "\ud800"}), SENDER)
    assert caught.value.code == "unencodable"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "7bit"),
        ("x" * 999, "quoted-printable"),
        ("mostly ASCII, with one é", "quoted-printable"),
        ("nul \0", "quoted-printable"),
        ("Καλημέρα κόσμε", "base64"),
    ],
)
def test_the_leanest_encoding_is_chosen(text: str, encoding: str) -> None:
    assert parse(mail(text=text))["Content-Transfer-Encoding"] == encoding


@given(
    st.lists(
        st.sampled_from(["=", "==", "3D", "x", " ", "\t", "\n", ".", "é", "x" * 71, "x" * 74]), max_size=40
    )
)
@example(["x" * 74, " ", "\n"])
@example(["é", "x" * 71, "\t", "\n"])
def test_long_lines_are_broken_between_what_is_encoded(pieces: list[str]) -> None:
    html = "".join(pieces) + "y" * 999
    message = mail(html=html)
    assert body(parse(message), "html") == sent(html)
    encoded = mime.build(message, SENDER).content.partition(b"quoted-printable\r\n\r\n")[2]
    lines = encoded.partition(b"\r\n--=_")[0].split(b"\r\n")
    assert max(map(len, lines)) <= 76
    assert not [line for line in lines if line.endswith((b" ", b"\t"))]


def test_the_same_mail_has_the_same_octets() -> None:
    message = mail(html="<p>x</p>")
    assert mime.build(message, SENDER) == mime.build(message, SENDER)


def boundary_of(text: str, html: str) -> str:
    return str(parse(mail(text=text, html=html)).get_boundary())


def test_no_text_is_taken_for_a_boundary() -> None:
    known = boundary_of("hi", "<p>hi</p>")
    assert boundary_of("another", "<p>text</p>") == known, "it takes no longer than a Message-ID"
    text, html = f"--{known}\n--{known}--\n", f"<p>{known}</p>\n"
    for parts in ((text, "<p>hi</p>\n"), ("hi\n", html), (text, html)):
        message = mail(text=parts[0], html=parts[1])
        parsed = parse(message)
        assert (body(parsed, "plain"), body(parsed, "html")) == (sent(parts[0]), sent(parts[1]))
        assert mime.build(message, SENDER) == mime.build(message, SENDER)
        again = str(parsed.get_boundary())
        following = mail(text=parts[0] + again, html=parts[1])
        assert body(parse(following), "plain") == sent(parts[0] + again)


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"--=_hermodr_{n}\n" for n in range(60_000)),
        "--=_" * 260_000,
        "=" * 1_000_000,
        "= \n" * 350_000,
        " \n" * 500_000,
        "é " * 330_000,
        "a" * 997 + " é\t\n" * 250_000,
        "漢" * 330_000,
        "\r" * 1_000_000,
    ],
    ids=["numbered", "dashes", "equals", "equals and space", "spaces", "some", "tabs", "all", "returns"],
)
def test_a_mail_of_a_megabyte_holds_nobody_up(text: str) -> None:
    """Ten times as long as it takes on an idle machine is a limit that tells the linear from the quadratic."""
    message = mail(text=text, html=text)
    began = time.thread_time()
    mime.build(message, SENDER)
    assert time.thread_time() - began < 1
