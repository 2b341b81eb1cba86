"""Searching: what is read ahead finds what is read on the spot, and ten thousand mails are not read again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from hermodr_sandbox.domain import search
from hermodr_sandbox.domain.mail import Client, Mail
from hermodr_sandbox.domain.search import LARGEST_PREPARED, Query, prepare
from hermodr_sandbox.service import Sandbox
from hermodr_servicekit.clock import SystemClock
from tests.support.waiting import wait_until

CLIENT = Client("127.0.0.1", "client.example", tls=False)


def source(number: int = 1, cte: str = "quoted-printable", size: int = 0) -> bytes:
    message = EmailMessage()
    message["From"] = "Grüße aus Köln <team@example.org>"
    message["To"] = "Ada <ada@example.com>"
    message["Subject"] = f"Zimmer {number} für dich"
    message.set_content(f"Hällo, STRASSE {number}" + "x" * size, cte=cte)
    message.add_alternative(f"<p>Tom &amp; <b>J</b>erry</p><p>Nr. {number}</p>", subtype="html", cte=cte)
    return message.as_bytes()


def mail(number: int = 1, cte: str = "quoted-printable", size: int = 0) -> Mail:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return Mail(
        number, at, "env@example.org", (f"ada{number}@example.com",), source(number, cte, size), "", CLIENT
    )


def sandbox(mails: int = 0) -> Sandbox:
    made = Sandbox.build(SystemClock(), max_mails=20_000, max_bytes=10**9, address_tags=False)
    for number in range(1, mails + 1):
        made.accept("env@example.org", (f"ada{number}@example.com",), source(number), CLIENT)
    return made


@pytest.mark.parametrize("cte", ["quoted-printable", "base64", "8bit"])
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ADA1@", True),
        ("env@example", True),
        ("zimmer 1 FÜR", True),
        ("grüße aus", True),
        ("straße 1", True),
        ("tom & jerry", True),
        ("nr. 1", True),
        ("jerry\nnr", True),
        ("nr. 2", False),
        ("<b>", False),
        ("dich\0grüße", False),
        ("strasse 1tom", False),
    ],
)
def test_what_is_read_ahead_is_what_a_search_reads(cte: str, words: str, found: bool) -> None:
    ahead = mail(cte=cte)
    assert prepare(ahead)
    assert not prepare(ahead)
    query = Query(words=words)
    assert (query.matches(mail(cte=cte)), query.matches(ahead)) == (found, found)


@pytest.mark.parametrize(("subject", "found"), [("ZIMMER", True), ("für dich", True), ("fur", False)])
def test_subjects(subject: str, found: bool) -> None:
    ahead = mail()
    prepare(ahead)
    assert [Query(subject=subject).matches(each) for each in (mail(), ahead)] == [found, found]


async def test_a_search_in_mails_read_ahead_reads_none(monkeypatch: pytest.MonkeyPatch) -> None:
    made = sandbox(mails=30)
    reading = asyncio.create_task(made.prepare_searches())
    await wait_until(lambda: all(each.notes.body is not None for each in made.mailbox.newest_first()))
    made.accept("env@example.org", ("late@example.com",), source(31), CLIENT)
    await wait_until(lambda: all(each.notes.body is not None for each in made.mailbox.newest_first()))
    reading.cancel()
    for name in ("parse", "text_of_html", "display_header"):
        monkeypatch.delattr(search, name)
    found = await made.find(Query(words="nr. 31"), limit=50, before=None)
    assert [each.number for each in found.mails] == [31]
    assert (await made.find(Query(subject="zimmer 7"), limit=50, before=None)).mails[0].number == 7


async def test_huge_mails_are_read_by_searches_alone() -> None:
    huge = mail(size=LARGEST_PREPARED)
    assert not prepare(huge)
    assert Query(words="nr. 1").matches(huge)
