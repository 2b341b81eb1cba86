"""The shape all deciders have."""

from collections.abc import Sequence
from typing import Protocol

from hermodr_ledger.jobs.decisions import Decision, RequestedJob


class Decider(Protocol):
    """Decides upon the jobs of one kind."""

    async def decide(self, jobs: Sequence[RequestedJob], /) -> Sequence[Decision]:
        """The decisions. A job without one stays as it is: it waits in the ledger. Raises `LedgerUnavailable`."""
        ...
