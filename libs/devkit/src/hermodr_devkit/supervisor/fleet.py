import asyncio
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from hermodr_cli.addresses import SMTP_PORT
from hermodr_devkit.backing import ports
from hermodr_devkit.supervisor.identities import NOBODY, Identities
from hermodr_devkit.supervisor.service import ServiceProcess, Sink
from hermodr_devkit.supervisor.services import SANDBOX, ServiceSpec, chosen, variables_for
from hermodr_devkit.supervisor.variables import narrowed

POLL_SECONDS = 0.05
DEFAULT_GRACE = 20.0
STOP_MARGIN = 5.0


class NotReady(Exception):
    """A service ended or did not become ready in time; the text says which, with its last lines."""


class Fleet:
    """Services by name. Nothing is restarted by itself; see `watch.Watch`.

    `environment` is that of all services (DESIGN §6), complete; each gets its own secrets (`variables`).
    `sinks` is a folder for a file `<name>.log` each, or a function that makes the taker of a service's lines.

        async with Fleet(environment, logs) as fleet:      # starts, waits until ready; stops on leaving
            fleet.signal("dispatcher", signal.SIGKILL)
            await fleet["dispatcher"].wait()
            await fleet.restart("dispatcher")
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        logs: Path | None = None,
        specs: Iterable[ServiceSpec] | None = None,
        sinks: Mapping[str, Sink] | None = None,
        *,
        identities: Identities = NOBODY,
        at_our_end: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Either `logs` or `sinks` is required. `specs`: by default those the environment calls for. `identities`:
        who each is to the servers. `at_our_end`: what the services are sent when we are gone, killed even."""
        self.environment = environment
        self.specs = tuple(specs) if specs is not None else chosen(environment)
        self.grace = float(environment.get("HERMODR_GRACE_SECONDS") or DEFAULT_GRACE)
        self.services: dict[str, ServiceProcess] = {}
        for spec in self.specs:
            sink: Sink | Path | None = sinks[spec.name] if sinks else logs and logs / f"{spec.name}.log"
            if sink is None:
                raise ValueError("a fleet needs somewhere to put its services' output: logs or sinks")
            variables = narrowed(spec, variables_for(spec, environment, self.specs))
            variables = identities.variables(spec, variables)
            self.services[spec.name] = ServiceProcess(spec, variables, sink, at_our_end=at_our_end)
        self._logs = logs

    def __getitem__(self, name: str) -> ServiceProcess:
        return self.services[name]

    async def __aenter__(self) -> Self:
        await self.start()
        try:
            await self.wait_ready()
        except BaseException:
            await self.kill()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def api_url(self) -> str:
        return self["api"].url

    @property
    def sandbox_url(self) -> str:
        return self["sandbox"].url

    async def start(self) -> None:
        """Returns before they are ready."""
        if self._logs:
            self._logs.mkdir(parents=True, exist_ok=True)
        await asyncio.gather(*(service.start() for service in self.services.values() if not service.running))

    async def wait_ready(self, *names: str, seconds: float = 60.0) -> None:
        """Waits for all services, or those named. Raises NotReady when one ends or time is up."""
        waiting = [self.services[name] for name in names] or list(self.services.values())
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            while waiting:
                answers = [(service, await service.readiness(client)) for service in waiting]
                waiting = [service for service, why in answers if why]
                ended = [service for service in waiting if not service.running]
                reasons = [f"{service.name}: ended with status {service.returncode}" for service in ended]
                reasons += [f"{service.name}: {why}" for service, why in answers if why and service.running]
                if ended or (waiting and loop.time() > deadline):
                    excerpts = [self.log_tail(service.name) for service in ended or waiting]
                    raise NotReady("\n".join([*reasons, *excerpts]))
                if waiting:
                    await asyncio.sleep(POLL_SECONDS)

    def signal(self, name: str, number: signal.Signals) -> None:
        self.services[name].signal(number)

    async def restart(self, name: str, *, seconds: float = 60.0) -> None:
        """Starts a service (stopping it first if it runs) and waits until it is ready."""
        service = self.services[name]
        if service.running:
            await service.stop(self.grace + STOP_MARGIN)
        await service.start()
        await self.wait_ready(name, seconds=seconds)

    async def stop(self) -> dict[str, int]:
        """SIGTERM to all, SIGKILL after the grace period; exit statuses by name."""
        running = [service for service in self.services.values() if service.running]
        statuses = await asyncio.gather(*(service.stop(self.grace + STOP_MARGIN) for service in running))
        return {service.name: status for service, status in zip(running, statuses, strict=True)}

    async def kill(self) -> None:
        await asyncio.gather(*(service.kill() for service in self.services.values() if service.running))

    def log_tail(self, name: str, lines: int = 20) -> str:
        """The end of a service's log file."""
        if self._logs is None or not (path := self._logs / f"{name}.log").exists():
            return ""
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def private_ports(environment: Mapping[str, str], specs: Iterable[ServiceSpec]) -> dict[str, str]:
    """The environment with a port base at which `specs` find their ports free, and a free SMTP port."""
    smtp_offset = SANDBOX.port_offset + 1
    base = ports.free_base([smtp_offset, *(spec.port_offset for spec in specs)])
    numbers = {"HERMODR_PORT_BASE": str(base), SMTP_PORT: str(base + smtp_offset)}
    return {key: value for key, value in environment.items() if key != "HERMODR_HTTP_PORT"} | numbers
