"""A short run of `make chaos`: its harness and judge, half a minute of faults, one after or on top of the other."""

from pathlib import Path

from tests.chaos.experiment import perform
from tests.chaos.faults import sequence
from tests.chaos.report import table
from tests.support import invariants

SEED = 3
SECONDS = 28
RATE = 30
KINDS = (
    "kill",
    "freeze",
    "broker-kill",
    "vhost-wiped",
    "ledger-restart",
    "wire-half-open",
    "cut-after-the-dot",
)
"""Those that other tests do not do, or not to a pair or trio of services."""


def test_nothing_is_lost_doubled_or_stuck_while_everything_breaks(logs: Path) -> None:
    faults = sequence(SEED, SECONDS, KINDS)
    print("\n".join(map(str, faults)))
    report = perform(faults, seed=SEED, rate=RATE, logs=logs, say=print)
    print(table(report))
    assert report.complaints == []
    assert report.violations == [], invariants.table(report.violations, report.facts)
    assert len(report.felt) == len(faults) >= 4
    counts = report.counts()
    assert counts["accepted"] > RATE * SECONDS / 2
    assert counts["uncertain"] == 0, "careful producers ask until they know"
