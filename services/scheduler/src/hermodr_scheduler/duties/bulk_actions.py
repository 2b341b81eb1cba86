"""All jobs that match a filter are asked for again, or cancelled, a step at a time."""

from typing import Protocol
from uuid import UUID

import structlog

from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.engine import Contested, Ledger, LedgerUnavailable
from hermodr_ledger.engine.setting_aside import set_aside
from hermodr_ledger.jobs import bulk_actions
from hermodr_ledger.jobs.bulk_actions import Step
from hermodr_scheduler.duties.due import Bell
from hermodr_scheduler.duties.duty import Duty

log = structlog.get_logger()

TOGETHER = 500
"""Jobs of one action in one transaction."""
_SIDE_BY_SIDE = 20
"""Actions that take turns."""
_BETWEEN_SECONDS = 0.05
_SLEEP_SECONDS = 1.0


class Calls(Protocol):
    """What tells workers: `hermodr_servicekit.task_calls.TaskCalls`."""

    def cancel(self, job_id: UUID) -> None: ...


class BulkActions(Duty):
    """Every action has a step in turn. One that dies in a step has done nothing of it."""

    name = bulk_actions.DUTY

    def __init__(self, ledger: Ledger, announcer: Bell, calls: Calls) -> None:
        """`ledger`: the cold pool."""
        super().__init__()
        self._ledger = ledger
        self._announcer = announcer
        self._calls = calls

    async def tick(self) -> float:
        """One step of each."""
        moved = False
        for action_id in await bulk_actions.running(self._ledger, _SIDE_BY_SIDE):
            try:
                moved = await self._step(action_id) or moved
            except Contested:
                log.info("bulk action waits for somebody's transaction", action=str(action_id))
            except (LedgerUnavailable, OSError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001 - it is this action's, and the others go on
                await set_aside(self._ledger, bulk_actions.DUTY, {str(action_id): error})
        return _BETWEEN_SECONDS if moved else _SLEEP_SECONDS

    async def _step(self, action_id: UUID) -> bool:
        """Whether it was ours. A step that fails is taken for one job, and that job left as it is if it fails alone."""
        try:
            step = await bulk_actions.step(self._ledger, action_id, TOGETHER)
        except (LedgerUnavailable, OSError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the jobs without it go on
            log.warning("bulk action fails for some job", action=str(action_id), error=type(error).__name__)
            step = await self._one(action_id)
        if step is None:
            return False
        for priority in Priority:
            due = [each.job_id for each in step.requeued if each.priority is priority and each.to_announce]
            if due:
                self._announcer.jobs(priority, due)
        for job_id in step.told:
            self._calls.cancel(job_id)
        if step.ended:
            log.info("bulk action done", action=str(action_id))
        return True

    async def _one(self, action_id: UUID) -> Step | None:
        try:
            return await bulk_actions.step(self._ledger, action_id, 1)
        except (LedgerUnavailable, OSError, MemoryError):
            raise
        except Exception:  # noqa: BLE001
            return await bulk_actions.step(self._ledger, action_id, 1, passing_over=True)
