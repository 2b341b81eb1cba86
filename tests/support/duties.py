"""What duties of the scheduler speak to, by hand."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from hermodr_contracts.vocabulary import Priority


class SilentBell:
    """Keeps what it is asked to announce."""

    reachable = True

    def __init__(self) -> None:
        self.rung: list[tuple[Priority, UUID]] = []

    def jobs(self, priority: Priority, ids: Iterable[UUID]) -> None:
        self.rung += [(priority, each) for each in ids]

    def deliveries(self, *_: Any) -> None: ...


class Calls:
    """Keeps which tasks are told to stop."""

    def __init__(self) -> None:
        self.stopped: list[UUID] = []

    def cancel(self, job_id: UUID) -> None:
        self.stopped.append(job_id)
