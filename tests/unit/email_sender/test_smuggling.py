"""SMTP smuggling: no mail may hold what some server takes for the end of it (a dot between bare line breaks)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_email_sender import mime
from hermodr_email_sender.domain import Mailbox
from hermodr_email_sender.errors import UnsendableMessage
from tests.support.mails import PLAIN, SENDER, mail
from tests.support.scripted_smtp import ScriptedSmtp
from tests.support.smtp_providers import BOTH_WAYS, provider

BREAKS = ["\r\n", "\n", "\r", "\n\r", "\r\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029", "\0"]
ENDS = [f"{before}.{after}" for before in BREAKS for after in BREAKS]
SECOND_MAIL = (
    "MAIL FROM:<boss@hermodr.example>\r\nRCPT TO:<bank@example.org>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n"
)
BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")

pieces = st.lists(
    st.sampled_from([*BREAKS, ".", "..", "a", "=", " ", "é", "x" * 70, "x" * 990]), max_size=40
).map("".join)


@given(text=pieces, html=st.none() | pieces)
def test_lines_end_with_crlf_and_nothing_else(text: str, html: str | None) -> None:
    assert not BARE.search(mime.build(mail(text=text, html=html), SENDER).content)


@pytest.mark.parametrize("end", ENDS, ids=ascii)
def test_no_body_ends_a_mail(end: str) -> None:
    built = mime.build(mail(text=f"a{end}{SECOND_MAIL}", html=f"<p>a{end}{SECOND_MAIL}</p>"), SENDER)
    assert not BARE.search(built.content)


@BOTH_WAYS
@pytest.mark.parametrize("way", [(), ("CHUNKING",)], ids=["DATA", "BDAT"])
async def test_a_server_sees_one_mail_for_each(extensions: tuple[str, ...], way: tuple[str, ...]) -> None:
    texts = [f"a{end}{SECOND_MAIL}" for end in ENDS]
    async with ScriptedSmtp(extensions=(*extensions, *way)).running() as server, provider(server) as sender:
        for text in texts:
            await sender.prepare(mail(text=text))()
    assert len(server.mails) == len(texts)
    assert {received.rcpt for received in server.mails} == {"RCPT TO:<jane@example.org>"}


@pytest.mark.parametrize("end", BREAKS, ids=ascii)
@pytest.mark.parametrize("place", ["to_address", "sender", "subject", "to_name"])
def test_no_line_break_gets_into_an_envelope_or_a_header(place: str, end: str) -> None:
    hostile: dict[str, Any] = {
        "to_address": f"jane@example.org>{end}RCPT TO:<bank@example.org",
        "sender": Mailbox(f"me@hermodr.example>{end}RCPT TO:<bank@example.org"),
        "subject": f"Hello{end}Bcc: bank@example.org",
        "to_name": f"Jane{end}Bcc: bank@example.org",
    }
    changed = PLAIN._replace(**{place: hostile[place]})
    try:
        built = mime.build(changed, changed.sender or SENDER)
    except UnsendableMessage:
        return
    assert place in ("subject", "to_name"), "an envelope is refused"
    assert not re.search(rb"(?m)^(?:Bcc|RCPT)", built.content)
    assert not BARE.search(built.content)
