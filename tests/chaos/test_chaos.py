"""Two minutes of `make chaos`, the settling included: one fault after or on top of the other, and a judge."""

from pathlib import Path

from rich.console import Console

from tests.chaos.experiment import perform
from tests.chaos.faults import sequence
from tests.chaos.report import Verdict, show
from tests.support import invariants

SEED = 3
SECONDS = 80
RATE = 30
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
)
"""Those that other tests do not do, or not to a pair or trio of services."""


def test_nothing_is_lost_doubled_or_stuck_while_everything_breaks(tmp_path: Path) -> None:
    """On a machine too busy for the harness itself what came late proves nothing; what was lost or doubled does."""
    faults = sequence(SEED, SECONDS, KINDS)
    print("\n".join(map(str, faults)))
    report = perform(faults, seed=SEED, rate=RATE, logs=tmp_path, say=print)
    show(Console(width=120), report)
    wrong = invariants.table(report.violations, report.facts)
    assert report.verdict is not Verdict.UNSOUND, "\n".join([*report.complaints, wrong])
    counts = report.counts()
    assert counts["accepted"] > 0
    assert counts["lost"] == counts["doubled"] == 0
    if report.verdict is Verdict.SOUND:
        assert len(report.felt) == len(faults) >= 8
        assert counts["accepted"] > RATE * SECONDS / 4
