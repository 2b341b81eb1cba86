"""Whether a mail may be from whom it says: a sender may have been deleted since the job was accepted."""

from uuid import UUID

from hermodr_email_sender.domain import Mailbox
from hermodr_ledger.access import senders
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.clock import Clock

REMEMBERED_SECONDS = 5.0
_MOST = 1000


class Senders:
    """Caches for a few seconds who is allowed. Everybody may send from `house`."""

    def __init__(self, ledger: Ledger, clock: Clock, house: Mailbox) -> None:
        self._ledger = ledger
        self._clock = clock
        self._house = house.address.lower()
        self._allowed: dict[tuple[UUID, str], float] = {}

    def known(self, project_id: UUID, sender: Mailbox) -> bool:
        """Whether it is known to be allowed, without a look-up."""
        if sender.address.lower() == self._house:
            return True
        return self._allowed.get((project_id, sender.address), 0.0) > self._clock.monotonic()

    async def allowed(self, project_id: UUID, sender: Mailbox) -> bool:
        """Raises `LedgerUnavailable`."""
        if self.known(project_id, sender):
            return True
        (found,) = await senders.allowed(self._ledger, [(project_id, sender.address)])
        if found:
            if len(self._allowed) >= _MOST:
                self._allowed.clear()
            self._allowed[project_id, sender.address] = self._clock.monotonic() + REMEMBERED_SECONDS
        return found
