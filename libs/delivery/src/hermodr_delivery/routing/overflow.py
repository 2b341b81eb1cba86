"""What has waited long for a provider's rate goes to the next one that has room: it was not tried, so nobody has it."""

from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from hermodr_contracts.vocabulary import Priority
from hermodr_servicekit.clock import Clock

_MOST = 10_000
_KEPT_SECONDS = 2.0
"""A delivery that was chosen and did not get to its turn by then was claimed by somebody else, or given back."""


class Chosen:
    """Deliveries for which a provider was chosen, and whose turns have not come; the oldest are forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: OrderedDict[UUID, float] = OrderedDict()

    @property
    def some(self) -> bool:
        return bool(self._since)

    def __len__(self) -> int:
        gone = self._clock.monotonic() - _KEPT_SECONDS
        while self._since and next(iter(self._since.values())) < gone:
            self._since.popitem(last=False)
        return len(self._since)

    def add(self, delivery_id: UUID) -> None:
        self._since[delivery_id] = self._clock.monotonic()
        if len(self._since) > _MOST:
            self._since.popitem(last=False)

    def discard(self, delivery_id: UUID) -> bool:
        """Returns whether it was there."""
        return self._since.pop(delivery_id, None) is not None


class Overflow:
    """`after`: seconds that the first in line of a lane has to have waited; `None`: never."""

    def __init__(self, after: float | None) -> None:
        self.possible = after is not None
        self._after = after or 0.0
        self._waited: dict[Priority, Callable[[], float]] = {}

    def watch(self, priority: Priority, waited: Callable[[], float]) -> None:
        """`waited`: the seconds that the first in line has waited."""
        self._waited[priority] = waited

    def of(self, priority: Priority | None) -> bool:
        """Whether the lane has to wait for too long."""
        if not self.possible or priority is None:
            return False
        waited = self._waited.get(priority)
        return waited is not None and waited() >= self._after
