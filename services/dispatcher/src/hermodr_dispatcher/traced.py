"""What a trace tells of decisions."""

from collections.abc import Iterable

from hermodr_ledger.jobs.decisions import Decision
from hermodr_servicekit import tracing


def traced(decisions: Iterable[Decision], began: int) -> None:
    """They are recorded by now; `began`: see `tracing.moment`."""
    if not began:
        return
    for each in decisions:
        values: tracing.Values = {
            "hermodr.job.kind": each.job.kind,
            "hermodr.state": each.state,
            "hermodr.deliveries": len(each.open),
        }
        tracing.step("decide", each.job.id, began, values)
