"""The story of a message: a sentence for every kind of event there is, in words of the field."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermodr_api.console.story import SENTENCES, told
from hermodr_api.jobs.models import TimelineEntry
from hermodr_contracts.vocabulary import DeliveryState, JobState
from hermodr_ledger.deliveries.receipts import REPORTED
from hermodr_ledger.jobs.asking import ASKED_BY_USER
from hermodr_ledger.tasks.dependencies import DEPENDENCY_FAILED

ROOT = Path(__file__).resolve().parents[4]
SOURCES = [
    text
    for folder in (*ROOT.glob("libs/*/src"), *ROOT.glob("services/*/src"))
    for path in folder.rglob("*")
    if path.suffix in (".py", ".sql") and "migrations" not in path.parts
    for text in [path.read_text()]
]
OF_PARAMETERS = {ASKED_BY_USER, REPORTED, DEPENDENCY_FAILED}
"""Kinds that SQL gets as an argument."""
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)


def written() -> Iterator[str]:
    """The words that stand where a kind is written; `$` for each that is an argument."""
    for text in SOURCES:
        yield from re.findall(r'\bNote\(\s*"(\w+)"', text)
        for columns, statement in _INSERTED.findall(text):
            nth = [each.strip() for each in columns.split(",")].index("kind")
            for row in re.findall(r"(?:^|UNION ALL\s+)SELECT (.*?)\bFROM\b", statement, re.DOTALL):
                kind = _split(row)[nth]
                yield from re.findall(r"'(\w+)'", kind) or ["$"]


_INSERTED = re.compile(
    r"""INSERT INTO hermodr\.events \(([^)]*)\)\s+(SELECT .*?)(?:\n\s*\)|\"{3}|",\n|\Z)""", re.DOTALL
)


def _split(row: str) -> list[str]:
    """Its expressions: commas within parentheses do not count."""
    parts, depth = [""], 0
    for each in row:
        depth += (each == "(") - (each == ")")
        if each == "," and not depth:
            parts.append("")
        else:
            parts[-1] += each
    return parts


def test_every_kind_of_event_has_a_sentence() -> None:
    kinds = list(written())
    of_notes = 1  # `decide.sql` writes them
    assert kinds.count("$") == len(OF_PARAMETERS) + of_notes, (
        "one more is an argument: name it in OF_PARAMETERS"
    )
    composed = {
        "requested",
        "scheduled",
        "attempted",
        "began",
        "inbox_read",
        "inbox_archived",
        "inbox_deleted",
    }
    ended = {JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.SKIPPED}
    deliveries = {f"delivery_{state}" for state in DeliveryState}
    known = ({*kinds} - {"$"}) | OF_PARAMETERS | composed | ended | deliveries
    assert {"deferred", "not_sent", "waits_in_window", "sent_with", "gathered", "handed_back"} <= known
    assert known - {ASKED_BY_USER} - set(SENTENCES) == set()


@pytest.mark.parametrize(
    ("event", "detail", "says"),
    [
        (
            "deferred",
            {"reason": "quiet_hours", "until": "2026-11-30T07:00:00Z", "timezone": "Europe/Vienna"},
            "Held until 2026-11-30 07:00:00 UTC: the recipient has quiet hours in Europe/Vienna",
        ),
        (
            "deferred",
            {
                "reason": "cap",
                "until": "2026-12-01T07:00:00Z",
                "cap": {"of": "recipient", "max": 3, "per": "1d"},
            },
            "Held until 2026-12-01 07:00:00 UTC: the recipient has got as many as they may, 3 in a day by their own "
            "wish",
        ),
        (
            "not_sent",
            {"reason": "capped", "cap": {"of": "project", "max": 2, "per": "12h"}},
            "Not sent: the recipient has got as many as they may, 2 in 12h by the project's rule",
        ),
        (
            "not_sent",
            {"channel": "email", "reason": "suppressed", "suppression": "bounce"},
            "Not sent by email: the address is suppressed: a message to it bounced",
        ),
        ("not_sent", {"channel": "sms", "reason": "read"}, "Not sent by text: it was read before"),
        ("not_sent", {"channel": "sms", "reason": "of_a_new_kind"}, "Not sent by text: of a new kind"),
        (
            "waits_for_look",
            {"channel": "sms", "until": "2026-11-30T09:05:00.123456Z", "unless": "read"},
            "Next by text at 2026-11-30 09:05:00 UTC, unless it was read by then",
        ),
        (
            "waits_in_window",
            {"reason": "cap", "until": "2026-11-30T10:00:00.000000Z", "key": ""},
            "Held for others like it, until 2026-11-30 10:00:00 UTC at the latest: the recipient has got as many as "
            "they may",
        ),
        ("gathered", {"total": 7, "items": 7}, "Made of 7 that were held"),
        ("gathered", {"total": 700, "items": 100}, "Made of 700 that were held, 100 of them told one by one"),
        (
            "attempted",
            {"number": 2, "provider": "smtp", "outcome": "unknown", "code": "lease_expired"},
            "Attempt 2 by smtp: nobody knows whether it arrived (lease_expired)",
        ),
        (
            "attempted",
            {"number": 1, "provider": "ses", "outcome": "unknown", "code": "ses_500", "resolved_as": "sent"},
            "Attempt 1 by ses: no answer came (ses_500); it turned out that the provider had accepted it",
        ),
        (
            "attempted",
            {"number": 3, "outcome": "unknown", "code": "held"},
            "Attempt 3: held, as an earlier one may have arrived and nobody can say",
        ),
        (
            "delivery_unknown",
            {"channel": "email"},
            "Email: nobody knows whether it arrived, and it is not sent again by itself",
        ),
        (
            "reported",
            {"kind": "opened", "provider": "ses", "automatic": True},
            "ses reports: it was opened, perhaps by a program",
        ),
        (
            "retry_requested",
            {"by": "key", "was": "failed"},
            "Asked for again by an API key, after it was failed",
        ),
        ("cancel_requested", {"by": "user"}, "Cancellation asked for by an end user"),
        ("failed", {"error": "template_missing"}, "Failed: there is no template of that name"),
        ("from_sql", {"channel": "email"}, "From sql (email)"),
    ],
)
def test_it_is_told_in_words(event: str, detail: dict[str, object], says: str) -> None:
    (line,) = told([TimelineEntry(at=NOW, event=event, detail=detail)])
    assert line.says == says


def test_sentences_bear_details_that_are_not_there() -> None:
    for event in SENTENCES:
        (line,) = told([TimelineEntry(at=NOW, event=event, detail={})])
        assert line.says
        assert "None" not in line.says, event


def test_times_count_from_the_first_line() -> None:
    later = TimelineEntry(at=NOW + timedelta(seconds=2), event="completed", detail={})
    assert [each.since for each in told([TimelineEntry(at=NOW, event="requested", detail={}), later])] == [
        0,
        2000,
    ]
