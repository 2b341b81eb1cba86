"""Background tasks: they wait in the ledger until there is a worker."""

from collections.abc import Sequence

from hermodr_ledger.jobs.decisions import Decision, RequestedJob


class Tasks:
    """Leaves them where they are. The scheduler does not announce them either (`SERVED_KINDS`)."""

    async def decide(self, _jobs: Sequence[RequestedJob], /) -> Sequence[Decision]:
        """No decision."""
        return ()
