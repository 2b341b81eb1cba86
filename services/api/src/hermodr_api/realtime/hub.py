"""Who listens to what, in this process. What is told comes from `Feed`; how it travels is the listener's affair."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

User = tuple[UUID, str]
"""A project, and the id of one of its users."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing to tell. `id` is what a listener that comes back names as the last it has seen."""

    name: str
    body: Mapping[str, Any]
    id: str | None = None


REFETCH = Event("refetch", {})
"""Something was missed, nobody knows what: read again what is shown."""


class Listener(Protocol):
    """One connection. Equal only to itself."""

    async def tell(self, event: Event) -> None:
        """Returns soon: who is slow to take it is given up. Does not raise."""


class Hub:
    """Only whoever has proved to be `User` is given to `hear_user`, `hear_jobs_of` or `hear_job`."""

    def __init__(self) -> None:
        self._users: dict[User, set[Listener]] = {}
        self._owners: dict[User, set[Listener]] = {}
        self._jobs: dict[UUID, set[Listener]] = {}

    def hear_user(self, user: User, listener: Listener) -> None:
        """The listener is told of the user's inbox from now on."""
        self._users.setdefault(user, set()).add(listener)

    def hear_jobs_of(self, owner: User, listener: Listener) -> None:
        """The listener is told of all jobs of the user from now on."""
        self._owners.setdefault(owner, set()).add(listener)

    def hear_job(self, job_id: UUID, listener: Listener) -> None:
        """The listener is told of the job from now on."""
        self._jobs.setdefault(job_id, set()).add(listener)

    def unhear_user(self, user: User, listener: Listener) -> None:
        _drop(self._users, user, listener)

    def unhear_jobs_of(self, owner: User, listener: Listener) -> None:
        _drop(self._owners, owner, listener)

    def unhear_job(self, job_id: UUID, listener: Listener) -> None:
        _drop(self._jobs, job_id, listener)

    def awaits_user(self, user: User) -> bool:
        """Whether anybody here listens to the user's inbox."""
        return user in self._users

    def awaits_job(self, job_id: UUID, owner: User | None = None) -> bool:
        """Whether anybody here listens to the job, or to all of its owner."""
        return job_id in self._jobs or (owner is not None and owner in self._owners)

    async def tell_user(self, user: User, event: Event) -> None:
        await _tell(self._users.get(user, ()), event)

    async def tell_job(self, job_id: UUID, owner: User | None, event: Event) -> None:
        """Each listener once."""
        of_owner = self._owners.get(owner, ()) if owner is not None else ()
        await _tell({*self._jobs.get(job_id, ()), *of_owner}, event)

    async def tell_all(self, event: Event) -> None:
        """Each listener once."""
        await _tell(set().union(*self._users.values(), *self._owners.values(), *self._jobs.values()), event)


def _drop(listeners: dict[Any, set[Listener]], key: object, listener: Listener) -> None:
    there = listeners.get(key)
    if there is not None:
        there.discard(listener)
        if not there:
            del listeners[key]


async def _tell(listeners: Iterable[Listener], event: Event) -> None:
    for each in tuple(listeners):
        await each.tell(event)
