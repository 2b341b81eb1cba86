"""One project attacks (issue 14) while another's mails are timed from the request to the inbox. Nothing else is
broken meanwhile."""

import asyncio
import contextlib
import itertools
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from tests.support.installation import Installation
from tests.support.invariants import Answer, Asked

RATE = 5
"""Mails a second of the other project."""
LONGEST_SECONDS = 1.0
"""For 99 of 100 of them."""
PATIENCE_SECONDS = 60
CROWD = 12
BULK_ITEMS = 2_000
BOUNDARY = "".join(f"\n--=_hermodr_{number} " for number in range(1, 20_000))
WALK = "{{ rows | sum(attribute='" + ".".join(["real"] * 400) + "') }}"
LATER: dict[str, Any] = {"delay_seconds": 86_400}


def mail(address: str, **fields: Any) -> dict[str, Any]:
    return {"to": {"email": address}, "subject": "Attack", "body_text": "Attack.", **fields}


CROWDED = orjson.dumps(
    [mail("a@attack.example.org", singleton_key=f"s-{number}", **LATER) for number in range(BULK_ITEMS)]
)
HOSTILE = (
    ("/v1/notifications", orjson.dumps({"k" * 60_000: ["\0"] * 60_000})),
    ("/v1/notifications", orjson.dumps(mail("a@attack.example.org", metadata={"a": [{}] * 200_000}))),
    ("/v1/template-previews", orjson.dumps({f"unknown-{number}": 1 for number in range(12_000)})),
)
PREVIEW = orjson.dumps(
    {
        "contents": {"email": {"en": {"subject": "x", "body_text": WALK}}},
        "data": {"rows": [{"real": number} for number in range(20_000)]},
    }
)


@dataclass
class Attack:
    """Seconds that each mail of the other project took, and the answers the attacker got."""

    seconds: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def p99(self) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] if ordered else float("inf")

    @property
    def held(self) -> bool:
        return self.p99 < LONGEST_SECONDS

    def __str__(self) -> str:
        told = ", ".join(f"{number:,} × {what}" for what, number in self.answers.most_common(8))
        half = f"{median(self.seconds):.3f}" if self.seconds else "–"
        return (
            f"attack: {'held' if self.held else 'NOT HELD'}: {len(self.seconds)} mails of another project,"
            f" accept → sent {half} s in the median, {self.p99:.3f} s at p99 (below {LONGEST_SECONDS:g} s wanted);"
            f" the attacker was told {told}"
        )


async def attacked(installation: Installation, seconds: float) -> Attack:
    """The attacker is a process of its own, so that it does not delay our clock."""
    ledger = Ledger(installation.database_url, service="tests", pool_size=1)
    try:
        secret = (await keys.create(ledger, "attacker", ["admin"], "attack")).secret
    finally:
        await ledger.close()
    found = Attack()
    attacker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.chaos.attack",
        installation.fleet.api_url,
        env={**os.environ, "ATTACKERS_KEY": secret},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert attacker.stdout is not None
    try:
        await attacker.stdout.readline()  # it is prepared
        await _timed(installation, found, seconds)
    finally:
        told, _ = await attacker.communicate(b"")  # the end of its input
    document = orjson.loads(told)
    found.answers.update(document["answers"])
    installation.asked += [
        Asked(each, Answer.UNCERTAIN, None, None, False, True) for each in document["addresses"]
    ]
    return found


async def main(url: str, secret: str) -> None:
    """Prints a line at the beginning, and at the end of its input what it was told and whom it wrote to."""
    async with httpx.AsyncClient(
        base_url=url,
        headers={"authorization": f"Bearer {secret}"},
        trust_env=False,
        timeout=PATIENCE_SECONDS,
        limits=httpx.Limits(max_connections=100),
    ) as client:
        attacker = Attacker(client, url)
        await attacker.prepare()
        print("begins", flush=True)
        attacking = [asyncio.create_task(attacker.always(each)) for each in attacker.ways()]
        await asyncio.to_thread(sys.stdin.read)
        for task in attacking:
            task.cancel()
        await asyncio.gather(*attacking, return_exceptions=True)
    print(orjson.dumps({"answers": attacker.answers, "addresses": attacker.addresses}).decode(), flush=True)


async def _timed(installation: Installation, found: Attack, seconds: float) -> None:
    async def one(number: int) -> None:
        address = f"victim-{number}@victim.example.org"
        began = time.perf_counter()
        answer = await installation.api.post(
            "/v1/notifications",
            json={"to": {"email": address}, "subject": "On time?", "body_text": "Yes."},
            headers={"idempotency-key": address},
            timeout=PATIENCE_SECONDS,
        )
        installation.asked.append(
            Asked(address, Answer.ACCEPTED, answer.json()["job_id"], None, False, False)
        )
        wanted = {"to": address, "count": "1", "timeout": str(PATIENCE_SECONDS)}
        (await installation.sandbox.get("/v1/wait", params=wanted, timeout=90)).raise_for_status()
        found.seconds.append(time.perf_counter() - began)

    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * RATE)):
            group.create_task(one(number))
            await asyncio.sleep(1 / RATE)


class Attacker:
    """Attacks in several ways, each in a loop of its own."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url
        self._numbers = itertools.count(1)
        self.answers: Counter[str] = Counter()
        self.addresses: list[str] = []
        """Of mails that may be sent."""

    def ways(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            *[self._crowd] * CROWD,
            *[self._bodies] * 2,
            *[self._lists] * 4,
            *[self._previews] * 4,
            self._mails,
            self._heads,
        ]

    async def always(self, way: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await way()
            except (httpx.HTTPError, OSError, asyncio.IncompleteReadError) as error:
                self.answers[type(error).__name__] += 1
            await asyncio.sleep(0.05)

    async def prepare(self) -> None:
        """A heavy template, and jobs that make lists heavy."""
        text = {"subject": "Sum", "body_text": WALK}
        await self._ask(
            "POST",
            "/v1/templates",
            {"name": "heavy", "default_locale": "en", "contents": {"email": {"en": text}}},
        )
        for _ in range(20):
            await self._ask("POST", "/v1/notifications", self._mail(metadata={"m": "x" * 900_000}, **LATER))

    async def _crowd(self) -> None:
        await self._ask("POST", "/v1/notifications/bulk", CROWDED)

    async def _bodies(self) -> None:
        for path, body in HOSTILE:
            await self._ask("POST", path, body)

    async def _lists(self) -> None:
        await self._ask("GET", "/v1/jobs?limit=200&include=metadata,result")

    async def _previews(self) -> None:
        await self._ask("POST", "/v1/template-previews", PREVIEW)

    async def _mails(self) -> None:
        boundary = self._mail(body_text=BOUNDARY, priority="low", noted=True)
        heavy = self._mail(type="heavy", data={"rows": list(range(30_000))}, noted=True)
        heavy = {name: value for name, value in heavy.items() if name not in ("subject", "body_text")}
        await self._ask("POST", "/v1/notifications/bulk", [boundary, heavy, heavy])
        await asyncio.sleep(0.5)

    async def _heads(self) -> None:
        address = urlsplit(self._url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        with contextlib.closing(writer):
            writer.write(b"GET / HTTP/1.1\r\nx-long: ")
            with contextlib.suppress(ConnectionError):
                for _ in range(200):
                    writer.write(b"a" * 65_536)
                    await writer.drain()
            self.answers[(await reader.read(16)).decode(errors="replace")[9:12]] += 1

    def _mail(self, *, noted: bool = False, **fields: Any) -> dict[str, Any]:
        address = f"attack-{next(self._numbers)}@attack.example.org"
        if noted:
            self.addresses.append(address)
        return mail(address, **fields)

    async def _ask(self, method: str, path: str, body: Any = None) -> None:
        content = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        headers = {"content-type": "application/json"} if content is not None else {}
        answer = await self._client.request(method, path, content=content, headers=headers)
        self.answers[str(answer.status_code)] += 1


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], os.environ["ATTACKERS_KEY"]))
