"""Changes become messages for webhook endpoints."""

import structlog

from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_ledger.engine.setting_aside import set_aside
from hermodr_ledger.webhooks import fan_out
from hermodr_scheduler.duties.duty import Duty
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

LOOK_SECONDS = 0.1
"""Nothing wakes us at a change: telling everybody at each commit would hold up all commits (ADR 0043)."""
NOBODY_LISTENS_SECONDS = 5.0
_SELDOM_SECONDS = 1.0
_REST = 4.0
"""Where looking takes long, because projects are many or the database is busy, we look more seldom."""


class Webhooks(Duty):
    """A page of each project that has news, by turns."""

    name = fan_out.FAN_OUT_DUTY
    after_error = 0.5

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        super().__init__()
        self._ledger = ledger
        self._clock = clock

    async def tick(self) -> float:
        """One page of each. A project that fails is set aside for a while."""
        if not await fan_out.listening(self._ledger):
            return NOBODY_LISTENS_SECONDS
        began = self._clock.monotonic()
        projects = await fan_out.projects_with_news(self._ledger)
        looked = self._clock.monotonic() - began
        more = False
        failures: dict[str, Exception] = {}
        for each in projects:
            try:
                more |= await fan_out.fan_out(self._ledger, each)
            except LedgerUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - the others get theirs nevertheless
                log.warning("changes of a project do not become webhooks", error=type(error).__name__)
                failures[str(each)] = error
        await set_aside(self._ledger, self.name, failures)
        return 0.0 if more else min(max(LOOK_SECONDS, looked * _REST), _SELDOM_SECONDS)
