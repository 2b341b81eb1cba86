"""Copies and files of a mail: what goes in comes out of the standard library's parser."""

from __future__ import annotations

import email
import email.message
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_email_sender import mime
from hermodr_email_sender.domain import Attachment, Mailbox
from hermodr_email_sender.errors import UnsendableMessage
from tests.support.mails import SENDER, mail

LOGO = Attachment("logo.png", "image/png", b"\x89PNG\r\n", "logo")
INVOICE = Attachment("Rechnung Nr. 7.pdf", "application/pdf", b"%PDF-1.4\r\n.\r\n" * 500)
INVITATION = Attachment("meet.ics", 'text/calendar; method=REQUEST; charset="utf-8"', b"BEGIN:VCALENDAR")


def parsed(**changes: object) -> email.message.EmailMessage:
    content = mime.build(mail(**changes), SENDER).content
    assert max(map(len, content.split(b"\r\n"))) <= 998
    found = email.message_from_bytes(content, policy=email.policy.SMTP)
    assert isinstance(found, email.message.EmailMessage)
    assert not [each.defects for each in found.walk() if each.defects]
    return found


def shape(part: email.message.Message) -> object:
    if not part.is_multipart():
        return part.get_content_type()
    return part.get_content_type(), [shape(each) for each in part.get_payload()]  # type: ignore[arg-type]


ALTERNATIVE = ("multipart/alternative", ["text/plain", "text/html"])
WITH_LOGO = ("multipart/alternative", ["text/plain", ("multipart/related", ["text/html", "image/png"])])


@pytest.mark.parametrize(
    ("html", "files", "expected"),
    [
        (None, (INVOICE,), ("multipart/mixed", ["text/plain", "application/pdf"])),
        ("<p>", (INVOICE,), ("multipart/mixed", [ALTERNATIVE, "application/pdf"])),
        ("<p>", (LOGO,), WITH_LOGO),
        (
            "<p>",
            (LOGO, INVOICE, INVITATION),
            ("multipart/mixed", [WITH_LOGO, "application/pdf", "text/calendar"]),
        ),
        (None, (LOGO,), ("multipart/mixed", ["text/plain", "image/png"])),
    ],
)
def test_parts_stand_where_readers_look_for_them(
    html: str | None, files: tuple[Attachment, ...], expected: object
) -> None:
    found = parsed(html=html, attachments=files)
    assert shape(found) == expected
    leaves = {each.get_filename(): each for each in found.walk() if each.get_filename()}
    for file in files:
        part = leaves[file.filename]
        assert part.get_payload(decode=True) == file.content
        assert part["Content-ID"] == (f"<{file.content_id}>" if file.content_id else None)
        inline = file.content_id is not None and html is not None
        assert part.get_content_disposition() == ("inline" if inline else "attachment")
    if INVITATION in files:
        assert leaves["meet.ics"].get_param("method") == "REQUEST"


@given(
    name=st.text(
        st.sampled_from("ab .;\"'%*=?é漢😀()<>@,:[]{}") | st.characters(categories=["L", "N"]),
        min_size=1,
        max_size=200,
    ).filter(lambda name: name.isprintable() and name == name.strip() and name not in (".", ".."))
)
def test_a_file_name_comes_out_as_it_went_in(name: str) -> None:
    """The parser of the test takes off outer spaces."""
    content = mime.build(mail(attachments=(INVOICE._replace(filename=name),)), SENDER).content
    found = email.message_from_bytes(content, policy=email.policy.compat32)
    assert [*found.walk()][-1].get_filename() == name


@pytest.mark.parametrize(
    "bad",
    [
        INVOICE._replace(filename="a\r\nX: y"),
        INVOICE._replace(filename="../etc/passwd"),
        INVOICE._replace(filename=""),
        INVOICE._replace(content_type="pdf"),
        INVOICE._replace(content_type="text/plain\r\nX: y"),
        INVOICE._replace(content_type="message/rfc822"),
        LOGO._replace(content_id="a>\r\nX: y"),
    ],
)
def test_what_a_part_cannot_hold_is_refused(bad: Attachment) -> None:
    with pytest.raises(UnsendableMessage) as caught:
        mime.build(mail(html="<p>", attachments=(bad,)), SENDER)
    assert caught.value.code == "bad_attachment"


def test_a_body_that_holds_the_boundaries_is_told_from_them() -> None:
    first = mime.build(mail(html="<p>", attachments=(LOGO, INVOICE)), SENDER).content
    boundaries = [line[2:] for line in first.split(b"\r\n") if line.startswith(b"--=_")]
    text = "\n".join(f"--{each.decode()}" for each in boundaries)
    found = parsed(text=text, html=text, attachments=(LOGO, INVOICE))
    assert shape(found) == ("multipart/mixed", [WITH_LOGO, "application/pdf"])


def test_blind_copies_stand_nowhere() -> None:
    built = mime.build(
        mail(
            cc=("max@bücher.example", *(f"person-{nth}@example.org" for nth in range(30))),
            bcc=("secret@example.org",),
            reply_to=(Mailbox("help@example.com", "Help"), Mailbox("more@example.com")),
        ),
        SENDER,
    )
    assert built.envelope_to == "jane@example.org"
    assert built.copies_to[0] == "max@xn--bcher-kva.example"
    assert built.copies_to[-1] == "secret@example.org"
    assert b"secret" not in built.content
    assert not built.needs_smtputf8
    found = email.message_from_bytes(built.content, policy=email.policy.SMTP)
    assert [each.addr_spec for each in found["Cc"].addresses] == list(built.copies_to[:-1])
    assert found["Reply-To"] == "help@example.com, more@example.com"
    assert found["Bcc"] is None
    assert max(map(len, built.content.split(b"\r\n"))) <= 78


def test_a_copy_that_needs_smtputf8_says_so() -> None:
    assert mime.build(mail(bcc=("jörg@example.org",)), SENDER).needs_smtputf8


def test_every_mail_says_that_no_person_wrote_it() -> None:
    assert parsed()["Auto-Submitted"] == "auto-generated"
