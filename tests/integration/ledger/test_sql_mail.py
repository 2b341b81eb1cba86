"""What requests in SQL say about their mail, by the rules of every other door."""

import json
import re
from typing import Any

import pytest

from hermodr_contracts import mail_headers
from hermodr_contracts.addresses import mailbox
from tests.support.psql import Psql, Refused
from tests.support.sql_house import House

SHOP = "SET hermodr.project = 'shop'"
SAYS = """'{"subject": "Hello", "body": "you"}'"""


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def queued(**fields: str) -> str:
    said = "".join(f", {name} => {value}" for name, value in fields.items())
    return f"SELECT hermodr.queue_notification('note', 'ann@example.com', {SAYS}{said})"


def envelope(admin: Psql, job_id: str) -> Any:
    return json.loads(admin.one(f"SELECT coalesce(envelope, 'null') FROM hermodr.jobs WHERE id = '{job_id}'"))


def refusal(producer: Psql, *statements: str) -> str | None:
    try:
        producer.ask(SHOP, *statements)
    except Refused as refused:
        return str(refused).splitlines()[0]
    return None


def test_a_request_says_what_it_wants_of_its_mail(producer: Psql, house: House, admin: Psql) -> None:
    fields = {
        "mail_from": "'Shop & Söhne <shop@Example.com>'",
        "reply_to": "'Help@EXAMPLE.com'",
        "cc": "ARRAY['max@example.com', 'eva@bücher.example']",
        "bcc": "ARRAY['archive@example.com']",
        "headers": """'{"X-Order": "4711", "in-reply-to": "<1@example.com>"}'""",
    }
    for call in (queued(**fields), house.enqueue(**fields), house.enqueue(delivery_method="NULL", **fields)):
        assert envelope(admin, producer.one(SHOP, call)) == {
            "from": "Shop & Söhne <shop@Example.com>",
            "reply_to": ["Help@example.com"],
            "cc": ["max@example.com", "eva@bücher.example"],
            "bcc": ["archive@example.com"],
            "headers": {"X-Order": "4711", "In-Reply-To": "<1@example.com>"},
        }


def test_what_says_nothing_is_nothing(producer: Psql, house: House, admin: Psql) -> None:
    nothing = {"cc": "'{}'", "bcc": "NULL", "headers": "'{}'"}
    for call in (queued(), queued(**nothing), house.enqueue(delivery_method="'sms'", **nothing)):
        assert envelope(admin, producer.one(SHOP, call)) is None


def test_old_calls_by_place_mean_the_same(producer: Psql, house: House, admin: Psql) -> None:
    ada = house.ids["shop"]["ada"]
    calls = (
        f"enqueue_notification_job('{ada}', NULL, NULL, 'note', 'normal', 'email', {SAYS}, 0)",
        f"enqueue_notification_job('{ada}', NULL, NULL, 'note', NULL, 'email', {SAYS}, 0, NULL, 'low', NULL, NULL,"
        " '{\"a\": 1}', 'key-1', 'cancel-1', 3)",
        f"queue_notification('note', 'ann@example.com', {SAYS})",
        f"queue_notification('note', 'ann@example.com', {SAYS}, NULL, 'low', NULL, NULL, '{{\"a\": 1}}', 'key-2',"
        " 'cancel-1', 3)",
    )
    for call in calls:
        assert envelope(admin, producer.one(SHOP, f"SELECT hermodr.{call}")) is None


def test_a_key_is_of_one_mail(producer: Psql, house: House, admin: Psql) -> None:
    key = {"idempotency_key": "'mail-1'"}
    first = producer.one(SHOP, queued(cc="ARRAY['max@example.com']", **key))
    assert producer.one(SHOP, queued(cc="ARRAY['max@EXAMPLE.com']", **key)) == first
    for other in ({"cc": "ARRAY['eva@example.com']"}, {"bcc": "ARRAY['max@example.com']"}, {}):
        said = refusal(producer, queued(**other, **key))
        assert said is not None
        assert "idempotency_key: was used for another request" in said


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"mail_from": "'nobody'"}, "mail_from: is not an email address"),
        ({"mail_from": "''"}, "mail_from: is not an address or Name <address>"),
        ({"mail_from": "'a, b <a@example.com>'"}, "mail_from: is not an address or Name <address>"),
        ({"mail_from": "E'a\\nb <a@example.com>'"}, "mail_from: must be a single line"),
        ({"mail_from": "repeat('a', 550) || '<a@example.com>'"}, "mail_from: must have at most 560 characters"),
        ({"reply_to": "'nobody'"}, "reply_to: is not an email address"),
        ({"reply_to": "'A <a@example.com>'"}, "reply_to: is not an email address"),
        ({"reply_to": "''"}, "reply_to: is missing"),
        ({"cc": "ARRAY['a@example.com', 'secret@']"}, "cc[2]: is not an email address"),
        ({"cc": "ARRAY['a@example.com', NULL]"}, "cc[2]: is missing"),
        ({"bcc": "ARRAY['a@example.com, b@example.com']"}, "bcc[1]: is not an email address"),
        ({"bcc": "ARRAY[E'a@example.com\\r\\nX-A: 1']"}, "bcc[1]: is not an email address"),
        (
            {"cc": "array_fill('a@example.com'::text, '{30}')", "bcc": "array_fill('b@example.com'::text, '{21}')"},
            "bcc: reply_to, cc and bcc have at most 50 addresses together",
        ),
        (
            {"reply_to": "'a@example.com'", "cc": "array_fill('a@example.com'::text, '{50}')"},
            "cc: reply_to, cc and bcc have at most 50 addresses together",
        ),
        ({"headers": "'[]'"}, "headers: must be a JSON object of texts"),
        ({"headers": "'null'"}, "headers: must be a JSON object of texts"),
        ({"headers": """'{"X-A": 1}'"""}, "headers: must be a JSON object of texts"),
        ({"headers": """'{"X-A": ["1"]}'"""}, "headers: must be a JSON object of texts"),
        ({"headers": """'{"Bcc": "a@example.com"}'"""}, "headers: Bcc is not a header that a mail may be given"),
    ],
)  # fmt: skip
def test_a_bad_argument_is_named(
    producer: Psql, house: House, admin: Psql, fields: dict[str, str], says: str
) -> None:
    before = admin.one("SELECT count(*) FROM hermodr.jobs")
    for call in (queued(**fields), house.enqueue(**fields)):
        said = refusal(producer, call)
        assert said is not None
        assert f"ERROR:  {says}" in said
        assert not re.search("secret|@ex", said)
    assert admin.one("SELECT count(*) FROM hermodr.jobs") == before


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"mail_from": "'a@example.com'"}, "mail_from"),
        ({"reply_to": "'a@example.com'"}, "reply_to"),
        ({"cc": "ARRAY['a@example.com']"}, "cc"),
        ({"headers": """'{"X-A": "1"}'"""}, "headers"),
    ],
)
def test_what_cannot_become_a_mail_has_no_such_fields(
    producer: Psql, house: House, fields: dict[str, str], named: str
) -> None:
    said = refusal(producer, house.enqueue(delivery_method="'in_app'", **fields))
    assert said is not None
    assert f"{named}: goes with a mail, and this cannot become one" in said


_LONG = "a" * (998 - len("X-A") - 2)
HEADERS: list[dict[str, str]] = [
    {"X-A": "1", "List-Id": "<news.example.com>", "REFERENCES": "<1@a> <2@a>"},
    {"X-A": "1", "x-a": "2"},
    *({name: "1"} for name in ("X-", "X-A-", "X--A", "X-A_B", "List-", "Subject", "bcc", "X-A:", "x-9", "X-A\n")),
    *({name: "1"} for name in ("List-Unsubscribe", "list-unsubscribe-POST", "X-Hermodr", "x-hermodr-a", "X-Hermodrs")),
    *({name: "1"} for name in ("X-SMTPAPI", "x-sg-eid", "X-PM-Bcc", "x-msys-api", "X-MCA", "X-SGA")),
    *({name: "1"} for name in ("X-\u017f", "X-\u212a", "Li\u017ft-A", "X-é", "")),
    *({"X-A": value} for value in ("", " a", "a ", "a  b", "a\tb", "a\r\nBcc: b", "\u00e9", "a b~!", "it's", "\x7f")),
    {"X-A": _LONG},
    {"X-A": _LONG + "a"},
    {"X-" + "a" * (mail_headers.LONGEST_NAME - 2): "1"},
    {"X-" + "a" * (mail_headers.LONGEST_NAME - 1): "1"},
    {f"X-{n}": "1" for n in range(mail_headers.MOST_HEADERS)},
    {f"X-{n}": "1" for n in range(mail_headers.MOST_HEADERS + 1)},
    {"X-A": " ".join(["a" * 99] * 79) + " " + "b" * 97},
    {"X-A": " ".join(["a" * 99] * 79) + " " + "b" * 98},
]  # fmt: skip


@pytest.mark.parametrize("headers", HEADERS, ids=lambda each: repr(each)[:40])
def test_headers_have_one_rule_at_every_door(
    producer: Psql, admin: Psql, house: House, headers: dict[str, str]
) -> None:
    flaws = list(mail_headers.flaws(headers))
    said = refusal(producer, queued(headers=quoted(json.dumps(headers))))
    assert (said is None) == (not flaws), (said, flaws)
    assert said is None or "headers: " in said


MAILBOXES = (
    "a@example.com", "<a@example.com>", " A <a@example.com> ", '"A, B" <a@example.com>', '"A \\" B" <a@example.com>',
    "A B <a@example.com>", "A. B! <a@example.com>", "Café 🎂 <a@example.com>", "A@B <a@example.com>",
    '"A <a@example.com>', "=?utf-8?q?a?= <a@example.com>", "A <a@example.com> B", "A <b <a@example.com>", "A <>",
    '"\u202eA" <a@example.com>',
    '" " <a@example.com>', "a@example.com, b@example.com", "A\tB <a@example.com>", "a@-x.example",
    "A <a b@example.com>",
)  # fmt: skip


@pytest.mark.parametrize("given", MAILBOXES)
def test_senders_are_read_as_everywhere(producer: Psql, admin: Psql, house: House, given: str) -> None:
    try:
        mailbox(given)
        right = True
    except ValueError:
        right = False
    said = refusal(producer, queued(mail_from=quoted(given)))
    assert (said is None) == right, said
    assert said is None or "ERROR:  mail_from: " in said
