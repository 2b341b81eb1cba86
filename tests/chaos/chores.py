"""Tasks and inboxes while everything breaks: tasks that fail, wait for others, are followed or cancelled; users who are
told of theirs, get other notifications and read some. Judged by the ledger, by what the tasks noted themselves, and by
what users see."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from tests.chaos.producer import Producer
from tests.support import user_tokens
from tests.support.installation import Installation
from tests.support.waiting import wait_until

USERS = ("ursula", "otto", "yngvar")
MOST_BY_USERS = 50
"""Users may start only so many tasks within an hour."""
_LOOK_SECONDS = 0.5


@dataclass
class _Asked:
    """What was accepted, by job id; `uncertain` requests may have been."""

    tasks: dict[str, str] = field(default_factory=dict)
    """Which states it may end in, by spaces."""
    followed: set[str] = field(default_factory=set)
    by_users: dict[str, str] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    """In whose inbox."""
    read: set[str] = field(default_factory=set)
    uncertain: int = 0


class Chores:
    """`notes` is the file in which tasks note what they begin."""

    def __init__(self, installation: Installation, rng: random.Random, secret_key: str, notes: Path) -> None:
        self._installation = installation
        self._rng = rng
        self._secret_key = secret_key
        self._notes = notes
        self._producer = Producer(installation, "chores")
        self._tokens: dict[str, str] = {}
        self._asked = _Asked()

    @property
    def requested(self) -> tuple[int, int]:
        """Tasks and notifications that were accepted."""
        return len(self._asked.tasks), len(self._asked.told)

    async def prepare(self) -> None:
        """Users with an inbox and no address."""
        project = UUID((await self._installation.read("/v1/projects/me"))["id"])
        for user in USERS:
            await self._installation.create("/v1/recipients", {"user_id": user})
            self._tokens[user] = await user_tokens.signed(
                self._installation.database_url, self._secret_key, project, user
            )

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; returns when each request has its answer."""
        rng = self._rng
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                for _ in range(2):
                    group.create_task(self._one())
                if rng.random() < 0.4:
                    group.create_task(self._batch())
                if rng.random() < 0.4 and len(self._asked.by_users) < MOST_BY_USERS:
                    group.create_task(self._by_user(rng.choice(USERS)))
                for _ in range(2):
                    group.create_task(self._tell(rng.choice(USERS)))
                group.create_task(self._read(rng.choice(USERS)))
                await asyncio.sleep(1.0)

    async def _one(self) -> None:
        rng = self._rng
        payload: dict[str, Any] = {"steps": rng.randrange(10), "fails": rng.choice([0, 0, 0, 1, 2])}
        ends = "completed"
        if rng.random() < 0.1:
            payload["hopeless"], ends = True, "failed"
        job_id = await self._request(
            {"type": rng.choice(["chore", "chore", "press"]), "payload": payload}, ends
        )
        if job_id is not None and rng.random() < 0.2:
            self._asked.tasks[job_id] += " cancelled"
            await asyncio.sleep(rng.random())
            await self._producer.ask("DELETE", f"/v1/jobs/{job_id}", None, {})

    async def _batch(self) -> None:
        """Three tasks, one that waits for them, and one that follows that."""
        lost = self._rng.random() < 0.2
        parts = [
            await self._request(
                {"type": "chore", "payload": {"hopeless": lost}}, "failed" if lost else "completed"
            )
            for _ in range(3)
        ]
        known = [each for each in parts if each is not None]
        wanted = {"type": "press", "payload": {}, "depends_on": known, "on_finished": {"type": "tidy"}}
        whole = await self._request(wanted, "failed" if lost and known else "completed")
        if whole is not None:
            self._asked.followed.add(whole)

    async def _by_user(self, user: str) -> None:
        wanted = {"type": "chore", "payload": {"steps": 2}}
        job_id = await self._request(wanted, "completed", token=self._tokens[user])
        if job_id is not None:
            self._asked.by_users[job_id] = user

    async def _request(self, wanted: dict[str, Any], ends: str, token: str | None = None) -> str | None:
        answer = await self._producer.post("/v1/jobs", wanted, token=token)
        if answer is None or answer.status_code != httpx.codes.ACCEPTED:
            self._asked.uncertain += 1
            return None
        job_id = str(answer.json()["job_id"])
        self._asked.tasks[job_id] = ends
        return job_id

    async def _tell(self, user: str) -> None:
        wanted = {"to": {"user_id": user}, "channels": ["in_app"], "subject": "News", "body_text": "Here."}
        answer = await self._producer.post("/v1/notifications", wanted)
        if answer is None or answer.status_code != httpx.codes.ACCEPTED:
            self._asked.uncertain += 1
        else:
            self._asked.told[str(answer.json()["job_id"])] = user

    async def _read(self, user: str) -> None:
        """The newest that is unread."""
        headers = {"authorization": f"Bearer {self._tokens[user]}"}
        page = await self._producer.ask("GET", "/v1/inbox?read=false&limit=1", None, headers)
        if page is None or page.status_code != httpx.codes.OK:
            return
        for each in page.json()["data"]:
            done = await self._producer.ask("PATCH", f"/v1/inbox/{each['id']}/read", None, headers)
            if done is not None and done.is_success:
                self._asked.read.add(each["id"])

    async def conclude(self, seconds: float) -> list[str]:
        """Waits for the end of all; returns what is wrong. Raises AssertionError if it does not end."""
        await wait_until(self._nothing_open, seconds, "the end of all chores", interval=_LOOK_SECONDS)
        return [
            *await self._of_tasks(),
            *await self._of_followers(),
            *await self._of_notes(),
            *await self._of_inboxes(),
        ]

    async def _nothing_open(self) -> Any:
        return not (await self._installation.rows(_OPEN))[0]["n"]

    async def _of_tasks(self) -> list[str]:
        states = {row["id"]: row["state"] for row in await self._installation.rows(_STATES)}
        accepted = self._asked.tasks
        found = [f"tasks: {len(lost)} were lost" for lost in [accepted.keys() - states.keys()] if lost]
        wrong = Counter(
            f"{states[job_id]} instead of {ends}"
            for job_id, ends in accepted.items()
            if job_id in states and states[job_id] not in ends.split()
        )
        found += [f"tasks: {number} are {what}" for what, number in wrong.items()]
        if (strangers := len(states.keys() - accepted.keys())) > self._asked.uncertain:
            found.append(f"tasks: {strangers} that nobody asked for")
        return found

    async def _of_followers(self) -> list[str]:
        """One for each end, which tells how that was."""
        rows = await self._installation.rows(_FOLLOWERS)
        came = Counter(row["follows"] for row in rows)
        found = [
            f"followers: {row['follows']} ended otherwise" for row in rows if row["told"] != row["state"]
        ]
        if missing := sum(not came[each] for each in self._asked.followed):
            found.append(f"followers: {missing} are missing")
        if doubled := sum(number > 1 for number in came.values()):
            found.append(f"followers: {doubled} were requested twice")
        return found

    async def _of_notes(self) -> list[str]:
        """Each attempt began once; one that was handed back may begin again under its number."""
        lines = await asyncio.to_thread(self._notes.read_text)
        begun = Counter(tuple(line.split()) for line in lines.splitlines())
        per_job: Counter[str] = Counter()
        for (job_id, _), number in begun.items():
            per_job[job_id] += number
        rows = {row["id"]: row for row in await self._installation.rows(_ATTEMPTS)}
        found = []
        more = [
            job_id
            for (job_id, _), number in begun.items()
            if job_id not in rows or number > 1 + rows[job_id]["handed_back"]
        ]
        if more:
            found.append(f"effects: {len(more)} attempts began more than once, such as of {more[0]}")
        over = [
            job_id
            for job_id, number in per_job.items()
            if job_id in rows and number > rows[job_id]["attempts"] + rows[job_id]["handed_back"]
        ]
        if over:
            found.append(f"effects: {len(over)} tasks began more often than was recorded, such as {over[0]}")
        if idle := [key for key, row in rows.items() if row["state"] == "completed" and not per_job[key]]:
            found.append(f"effects: {len(idle)} completed without having begun, such as {idle[0]}")
        return found

    async def _of_inboxes(self) -> list[str]:
        found = []
        wanted = Counter(self._asked.told.values()) + Counter(self._asked.by_users.values())
        for user in USERS:
            rows = await self._installation.rows(_INBOX, user)
            jobs = Counter(row["job_id"] for row in rows)
            mine = {job_id for job_id, whose in self._asked.told.items() if whose == user}
            if lost := mine - jobs.keys():
                found.append(f"inbox of {user}: {len(lost)} notifications were lost")
            if doubled := sum(number > 1 for number in jobs.values()):
                found.append(f"inbox of {user}: {doubled} notifications came twice")
            if not wanted[user] <= len(rows) <= wanted[user] + self._asked.uncertain:
                found.append(f"inbox of {user}: {len(rows)} notifications, {wanted[user]} were requested")
            seen, counts = await self._seen(user)
            unread = sum(not each["read"] for each in seen)
            if len(seen) != len(rows) or counts != {unread}:
                found.append(
                    f"inbox of {user}: {len(rows)} notifications, {len(seen)} listed, {unread} of them unread;"
                    f" counted were {sorted(counts)}"
                )
            if forgotten := sum(each["id"] in self._asked.read and not each["read"] for each in seen):
                found.append(f"inbox of {user}: {forgotten} are unread again")
        return found

    async def _seen(self, user: str) -> tuple[Sequence[dict[str, Any]], set[int]]:
        """What the user sees, and the numbers of unread ones that the pages and the count tell."""
        headers = {"authorization": f"Bearer {self._tokens[user]}"}
        get = self._installation.api.get
        counts = {
            (await get("/v1/inbox/unread-count", headers=headers)).raise_for_status().json()["unread_count"]
        }
        seen: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await get("/v1/inbox", params={"limit": "200"} | cursor, headers=headers)).json()
            seen += page["data"]
            counts.add(page["unread_count"])
            if page["next_cursor"] is None:
                return seen, counts
            cursor = {"cursor": page["next_cursor"]}


_OPEN = """
SELECT (SELECT count(*) FROM hermodr.jobs
        WHERE finished_at IS NULL AND (kind = 'task' OR channels = ARRAY['in_app'] OR type = 'job_status'))
    + (SELECT count(*) FROM hermodr.task_endings) + (SELECT count(*) FROM hermodr.task_dependencies)
    + (SELECT count(*) FROM hermodr.tasks) AS n
"""
_STATES = "SELECT id::text, state FROM hermodr.jobs WHERE kind = 'task' AND type <> 'tidy'"
_FOLLOWERS = """
SELECT t.metadata->>'follows' AS follows, t.metadata->>'state' AS told, j.state
FROM hermodr.jobs t JOIN hermodr.jobs j ON j.id = (t.metadata->>'follows')::uuid
WHERE t.kind = 'task' AND t.type = 'tidy'
"""
_ATTEMPTS = """
SELECT j.id::text, j.state, (SELECT count(*) FROM hermodr.task_attempts a WHERE a.job_id = j.id) AS attempts,
    (SELECT count(*) FROM hermodr.events e WHERE e.job_id = j.id AND e.kind = 'handed_back') AS handed_back
FROM hermodr.jobs j WHERE j.kind = 'task'
"""
_INBOX = "SELECT job_id::text FROM hermodr.inbox WHERE user_id = $1"
