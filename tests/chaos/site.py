"""An installation with servers of its own, and a wire of ours between any two parts."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hermodr_cli.addresses import port_base, sandbox_sms_provider, smtp_port
from hermodr_devkit.backing import EmbeddedPostgres, EmbeddedRabbit
from hermodr_devkit.backing.places import DEFAULT_PREFIX, Place
from hermodr_devkit.supervisor import SANDBOX
from hermodr_devkit.supervisor.identities import identities, service_of
from tests.chaos import chore_tasks
from tests.chaos.faults import (
    FINAL_SECONDS,
    GREETING_SECONDS,
    LEASE_SECONDS,
    SEND_SECONDS,
    SENDERS,
    SERVICES,
    SPECS,
    TEXT_SENDERS,
)
from tests.chaos.skew import Skew
from tests.chaos.wires import Switchboard, Wire, switchboard
from tests.support import tasks
from tests.support.installation import Installation, installed

CHANNELS = "email sms whatsapp in_app"
SECRET_KEY = "chaos-" * 8
LADDER = "500ms,1s,2s,3s,5s,8s,12s,20s,30s,45s,60s,90s,120s"
"""Long enough for two of the longest absences of the provider."""

_SHORT = "&".join(f"{step}_timeout={SEND_SECONDS:g}" for step in ("command", "data", "block"))
PATIENCE = (
    f"timeout={SEND_SECONDS:g}&greeting_timeout={GREETING_SECONDS:g}&{_SHORT}&final_timeout={FINAL_SECONDS:g}"
)
"""Minutes in RFC 5321."""
API = f"rate=off&timeout={SEND_SECONDS:g}"
HALF = "&weight=1"
"""Each provider is the first choice for half of the mails."""


@dataclass
class Site:
    """`wires` by "service/server"; see `faults.WIRES`."""

    postgres: EmbeddedPostgres
    rabbit: EmbeddedRabbit
    installation: Installation
    wires: Mapping[str, Wire] = field(default_factory=dict)
    switchboard: Switchboard | None = None
    skew: Skew | None = None
    """None unless the run has faults of clocks."""
    notes: Path = field(default_factory=Path)
    """What the tasks noted."""

    async def mend(self) -> None:
        """All wires carry again, and all services are ready. Raises NotReady."""
        for wire in self.wires.values():
            await wire.mend()
        await self.installation.fleet.wait_ready(seconds=120)


@asynccontextmanager
async def opened(
    postgres: EmbeddedPostgres, rabbit: EmbeddedRabbit, logs: Path, skew: Skew | None = None
) -> AsyncIterator[Site]:
    """With two or three of every service that works in the background."""
    wires: dict[str, Wire] = {}
    async with AsyncExitStack() as stack:
        board = await stack.enter_async_context(switchboard())

        async def wire(name: str, url: str) -> str:
            wires[name], through = await board.wire(name, url)
            return through

        async def wiring(environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
            found: dict[str, dict[str, str]] = {}
            at = Place(rabbit.url, DEFAULT_PREFIX, rabbit.management_url)
            own = await identities(postgres.url(), CHANNELS, place=at)
            for spec in SPECS:
                if (name := spec.name) not in SERVICES:
                    continue
                found[name] = {
                    "HERMODR_DATABASE_URL": await wire(f"{name}/ledger", own.database[service_of(spec)]),
                    "HERMODR_AMQP_URL": await wire(f"{name}/broker", own.broker[service_of(spec)]),
                    **(skew.variables(name) if skew else {}),
                }
            for name in SENDERS:
                smtp = await wire(f"{name}/smtp", f"smtp://127.0.0.1:{smtp_port(environment)}")
                sandbox = port_base(environment) + SANDBOX.port_offset
                resend = await wire(f"{name}/resend", f"resend://KEY@127.0.0.1:{sandbox}")
                found[name]["HERMODR_EMAIL_PROVIDERS"] = (
                    f"{smtp}?{PATIENCE}{HALF} {resend}?tls=off&{API}{HALF}"
                )
            for name in TEXT_SENDERS:
                twilio, whatsapp = sandbox_sms_provider(environment).split()
                twilio = await wire(f"{name}/twilio", twilio)
                whatsapp = await wire(f"{name}/whatsapp", whatsapp)
                found[name]["HERMODR_SMS_PROVIDERS"] = f"{twilio}&{API} {whatsapp}&{API}"
            return found

        notes = logs / "chores.notes"
        place = installed(
            logs,
            database_url=postgres.url(),
            amqp_url=rabbit.url,
            management_url=rabbit.management_url,
            specs=SPECS,
            wiring=wiring,
            HERMODR_CHANNELS=CHANNELS,
            HERMODR_RETRY_LADDER=LADDER,
            HERMODR_SMS_RETRY_LADDER=LADDER,
            HERMODR_WEBHOOK_RETRY_LADDER=LADDER,
            HERMODR_WEBHOOK_SECONDS=str(SEND_SECONDS),
            HERMODR_SECRET_KEY=SECRET_KEY,
            HERMODR_SEND_SECONDS=str(SEND_SECONDS),
            HERMODR_LEASE_SECONDS=str(LEASE_SECONDS),
            HERMODR_TASK_LEASE_SECONDS=str(LEASE_SECONDS),
            **_with_chores(logs / "chores", notes),
        )
        installation = await stack.enter_async_context(place)
        installation.api.base_url = await wire("producer/api", installation.fleet.api_url)
        yield Site(postgres, rabbit, installation, wires, board, skew, notes)


def _with_chores(folder: Path, notes: Path) -> dict[str, str]:
    """The tasks as a package that is installed, and where they note what they do, whoever the worker is."""
    folder.mkdir()
    (folder / "chore_tasks.py").write_text(Path(chore_tasks.__file__).read_text())
    tasks.installed(folder, "chores", chores="chore_tasks")
    notes.touch()
    notes.chmod(0o666)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {chore_tasks.FILE: str(notes), "PYTHONPATH": os.pathsep.join(paths)}
