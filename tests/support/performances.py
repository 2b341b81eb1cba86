from collections import Counter
from datetime import UTC, datetime, timedelta

from hermodr_devkit.demo.client import Accepted, Arrival
from hermodr_devkit.demo.clockwork import (
    BEYOND,
    CLOCKWORK,
    DIGESTED,
    EVENTS,
    GATHERED,
    MOST_UPDATES,
    REMINDED,
    UPDATES,
)
from hermodr_devkit.demo.desk import ALBUM, DESK, NOTED, NOTES
from hermodr_devkit.demo.facts import JobFacts, KindFacts, RunFacts
from hermodr_devkit.demo.hooks import HOOKS
from hermodr_devkit.demo.scenario import (
    ATTACHED,
    CROWD,
    FIRST_PROVIDER,
    KINDS,
    OFF,
    RETURNED,
    SECOND_PROVIDER,
    SEGMENTS,
    TEXTED,
    VOUCHER,
    WRITTEN,
    Kind,
)

START = datetime(2026, 5, 7, 9, 0, tzinfo=UTC)
ARRIVED = START + timedelta(milliseconds=40)
CROWD_ARRIVED = START + timedelta(seconds=2)


def flawless() -> RunFacts:
    return RunFacts(
        kinds={kind.key: kind_facts(kind) for kind in KINDS},
        mails=sum(kind.arrivals for kind in KINDS),
        seconds=4.0,
        busiest_second=120,
        duplicates=0,
        dead_letters=0,
        sample=[],
        hooks={kind.key: kind_facts(kind) for kind in HOOKS},
        clockwork={kind.key: kind_facts(kind) for kind in CLOCKWORK},
        desk={kind.key: kind_facts(kind) for kind in DESK},
    )


def kind_facts(kind: Kind) -> KindFacts:
    at = CROWD_ARRIVED if kind is CROWD else ARRIVED
    sent = at if kind.arrivals else None
    deliveries = (kind.delivery,) if kind.delivery else ()
    jobs = [
        JobFacts(
            f"{kind.key}-{number}",
            kind.state,
            deliveries,
            kind.attempts,
            START,
            sent,
            providers=(FIRST_PROVIDER, SECOND_PROVIDER)[: kind.attempts],
            sent_as=("template",) if kind is WRITTEN else (),
            segments=SEGMENTS if kind is TEXTED else 0,
        )
        for number in range(kind.jobs)
    ]
    return KindFacts(
        accepted=kind.requests,
        answers=[Accepted(f"{kind.key}-0", replayed=number > 0) for number in range(kind.requests)],
        states=Counter({kind.state: kind.jobs}),
        jobs=jobs,
        arrivals=[
            Arrival(f"<{job.id}@example.com>", job.id if kind is REMINDED else "a@example.com", at)
            for job in jobs[: kind.arrivals]
        ],
        reasons=_REASONS.get(kind, []),
        files=[VOUCHER] * kind.arrivals if kind is ATTACHED else [],
        signatures=["valid"] * kind.arrivals if kind in HOOKS else [],
        suppressed=kind.arrivals if kind is RETURNED else 0,
        gathered=_GATHERED.get(kind, ()),
    )


_REASONS = {
    OFF: ["preference"],
    BEYOND: ["capped"] * BEYOND.jobs,
    ALBUM: ["0", "3", "10", "completed"],
}
_GATHERED = {
    DIGESTED: [(MOST_UPDATES, UPDATES - MOST_UPDATES)] * DIGESTED.jobs,
    GATHERED: [(EVENTS, 0)],
    NOTED: [(NOTES + 1, NOTES + 1)],
}
