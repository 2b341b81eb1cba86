"""Pages of users: what many that only listen cost the api, and how soon each hears of what is committed for it."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import websockets

from hermodr_devkit.supervisor.services import API
from hermodr_ledger.access import signing_keys
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.token_signing import TokenSecrets
from tests.benchmarks.accounting import QUIET_SECONDS, load_average, quiet
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import Site, site

KEY = "the-key-of-this-installation-of-benchmarks"
TOGETHER = 50
"""Connections that are opened at a time, and notifications in a request."""
PER_SECOND = 500
REST_SECONDS = 3.0
"""For the last ones to arrive."""


async def measure(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    pages, seconds = (200, 3) if quick else (2_000, 20)
    async with site(servers, mailbox, variables={"HERMODR_SECRET_KEY": KEY}) as here:
        before = here.memory()[API.name]
        token = await _signer(here)
        delays: list[float] = []
        async with contextlib.AsyncExitStack() as stack:
            for first in range(0, pages, TOGETHER):
                await asyncio.gather(
                    *(
                        _listen(here, stack, token(f"user-{each}"), delays)
                        for each in range(first, min(pages, first + TOGETHER))
                    )
                )
            await quiet(QUIET_SECONDS)
            load, idle = load_average(), here.memory()[API.name]
            sent = await _tell(here, pages, seconds)
            await asyncio.sleep(REST_SECONDS)
    found = sorted(delays)
    name, wanted = f"{pages:,} sockets", "" if quick else "< 250"
    late = found[int(len(found) * 0.99)]
    return [
        Result(name, "api_memory", "MB", idle, load=load, target=wanted),
        Result(name, "memory_of_one", "KB", (idle - before) * 1024 / pages, load=load),
        Result(name, "heard", "%", 100 * len(found) / sent, load=load, target="≥ 100"),
        Result(name, f"heard_after_p50_at_{PER_SECOND}", "ms", found[len(found) // 2], load=load),
        Result(name, f"heard_after_p99_at_{PER_SECOND}", "ms", late, load=load, target=wanted),
    ]


async def _signer(here: Site) -> Callable[[str], str]:
    """Makes tokens of the project's users."""
    async with here.client() as client:
        project = UUID((await client.get("/v1/projects/me")).raise_for_status().json()["id"])
    ledger = Ledger(here.database_url, service="bench", pool_size=1)
    try:
        async with ledger.transaction() as transaction:
            key = (await signing_keys.secret_of(transaction, project, "bench")).id
    finally:
        await ledger.close()
    secret, ends = TokenSecrets(KEY).secret(key), datetime.now(UTC) + timedelta(hours=1)

    def token(user: str) -> str:
        claims = {"sub": user, "project": str(project), "exp": ends}
        return jwt.encode(claims, secret, "HS256", headers={"kid": str(key)})

    return token


async def _listen(here: Site, stack: contextlib.AsyncExitStack, token: str, delays: list[float]) -> None:
    """Speaks Socket.IO by hand: two thousand of its own clients would cost more than the server."""
    url = here.fleet.api_url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
    socket = await stack.enter_async_context(
        websockets.connect(url, compression=None, ping_interval=None, open_timeout=60)
    )
    await socket.recv()
    await socket.send("40" + json.dumps({"token": token}))
    await socket.send('42["subscribe:notifications"]')
    heard = asyncio.create_task(_hear(socket, delays))
    stack.callback(heard.cancel)


async def _hear(socket: websockets.ClientConnection, delays: list[float]) -> None:
    async for message in socket:
        if message == "2":
            await socket.send("3")
        elif isinstance(message, str) and message.startswith('42["notification",'):
            made = datetime.fromisoformat(json.loads(message[2:])[1]["created_at"])
            delays.append((datetime.now(UTC) - made).total_seconds() * 1000)


async def _tell(here: Site, pages: int, seconds: int) -> int:
    """A notification to one of them after the other, at a steady rate."""
    loop, sent = asyncio.get_running_loop(), 0
    async with here.client() as client:
        people = [{"external_id": f"user-{each}", "user_id": f"user-{each}"} for each in range(pages)]
        (await client.put("/v1/recipients", json=people)).raise_for_status()
        started = loop.time()
        while sent < PER_SECOND * seconds:
            await asyncio.sleep(max(0.0, started + sent / PER_SECOND - loop.time()))
            items = [
                {
                    "to": {"user_id": f"user-{each % pages}"},
                    "channels": ["in_app"],
                    "subject": "News",
                    "body_text": "For you.",
                }
                for each in range(sent, sent + TOGETHER)
            ]
            (await client.post("/v1/notifications/bulk", json=items)).raise_for_status()
            sent += TOGETHER
    return sent
