"""What time does while everything breaks: schedules of a second, events that wait in windows, digests of a group that
somebody keeps posting to. Judged by the ledger's own accounts and by what came to the sandbox."""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any

import httpx

from tests.chaos.producer import Producer
from tests.support.installation import Installation
from tests.support.waiting import wait_until

DOMAIN = "clock.example.org"
"""Of everybody whom this writes to: judged here, not by `invariants`."""
SCHEDULES = 3
READERS = 3
KEYS = ("red", "green", "blue")
WINDOWS = ("1s", "2s", "4s")
EVENTS_A_SECOND = 4
TEMPLATE: dict[str, Any] = {
    "name": "liked",
    "contents": {
        "email": {"en": {"subject": "{{ total }} like it", "body_text": "{{ items | length }} shown.\n"}}
    },
}
DIGEST: dict[str, Any] = {
    "name": "digest",
    "contents": {"email": {"en": {"subject": "News", "body_text": "{{ items | length }} of {{ total }}.\n"}}},
}
LAST_DIGESTS = 100
_LOOK_SECONDS = 0.5


class Clockwork:
    def __init__(self, installation: Installation, rng: random.Random) -> None:
        self._installation = installation
        self._rng = rng
        self._producer = Producer(installation, "clock")
        self._schedules: list[str] = []
        self._digests: list[str] = []
        self._group = ""
        self._accepted = 0
        self._uncertain = 0

    async def prepare(self) -> None:
        """Schedules begin to fire at once."""

        create = self._installation.create
        for template in (TEMPLATE, DIGEST):
            await create("/v1/templates", template)
        readers = [
            (await create("/v1/recipients", {"email": f"reader-{nth}@{DOMAIN}"}))["id"]
            for nth in range(READERS)
        ]
        self._group = (await create("/v1/groups", {"name": "chaos"}))["id"]
        members = [{"recipient_id": each} for each in readers]
        answer = await self._installation.api.post(
            f"/v1/groups/{self._group}/members", json={"members": members}
        )
        answer.raise_for_status()
        for reader in readers:
            wanted = {"recipient_id": reader, "group_id": self._group, "frequency": "daily"}
            self._digests.append((await create("/v1/digest-schedules", wanted))["id"])
        for nth in range(SCHEDULES):
            job = {"to": {"email": f"tide-{nth}@{DOMAIN}"}, "subject": "Tide", "body_text": "High water.\n"}
            made = await create("/v1/schedules", {"name": f"tide {nth}", "every": "1s", "job": job})
            self._schedules.append(made["id"])

    async def run(self, stop: asyncio.Event) -> None:
        """Events, updates and digests, until told to stop; returns when each request has its answer."""
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                for _ in range(EVENTS_A_SECOND):
                    group.create_task(self._event())
                group.create_task(self._producer.post(f"/v1/groups/{self._group}/updates", {"title": "News"}))
                if self._rng.random() < 0.3:
                    group.create_task(
                        self._producer.post(f"/v1/digest-schedules/{self._rng.choice(self._digests)}/run")
                    )
                await asyncio.sleep(1.0)

    async def conclude(self, seconds: float) -> list[str]:
        """Pauses the schedules, sends what is left, waits for the end of all; returns what is wrong. Raises
        AssertionError if it does not end."""
        for schedule in self._schedules:
            answer = await self._installation.api.patch(
                f"/v1/schedules/{schedule}", json={"is_active": False}
            )
            answer.raise_for_status()
        await wait_until(self._nothing_open, seconds, "the end of all clockwork", interval=_LOOK_SECONDS)
        for _ in range(LAST_DIGESTS):
            if not await self._value(_PENDING):
                break
            for digest in self._digests:
                await self._producer.post(f"/v1/digest-schedules/{digest}/run")
            await wait_until(self._nothing_open, seconds, "the end of the digests", interval=_LOOK_SECONDS)
        return [
            *await self._of_events(),
            *await self._of_digests(),
            *await self._of_schedules(),
            *await self._of_mails(),
        ]

    async def _event(self) -> None:
        wanted = {
            "type": "liked",
            "to": {"email": f"owner-{self._rng.randrange(READERS)}@{DOMAIN}"},
            "digest": {"key": self._rng.choice(KEYS), "window": self._rng.choice(WINDOWS)},
        }
        answer = await self._producer.post("/v1/notifications", wanted)
        if answer is None or answer.status_code != httpx.codes.ACCEPTED:
            self._uncertain += 1
        else:
            self._accepted += 1

    async def _nothing_open(self) -> Any:
        return not await self._value(_OPEN, f"%@{DOMAIN}")

    async def _of_events(self) -> list[str]:
        accounts = {row["account"]: row["n"] for row in await self._installation.rows(_EVENTS)}
        found = [f"events: {number} {account}" for account, number in accounts.items() if account != "sent"]
        total = sum(accounts.values())
        if not self._accepted <= total <= self._accepted + self._uncertain:
            found.append(
                f"events: {self._accepted} accepted, {self._uncertain} uncertain, {total} accounted for"
            )
        if wrong := await self._value(_MISCOUNTED):
            found.append(f"events: {wrong} messages tell another number than they carry")
        return found

    async def _of_digests(self) -> list[str]:
        accounts = {row["account"]: row["n"] for row in await self._installation.rows(_DIGESTS)}
        found = [
            f"digests: {number} {account}" for account, number in accounts.items() if account != "delivered"
        ]
        updates = await self._value("SELECT count(*) FROM hermodr.updates")
        if sum(accounts.values()) != READERS * updates:
            found.append(f"digests: {updates} updates for {READERS} readers, {accounts}")
        return found

    async def _of_schedules(self) -> list[str]:
        found = []
        for schedule in self._schedules:
            rows = await self._installation.rows(_RUNS, schedule)
            moments = [row["nominal"] for row in rows]
            gaps = sum(later - earlier != timedelta(seconds=1) for earlier, later in pairwise(moments))
            untold = sum(row["error"] == "more_missed" for row in rows)
            if gaps > untold:
                found.append(f"schedules: {gaps} occurrences are neither fired nor missed")
            if failed := [row["error"] for row in rows if row["state"] == "failed"]:
                found.append(f"schedules: failed: {Counter(failed)}")
            if not any(row["state"] == "fired" for row in rows):
                found.append("schedules: nothing fired")
        return found

    async def _of_mails(self) -> list[str]:
        """Every job's mail came, and again only after an attempt of unknown outcome."""
        came = Counter(job for jobs in (await self._installation.arrivals()).values() for job in jobs)
        rows = await self._installation.rows(_SENT, f"%@{DOMAIN}")
        found = []
        if lost := sum(not came[row["id"]] for row in rows):
            found.append(f"clockwork: {lost} mails were lost")
        if doubled := sum(came[row["id"]] > 1 + row["unknown"] for row in rows):
            found.append(f"clockwork: {doubled} mails were doubled")
        return found

    async def _value(self, sql: str, *arguments: object) -> Any:
        return (await self._installation.rows(sql, *arguments))[0][0]


_OURS = """
FROM hermodr.jobs j LEFT JOIN hermodr.recipients r ON r.id = j.recipient_id
WHERE coalesce(j.to_email, r.email) LIKE $1
"""
_OPEN = f"""
SELECT (SELECT count(*) {_OURS} AND j.finished_at IS NULL)
    + (SELECT count(*) FROM hermodr.event_windows WHERE closed_at IS NULL)
    + (SELECT count(*) FROM hermodr.digest_runs WHERE settled_at IS NULL AND job_id IS NOT NULL)
"""
_PENDING = "SELECT count(*) FROM hermodr.digest_accounts WHERE account = 'pending'"
_EVENTS = "SELECT account, count(*) AS n FROM hermodr.event_accounts GROUP BY 1"
_DIGESTS = "SELECT account, count(*) AS n FROM hermodr.digest_accounts GROUP BY 1"
_MISCOUNTED = """
SELECT count(*) FROM (
    SELECT (c.data->>'total')::int AS told, count(e.job_id) AS carried
    FROM hermodr.event_windows w JOIN hermodr.jobs c ON c.id = w.carrier_id
    LEFT JOIN hermodr.window_events e ON e.window_id = w.id AND e.carried GROUP BY c.id, c.data
) messages WHERE told <> carried
"""
_RUNS = """
SELECT nominal, state, error FROM hermodr.schedule_runs WHERE schedule_id = $1::uuid AND NOT manual ORDER BY nominal
"""
_SENT = f"""
SELECT j.id::text, (SELECT count(*) FROM hermodr.deliveries d JOIN hermodr.attempts a ON a.delivery_id = d.id
    WHERE d.job_id = j.id AND a.outcome = 'unknown') AS unknown
{_OURS} AND j.state = 'completed' AND EXISTS (SELECT FROM hermodr.deliveries d WHERE d.job_id = j.id)
"""
