import asyncio
from collections.abc import Callable

from hermodr_devkit.supervisor.fleet import Fleet
from hermodr_devkit.supervisor.service import CONFIGURATION_ERROR, ServiceProcess

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0
"""A service that ran this long gets the first pause again."""


class Misconfigured(Exception):
    """A service ended with status 2: starting it again would not help."""


class Watch:
    def __init__(self, fleet: Fleet, say: Callable[[str], None], first_pause: float = FIRST_PAUSE) -> None:
        self._fleet = fleet
        self._say = say
        self._first_pause = first_pause

    async def run(self, stop: asyncio.Event) -> None:
        """Returns once `stop` is set. Raises Misconfigured when a service ends with status 2."""
        watchers = [asyncio.create_task(self._keep(service)) for service in self._fleet.services.values()]
        stopped = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([stopped, *watchers], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                await task  # raises what ended it
        finally:
            for task in (stopped, *watchers):
                task.cancel()
            await asyncio.gather(stopped, *watchers, return_exceptions=True)

    async def _keep(self, service: ServiceProcess) -> None:
        pause = self._first_pause
        loop = asyncio.get_running_loop()
        started = loop.time()
        while True:
            status = await service.wait()
            if status == CONFIGURATION_ERROR:
                raise Misconfigured(f"{service.name} refuses its configuration (see its last line)")
            if loop.time() - started > STEADY_SECONDS:
                pause = self._first_pause
            self._say(f"{service.name} {describe(status)}; starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            started = loop.time()
            await service.start()


def describe(status: int) -> str:
    """How a process ended, in words; negative for a signal."""
    return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
