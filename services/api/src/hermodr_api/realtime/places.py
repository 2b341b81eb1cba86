"""Open connections of end users, of Socket.IO and streams alike: the quota `sockets` of their project, and a bound of
each user. Counted in this process."""

from collections import Counter
from uuid import UUID

from hermodr_api.access.quotas import Quotas
from hermodr_api.realtime.hub import User

MOST_OF_A_USER = 50


class TooMany(Exception):
    """Its text says of what, and how many there may be."""


class Places:
    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._of_users: Counter[User] = Counter()
        self._of_projects: Counter[UUID] = Counter()

    async def take(self, user: User) -> None:
        """Raises `TooMany`; and `LedgerUnavailable`."""
        most = (await self._quotas.of(user[0])).limits.sockets
        if most is not None and self._of_projects[user[0]] >= most:
            raise TooMany(f"quota sockets: this project may have {most:,} connections")
        if self._of_users[user] >= MOST_OF_A_USER:
            raise TooMany(f"at most {MOST_OF_A_USER} connections of a user may be open")
        self._of_users[user] += 1
        self._of_projects[user[0]] += 1

    def leave(self, user: User) -> None:
        self._of_users[user] -= 1
        self._of_projects[user[0]] -= 1
        if not self._of_users[user]:
            del self._of_users[user]
        if not self._of_projects[user[0]]:
            del self._of_projects[user[0]]

    def of_projects(self) -> dict[UUID, int]:
        """How many of each project's users are open here."""
        return dict(self._of_projects)
