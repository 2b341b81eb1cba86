"""Dead letters whose moment to be replayed has come."""

from collections.abc import Mapping
from typing import Any

import structlog

from hermodr_ledger.dead_letters import replaying
from hermodr_ledger.dead_letters.replaying import DueDeadLetter
from hermodr_ledger.engine import Contested, Ledger, LedgerUnavailable
from hermodr_ledger.engine.setting_aside import set_aside
from hermodr_scheduler.duties.duty import Duty
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.broker import Broker, Unroutable
from hermodr_servicekit.outages import BrokerUnavailable

log = structlog.get_logger()

_TOGETHER = 50
_LONGEST_SLEEP_SECONDS = 1.0
_SHORTEST_SLEEP_SECONDS = 0.1
"""However far behind: no more than 500 a second are replayed."""

_OF_THE_BROKER = (
    "x-death",
    "x-first-death",
    "x-last-death",
    "x-delivery-count",
    "x-routing-key",
    "x-acquired-count",
)


class Replays(Duty):
    """A letter is taken by one scheduler, and due again if that one dies over it."""

    name = "replays"

    def __init__(self, ledger: Ledger, broker: Broker, announcer: Announcer) -> None:
        super().__init__()
        self._ledger = ledger
        self._broker = broker
        self._announcer = announcer
        self._queues = {
            spec.queue.name for spec in broker.topology.queues if spec.consumer not in (None, "scheduler")
        }

    async def tick(self) -> float:
        """Replays what is due. While the broker is away nothing is taken."""
        if not self._broker.connected:
            return _LONGEST_SLEEP_SECONDS
        for dead_letter in await replaying.take_due(self._ledger, _TOGETHER):
            try:
                await self._replay(dead_letter)
            except Contested:
                log.info("dead letter waits for somebody's transaction", letter=str(dead_letter.id))
            except (LedgerUnavailable, OSError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001 - it is this letter's, and the others go on
                await set_aside(self._ledger, replaying.DUTY, {str(dead_letter.id): error})
        seconds = await replaying.seconds_until_due(self._ledger)
        if seconds is None:
            return _LONGEST_SLEEP_SECONDS
        return min(max(seconds, _SHORTEST_SLEEP_SECONDS), _LONGEST_SLEEP_SECONDS)

    async def _replay(self, dead_letter: DueDeadLetter) -> None:
        if dead_letter.job_id is None:
            await self._publish(dead_letter)
            return
        replayed = await replaying.replay_job(self._ledger, dead_letter)
        log.info("dead letter replayed", letter=str(dead_letter.id), outcome=replayed.outcome)
        if replayed.announce is not None:
            self._announcer.jobs(replayed.announce, [dead_letter.job_id])

    async def _publish(self, dead_letter: DueDeadLetter) -> None:
        queue = origin(dead_letter.headers)
        if queue not in self._queues or dead_letter.body is None:
            log.warning("dead letter without a queue to go back to", letter=str(dead_letter.id))
            await replaying.give_up(self._ledger, dead_letter.id)
            return
        kept = {
            name: value for name, value in dead_letter.headers.items() if not name.startswith(_OF_THE_BROKER)
        }
        try:
            await self._broker.publish_raw(
                dead_letter.body, queue, message_type=dead_letter.message_type, headers=kept
            )
        except (BrokerUnavailable, Unroutable) as error:
            log.warning("dead letter not published; it is tried again", error=type(error).__name__)
        else:
            await replaying.mark_replayed(self._ledger, [dead_letter.id])
            log.info("dead letter replayed", letter=str(dead_letter.id), outcome="published")


def origin(headers: Mapping[str, Any]) -> str:
    """The queue a message died in; empty for one that somebody put into the dead queue by hand."""
    deaths = headers.get("x-death")
    if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict):
        return str(deaths[0].get("queue", ""))
    return ""
