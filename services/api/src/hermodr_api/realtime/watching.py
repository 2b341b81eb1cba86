"""Who looks at a project's pages, in this process. They are told that something changed, and not what."""

import asyncio
from collections import Counter
from uuid import UUID

from hermodr_api.errors import RATE_LIMITED, Refused

MOST_OF_A_SESSION = 20
MOST_WATCHES = 1_000
"""In one process."""


class Watch:
    """One page. `stirred` is set while there is news that was not told, or `over`."""

    def __init__(self, project_id: UUID, session: str) -> None:
        self.project_id = project_id
        self.session = session
        self.stirred = asyncio.Event()
        self.over = False

    def end(self) -> None:
        self.over = True
        self.stirred.set()


class Watching:
    """All watches of this process."""

    def __init__(self) -> None:
        self._of: dict[UUID, set[Watch]] = {}
        self._places: Counter[str] = Counter()
        self._closed = False

    def begin(self, project_id: UUID, session: str) -> Watch:
        """`leave` has to follow. Raises `Refused` (429)."""
        if self._places[session] >= MOST_OF_A_SESSION or self._places.total() >= MOST_WATCHES:
            reason = (
                f"at most {MOST_OF_A_SESSION} pages of a session, and {MOST_WATCHES:,} in all, are followed"
            )
            raise Refused(RATE_LIMITED, reason, headers={"retry-after": "30"})
        watch = Watch(project_id, session)
        self._places[session] += 1
        self._of.setdefault(project_id, set()).add(watch)
        if self._closed:
            watch.end()
        return watch

    def leave(self, watch: Watch) -> None:
        of_project = self._of[watch.project_id]
        of_project.discard(watch)
        if not of_project:
            del self._of[watch.project_id]
        self._places[watch.session] -= 1
        self._places += Counter()  # keeps no sessions that watch nothing

    def stir(self, project_id: UUID) -> None:
        """Something of the project changed. Cheap: it is called for each change that the process hears of."""
        for each in self._of.get(project_id, ()):
            each.stirred.set()

    def stir_all(self) -> None:
        """Something may have changed anywhere."""
        for project_id in self._of:
            self.stir(project_id)

    def close(self) -> None:
        """Ends all watches; their pages come back to another process."""
        self._closed = True
        for watches in self._of.values():
            for each in watches:
                each.end()
