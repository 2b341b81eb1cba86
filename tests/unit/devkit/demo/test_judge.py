from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hermodr_devkit.demo.client import Accepted
from hermodr_devkit.demo.clockwork import BEYOND, CLOCKWORK, DIGESTED, GATHERED, RECURRING, REMINDED
from hermodr_devkit.demo.desk import ALBUM, DESK, NOTED
from hermodr_devkit.demo.facts import RunFacts, busiest_second, job_facts
from hermodr_devkit.demo.hooks import AGAIN, HOOKS, TOLD
from hermodr_devkit.demo.judge import judge
from hermodr_devkit.demo.scenario import (
    ATTACHED,
    BUSY,
    GONE,
    HURRY,
    KINDS,
    LATER,
    MAGIC,
    NOTICE,
    OFF,
    RETURNED,
    TAKEN,
    TEXTED,
    TWICE,
    WRITTEN,
    Kind,
)
from tests.support.performances import ARRIVED, CROWD_ARRIVED, START, flawless, kind_facts

ALL = (*KINDS, *HOOKS, *CLOCKWORK, *DESK)
PARTS = {"hooks": HOOKS, "clockwork": CLOCKWORK, "desk": DESK}


def spoilt(kind: Kind, **changes: object) -> RunFacts:
    facts = flawless()
    part = next((name for name, kinds in PARTS.items() if kind in kinds), "kinds")
    known = getattr(facts, part)
    spoilt_part: dict[str, Any] = {part: {**known, kind.key: replace(known[kind.key], **changes)}}
    return replace(facts, **spoilt_part)


def test_a_flawless_run_has_no_fault() -> None:
    verdict = judge(ALL, flawless())
    assert list(verdict.wrong) == []
    assert [line.kind for line in verdict.lines] == list(ALL)


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        (spoilt(MAGIC, accepted=19), "accepted: 19/20"),
        (spoilt(MAGIC, arrivals=kind_facts(MAGIC).arrivals[1:]), "exactly once: 19/20"),
        (spoilt(MAGIC, arrivals=[*kind_facts(MAGIC).arrivals, kind_facts(MAGIC).arrivals[0]]), "19/20, 1 repeated"),
        (spoilt(GONE, arrivals=kind_facts(MAGIC).arrivals[:1]), "exactly once: 1/0"),
        (spoilt(NOTICE, states=Counter(completed=40, queued=2)), "jobs: 40 completed, 2 queued; sent, not 42"),
        (spoilt(MAGIC, jobs=[replace(each, attempts=2) for each in kind_facts(MAGIC).jobs]), "attempts: 2/1"),
        (spoilt(MAGIC, jobs=[]), "attempts: ?/1"),
        (spoilt(BUSY, jobs=[replace(kind_facts(BUSY).jobs[0], attempts=1)]), "attempts: 1/3"),
        (spoilt(GONE, jobs=[replace(each, deliveries=("failed",)) for each in kind_facts(GONE).jobs]), "failed, not"),
        (spoilt(TWICE, answers=[Accepted("a", False), Accepted("b", False)]), "2 different jobs"),
        (spoilt(TWICE, answers=[Accepted("a", False), Accepted("a", False)]), "replayed: [False, False]"),
        (spoilt(OFF, reasons=[]), "timeline says: nothing"),
        (spoilt(TAKEN, jobs=[replace(each, steps=1) for each in kind_facts(TAKEN).jobs]), "resend in 1 steps"),
        (spoilt(TAKEN, jobs=[replace(each, providers=("resend",)) for each in kind_facts(TAKEN).jobs]), "by resend in"),
        (spoilt(RETURNED, suppressed=1), "1 addresses suppressed"),
        (spoilt(ATTACHED, files=[]), "files: none"),
        (spoilt(TEXTED, jobs=[replace(each, segments=1) for each in kind_facts(TEXTED).jobs]), "1 segments each"),
        (spoilt(WRITTEN, jobs=[replace(each, sent_as=("text",)) for each in kind_facts(WRITTEN).jobs]), "by text"),
        (spoilt(TOLD, signatures=["valid", "invalid"]), "signatures: invalid, valid"),
        (spoilt(TOLD, signatures=[]), "signatures: none"),
        (spoilt(TOLD, states=Counter(delivered=5, failed=1)), "5 delivered, 1 failed; no delivery, not 6"),
        (spoilt(AGAIN, jobs=[replace(kind_facts(AGAIN).jobs[0], attempts=1)]), "attempts: 1/3"),
        (spoilt(HURRY, arrivals=[]), "never arrived"),
        (spoilt(DIGESTED, gathered=[(10, 2), (10, 2), (12, 0)]), "10 each, 2 kept, 12 each, 0 kept"),
        (spoilt(DIGESTED, gathered=[]), "none"),
        (spoilt(GATHERED, gathered=[(5, 0), (1, 0)]), "5, 1 in one mail"),
        (spoilt(GATHERED, arrivals=kind_facts(MAGIC).arrivals[:2]), "exactly once: 2/1"),
        (spoilt(REMINDED, arrivals=kind_facts(REMINDED).arrivals[:2]), "2 of 4 reminded"),
        (spoilt(BEYOND, reasons=["capped", "capped"]), "timeline says: capped"),
        (spoilt(RECURRING, jobs=kind_facts(RECURRING).jobs[:2]), "mail there"),
        (spoilt(ALBUM, reasons=["0", "10", "completed"]), "seen live: 2 × progress, completed"),
        (spoilt(ALBUM, reasons=["3", "0", "10", "completed"]), "seen live: 3 × progress"),
        (spoilt(ALBUM, reasons=["0", "3", "10", ""]), "no end"),
        (spoilt(NOTED, gathered=[(4, 5)]), "4 unread told live, 5 there"),
        (spoilt(NOTED, arrivals=[]), "exactly once: 0/4"),
        (replace(flawless(), duplicates=2), "2 duplicate mails"),
        (replace(flawless(), dead_letters=1), "1 dead letters"),
        (spoilt(NOTICE, states=Counter(completed=41, processing=1)), "1 stuck jobs"),
    ],
)  # fmt: skip
def test_every_fault_is_named(facts: RunFacts, named: str) -> None:
    assert any(named in wrong for wrong in judge(ALL, facts).wrong)


def test_an_early_mail_breaks_its_promise() -> None:
    early = [replace(mail, at=START - timedelta(milliseconds=1)) for mail in kind_facts(LATER).arrivals]
    assert any("20 early" in wrong for wrong in judge(ALL, spoilt(LATER, arrivals=early)).wrong)


def test_a_late_mail_breaks_its_promise() -> None:
    late = [replace(mail, at=START + timedelta(seconds=2)) for mail in kind_facts(LATER).arrivals]
    assert any("2000 ms late" in wrong for wrong in judge(ALL, spoilt(LATER, arrivals=late)).wrong)


def test_an_urgent_mail_has_to_overtake_most_of_the_crowd() -> None:
    last = [replace(mail, at=CROWD_ARRIVED + timedelta(seconds=1)) for mail in kind_facts(HURRY).arrivals]
    assert any("overtook 0 of 40" in wrong for wrong in judge(ALL, spoilt(HURRY, arrivals=last)).wrong)


def test_time_counts_from_when_a_job_was_due() -> None:
    facts = job_facts(
        {
            "job": {
                "id": "j",
                "status": "completed",
                "created_at": "2026-05-07T08:59:58Z",
                "scheduled_for": "2026-05-07T09:00:00Z",
                "processed_at": "2026-05-07T09:00:00.030Z",
                "retry_count": 1,
            },
            "deliveries": [{"state": "sent"}],
            "delivery_logs": [
                {"outcome": "transient", "provider": "smtp", "finished_at": "2026-05-07T09:00:00.100Z"},
                {"outcome": "sent", "provider": "resend", "finished_at": "2026-05-07T09:00:01.500Z"},
            ],
        }
    )
    assert (facts.attempts, facts.due_at, facts.seconds) == (2, START, 1.5)
    assert (facts.providers, facts.steps) == (("smtp", "resend"), 1)


def test_the_busiest_second_may_begin_at_any_time() -> None:
    mail = kind_facts(MAGIC).arrivals[0]
    at = [0.0, 0.9, 1.2, 1.7, 1.85, 4.0]
    assert busiest_second([replace(mail, at=ARRIVED + timedelta(seconds=each)) for each in at]) == 4
