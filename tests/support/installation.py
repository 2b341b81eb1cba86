"""A whole Hermodr of a test's own: every service as a process, used as producers and operators do."""

import asyncio
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from hermodr_devkit.backing.places import Place
from hermodr_devkit.supervisor import ALL, SMS_SENDER, WEBHOOK_SENDER, Fleet, ServiceSpec
from hermodr_devkit.supervisor.fleet import private_ports
from hermodr_devkit.supervisor.identities import identities
from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from tests.support import invariants
from tests.support.invariants import Asked, Facts, JobFacts
from tests.support.texted import texted
from tests.support.topologies import topology
from tests.support.waiting import wait_until

PREFIX = "HERMODR_"
TEXT_SERVICES = tuple(spec for spec in ALL if spec is not WEBHOOK_SENDER)
MAIL_SERVICES = tuple(spec for spec in TEXT_SERVICES if spec is not SMS_SENDER)
LADDER = "500ms,1s,2s,4s,5s"
"""Longer than the provider is away in these tests."""
SETTINGS = {
    "HERMODR_RETRY_LADDER": LADDER,
    "HERMODR_SEND_SECONDS": "2",
    "HERMODR_LEASE_SECONDS": "5",
    "HERMODR_GRACE_SECONDS": "10",
    "HERMODR_LOG_FORMAT": "json",
    "HERMODR_EMAIL_FROM": "Test House <house@e2e.example>",
    "HERMODR_MESSAGE_ID_DOMAIN": "e2e.example",
    "HERMODR_SANDBOX_MAX_MAILS": "100000",
}
PATIENCE = 60.0
CONNECTIONS = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=2)
"""As many as requests, so that only services make them wait. Idle ones are closed before the server does (5 s)."""
READERS = 16
BUSY_TRIES = 10

Wiring = Callable[[Mapping[str, str]], Awaitable[Mapping[str, Mapping[str, str]]]]
"""Given the environment of all services, the variables that single ones get instead."""


class Installation:
    """A running fleet, a key, its sandbox, and a record of every request ever made to it."""

    def __init__(self, fleet: Fleet, logs: Path, key: str) -> None:
        self.fleet = fleet
        self.logs = logs
        self.key = key
        environment = fleet.environment
        self.database_url = environment["HERMODR_DATABASE_URL"]
        self.amqp_url = environment["HERMODR_AMQP_URL"]
        self.topology = topology(
            environment["HERMODR_AMQP_PREFIX"],
            environment["HERMODR_RETRY_LADDER"],
            environment.get("HERMODR_CHANNELS"),
        )
        self.asked: list[Asked] = []
        self.judged_elsewhere = ""
        """How addresses end that somebody else judges, if there are any."""
        authorization = {"authorization": f"Bearer {key}"}
        self.api = httpx.AsyncClient(
            base_url=fleet.api_url, headers=authorization, trust_env=False, timeout=15, limits=CONNECTIONS
        )
        self.sandbox = httpx.AsyncClient(
            base_url=fleet.sandbox_url, trust_env=False, timeout=60, limits=CONNECTIONS
        )
        self._jobs: dict[str, JobFacts] = {}
        self._batches: dict[str, Mapping[str, int]] = {}

    async def close(self) -> None:
        await self.api.aclose()
        await self.sandbox.aclose()

    async def forget(self) -> None:
        """Nothing was asked and nothing came: for the next who uses it. The sandbox behaves well."""
        await self.clear_faults()
        (await self.sandbox.delete("/v1/mails")).raise_for_status()
        self.asked.clear()
        self._jobs.clear()
        self._batches.clear()

    async def read(self, path: str) -> Any:
        """Raises httpx.HTTPStatusError."""
        return (await self.api.get(path)).raise_for_status().json()

    async def _patiently(self, path: str) -> httpx.Response:
        """Asks again while the api says that it is too busy, for some time."""
        for _ in range(BUSY_TRIES):
            answer = await self.api.get(path)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(float(answer.headers["retry-after"]))
        return answer

    async def create(self, path: str, document: Mapping[str, Any]) -> Any:
        """Raises httpx.HTTPStatusError."""
        return (await self.api.post(path, json=document)).raise_for_status().json()

    async def job(self, job_id: str) -> Any:
        return await self.read(f"/v1/jobs/{job_id}")

    async def ended(self, job_id: str, seconds: float = PATIENCE) -> Any:
        async def look() -> Any:
            found = await self.job(job_id)
            return found if found["job"]["status"] in invariants.TERMINAL else None

        return await wait_until(look, seconds, f"the end of job {job_id}", interval=0.05)

    async def timeline(self, job_id: str) -> list[Any]:
        return list((await self.read(f"/v1/jobs/{job_id}/timeline"))["data"])

    async def fault(self, **rule: Any) -> str:
        """Returns its id."""
        return str((await self.sandbox.post("/v1/faults", json=rule)).raise_for_status().json()["id"])

    async def fired(self, rule: str) -> int:
        return int((await self.sandbox.get(f"/v1/faults/{rule}")).raise_for_status().json()["fired"])

    async def clear_faults(self) -> None:
        (await self.sandbox.delete("/v1/faults")).raise_for_status()

    async def mails_to(self, address: str) -> list[Any]:
        """In full, newest first."""
        found = (
            (await self.sandbox.get("/v1/mails", params={"to": address, "limit": 200}))
            .raise_for_status()
            .json()
        )
        return [(await self.sandbox.get(f"/v1/mails/{mail['id']}")).json() for mail in found["data"]]

    async def arrived(self) -> int:
        return int((await self.sandbox.get("/v1/stats")).json()["total"])

    async def arrivals(self) -> dict[str, list[str]]:
        """For every address the job ids of its mails' Message-IDs, one for each mail."""
        found: dict[str, list[str]] = {}
        cursor: dict[str, str] = {}
        while True:
            page = (
                (await self.sandbox.get("/v1/mails", params={"limit": "200"} | cursor))
                .raise_for_status()
                .json()
            )
            for mail in page["data"]:
                job_id = mail["message_id"].strip("<>").partition("@")[0]
                for address in mail["envelope_to"]:
                    found.setdefault(address, []).append(job_id)
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    async def sound(self, seconds: float = PATIENCE) -> Facts:
        """Waits until everything accepted has ended; then nothing may be lost, doubled, failed or made up. Raises
        AssertionError with a table of who, what and when."""
        facts = await self._all_ended(seconds)
        found = invariants.violations(facts)
        if found:
            facts = await self._with_evidence(facts, found)
            raise AssertionError(
                invariants.table(invariants.violations(facts), facts) + await self._rows(found)
            )
        return facts

    async def facts(self) -> Facts:
        """At this moment. Raises httpx.HTTPError."""
        facts = await self._progress()
        came = await self.arrivals() | await texted(self.sandbox, self.database_url)
        aside = self.judged_elsewhere
        arrivals = {to: jobs for to, jobs in came.items() if not aside or not to.endswith(aside)}
        facts = Facts(self.asked, facts.jobs, facts.batches, arrivals)
        return await self._with_jobs(facts, invariants.curious(facts))

    async def unknown_attempts(self, domain: str) -> int:
        """Attempts with an unknown outcome, of mails to addresses with `domain` in them."""
        return int(
            await self._value(
                "SELECT count(*) FROM hermodr.attempts a JOIN hermodr.deliveries d ON d.id = a.delivery_id"
                " WHERE a.outcome = 'unknown' AND position($1 IN d.address) > 0",
                domain,
            )
        )

    async def held_by(self, pid: int | None) -> list[UUID]:
        """Deliveries that this process has claimed and not reported."""
        found = await self._value(
            "SELECT coalesce(array_agg(id), '{}') FROM hermodr.deliveries"
            " WHERE state = 'sending' AND split_part(claimed_by, ':', 2) = $1",
            str(pid),
        )
        return list(found)

    async def all_sent(self, ids: Collection[UUID]) -> bool:
        sql = "SELECT count(*) FROM hermodr.deliveries WHERE id = ANY($1) AND state = 'sent'"
        return int(await self._value(sql, ids)) == len(ids)

    async def resent(self, ids: Collection[UUID]) -> int:
        """Deliveries that were sent after an attempt with an unknown outcome."""
        return int(
            await self._value(
                "SELECT count(DISTINCT d.id) FROM hermodr.attempts a JOIN hermodr.deliveries d ON d.id = a.delivery_id"
                " WHERE a.outcome = 'unknown' AND d.state = 'sent' AND d.id = ANY($1)",
                ids,
            )
        )

    async def dead_letters(self, job_id: str) -> list[str]:
        found = await self._value(
            "SELECT coalesce(array_agg(reason), '{}') FROM hermodr.dead_letters WHERE job_id = $1",
            UUID(job_id),
        )
        return list(found)

    async def claimed_by(self, job_id: str) -> str:
        """The instance that is sending the job's delivery, `host:pid:…`; empty if none is."""
        sql = "SELECT claimed_by FROM hermodr.deliveries WHERE job_id = $1 AND state = 'sending'"
        return str(await self._value(sql, UUID(job_id)) or "")

    async def senders(self) -> list[str]:
        return list(
            await self._value("SELECT coalesce(array_agg(DISTINCT claimed_by), '{}') FROM hermodr.attempts")
        )

    async def rows(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return list(await connection.fetch(sql, *arguments))
        finally:
            await connection.close()

    async def _value(self, sql: str, *arguments: object) -> Any:
        connection = await asyncpg.connect(self.database_url)
        try:
            return await connection.fetchval(sql, *arguments)
        finally:
            await connection.close()

    def text_in_logs(self, secrets: Iterable[str]) -> list[str]:
        """`service: line` for every line of a log that holds one of the texts."""
        wanted = tuple(secrets)
        return [
            f"{path.stem}: {line}"
            for path in sorted(self.logs.glob("*.log"))
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
            if any(secret in line for secret in wanted)
        ]

    def logged(self, name: str, event: str) -> int:
        text = (self.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        return text.count(f'"event": "{event}"')

    async def _all_ended(self, seconds: float) -> Facts:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        facts = await self._progress()
        while left := invariants.unfinished(facts):
            if loop.time() > deadline:
                shown = "\n".join(left[:20])
                raise AssertionError(
                    f"not everything ended within {seconds:g} s:\n{shown}{await self._rows(())}{self._gone()}"
                )
            await asyncio.sleep(0.1)
            facts = await self._progress()
        return await self.facts()

    async def _progress(self) -> Facts:
        jobs = [each.job_id for each in self.asked if each.job_id is not None]
        await self._look_at(jobs)
        for batch in dict.fromkeys(each.batch_id for each in self.asked if each.batch_id is not None):
            if not self._batches.get(batch) or set(self._batches[batch]) - invariants.TERMINAL:
                self._batches[batch] = (
                    (await self._patiently(f"/v1/batches/{batch}")).raise_for_status().json()["counts"]
                )
        return Facts(self.asked, dict(self._jobs), dict(self._batches))

    async def _look_at(self, jobs: Iterable[str]) -> None:
        ended = {job.id for job in self._jobs.values() if job.status in invariants.TERMINAL}
        waiting = deque(job for job in jobs if job not in ended)

        async def reader() -> None:
            while waiting:
                job_id = waiting.popleft()
                answer = await self._patiently(f"/v1/jobs/{job_id}")
                if answer.status_code == httpx.codes.NOT_FOUND:
                    continue
                self._jobs[job_id] = _facts(answer.raise_for_status().json())

        await asyncio.gather(*(reader() for _ in range(READERS)))

    async def _with_jobs(self, facts: Facts, jobs: Iterable[str]) -> Facts:
        await self._look_at(jobs)
        return Facts(facts.asked, dict(self._jobs), facts.batches, facts.arrivals)

    async def _with_evidence(self, facts: Facts, found: Sequence[invariants.Violation]) -> Facts:
        jobs = dict.fromkeys(job for each in found[: invariants.MOST_SHOWN] for job in each.jobs)
        open_jobs = [job.id for job in facts.jobs.values() if job.status not in invariants.TERMINAL]
        known = dict(facts.jobs)
        for job_id in [*jobs, *open_jobs[: invariants.MOST_SHOWN]]:
            if (job := known.get(job_id)) is not None:
                lines = tuple(_line(entry) for entry in await self.timeline(job_id))
                known[job_id] = JobFacts(job.id, job.status, job.outcomes, lines)
        return Facts(facts.asked, known, facts.batches, facts.arrivals)

    def _gone(self) -> str:
        return "".join(
            f"\n\n{service.name} ended with status {service.returncode}:\n{self.fleet.log_tail(service.name)}"
            for service in self.fleet.services.values()
            if not service.running
        )

    async def _rows(self, found: Sequence[invariants.Violation]) -> str:
        """What the ledger has of the jobs concerned; for the reader only."""
        addresses = [each.about.split(" ")[0] for each in found]
        connection = await asyncpg.connect(self.database_url)
        try:
            rows = await connection.fetch(
                """
                SELECT j.id, j.to_email, j.state AS job, j.wake_at - now() AS job_wakes, j.announcements, d.state,
                       d.attempt, d.wake_at - now() AS wakes, d.lease_until - now() AS lease, d.due_at - now() AS due,
                       d.announcements AS rung, d.error, now() AS now
                FROM hermodr.jobs j LEFT JOIN hermodr.deliveries d ON d.job_id = j.id
                WHERE j.to_email = ANY($1) OR j.finished_at IS NULL ORDER BY j.id LIMIT 15
                """,
                addresses,
            )
        finally:
            await connection.close()
        return "\n\nthe ledger's rows:\n" + "\n".join(str(dict(row)) for row in rows)


def _facts(document: Any) -> JobFacts:
    attempts = sorted(document["delivery_logs"], key=lambda each: (each["delivery_id"], each["number"]))
    return JobFacts(
        document["job"]["id"], document["job"]["status"], tuple(each["outcome"] for each in attempts)
    )


def _line(entry: Any) -> str:
    return f"{entry['at'][11:23]} {entry['event']} {entry['detail'] or ''}"


@asynccontextmanager
async def installed(
    logs: Path,
    *,
    database_url: str,
    amqp_url: str,
    prefix: str = "hermodr",
    management_url: str | None = None,
    specs: Sequence[ServiceSpec] = MAIL_SERVICES,
    wiring: Wiring | None = None,
    key: str | None = None,
    code: str = "",
    **variables: str,
) -> AsyncIterator[Installation]:
    """On a migrated database and a place at a broker, where each service has a user of its own if there is a
    management API; all end with the block. `key`: one that is there already. `code`: a PYTHONPATH to other code than
    today's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    places = {
        "HERMODR_DATABASE_URL": database_url,
        "HERMODR_AMQP_URL": amqp_url,
        "HERMODR_AMQP_PREFIX": prefix,
    }
    environment = private_ports(kept | SETTINGS | places | variables, specs)
    place = Place(amqp_url, prefix, management_url)
    own = await identities(database_url, variables.get("HERMODR_CHANNELS"), place=place)
    fleet = Fleet(environment, logs, specs=specs, identities=own, at_our_end=signal.SIGKILL)
    for name, special in (await wiring(environment) if wiring else {}).items():
        fleet[name].variables = {**fleet[name].variables, **special}
    for service in fleet.services.values():
        service.variables = {**service.variables, **({"PYTHONPATH": code} if code else {})}
    async with fleet:
        installation = Installation(fleet, logs, key or await _key(database_url))
        try:
            yield installation
        finally:
            await installation.close()


async def _key(database_url: str) -> str:
    ledger = Ledger(database_url, service="tests", pool_size=1)
    try:
        return (await keys.create(ledger, "e2e", ("send", "read", "manage"), "e2e")).secret
    finally:
        await ledger.close()
