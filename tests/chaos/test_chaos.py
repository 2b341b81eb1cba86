"""Less than a minute of `make chaos`."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.chaos.experiment import perform
from tests.chaos.faults import Fault, sequence
from tests.chaos.report import Report, Verdict, show
from tests.support import invariants

SEED = 20
SECONDS = 50
RATE = 30
TRIES = 3
KINDS = (
    "kill",
    "freeze",
    "broker-kill",
    "vhost-wiped",
    "ledger-restart",
    "wire-half-open",
    "wire-muted",
    "cut-after-the-dot",
    "messages-repeated",
    "resend-lies",
    "resend-is-unavailable",
    "twilio-lies",
)
"""Those that other tests do not do, or not to several instances of a service."""


def test_nothing_is_lost_doubled_or_stuck_while_everything_breaks(tmp_path: Path) -> None:
    faults = sequence(SEED, SECONDS, KINDS)
    assert {fault.kind for fault in faults} == set(KINDS)
    print("\n".join(map(str, faults)))
    report = judged(faults, tmp_path)
    wrong = invariants.table(report.violations, report.facts)
    assert report.verdict is Verdict.SOUND, "\n".join([*report.complaints, wrong])
    counts = report.counts()
    assert counts["lost"] == counts["doubled"] == counts["stuck"] == 0
    assert len(report.felt) == len(faults)
    assert counts["accepted"] > RATE * SECONDS / 4


def judged(faults: Sequence[Fault], logs: Path) -> Report:
    """A run with a verdict. Without one, because the machine was busy, it is repeated twice."""
    for number in range(1, TRIES + 1):
        folder = logs / f"run-{number}"
        folder.mkdir()
        report = perform(faults, seed=SEED, rate=RATE, logs=folder, say=print)
        show(Console(width=120), report)
        if report.verdict is not Verdict.STARVED:
            break
    return report
