"""What the demo shows of an application's user: a task of theirs whose progress they see, and an inbox that fills."""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from hermodr_cli.output import Say
from hermodr_devkit.demo.client import TERMINAL, Api, Arrival, Refused
from hermodr_devkit.demo.facts import JobFacts, KindFacts, job_facts
from hermodr_devkit.demo.scenario import Kind, Promise

USER = "hanna"
TASK = "photo-album"
PHOTOS, NOTES = 10, 4
ALBUM = Kind("album", f"task of {PHOTOS} steps", 1, 1, 1, delivery=None, promise=Promise.WATCHED)
NOTED = Kind(
    "noted",
    "in the user's inbox",
    NOTES,
    NOTES,
    NOTES,
    delivery="delivered",
    promise=Promise.COUNTED,
    channel="in_app",
)
DESK = (ALBUM, NOTED)
LEAST_SEEN = 3
"""Progress is told twice a second; more often than this while the task runs."""
_PATIENCE_SECONDS = 20.0
_LOOK_SECONDS = 0.1
_BETWEEN_NOTES_SECONDS = 0.3

_CODE = """
import time
from hermodr_worker import TaskContext, task

@task("photo-album", users=True)
def photo_album(ctx: TaskContext, payload: dict[str, int]) -> dict[str, int]:
    for number in range(payload["photos"]):
        ctx.progress(number, payload["photos"], f"Photo {number + 1}")
        time.sleep(0.2)
    ctx.progress(payload["photos"], payload["photos"], "All of them")
    return {"pages": payload["photos"] // 2}
"""


def installed(folder: Path) -> str:
    """The task, as a package that workers find with this in their `PYTHONPATH`."""
    about = folder / "photo_album-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "photo_album.py").write_text(_CODE, encoding="utf-8")
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: photo-album\nVersion: 1.0\n", encoding="utf-8"
    )
    (about / "entry_points.txt").write_text(f"[hermodr.tasks]\n{TASK} = photo_album\n", encoding="utf-8")
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


async def token(environment: Mapping[str, str], project: str) -> str:
    """The user's, as `hermodr tokens create` prints it. Raises `Refused`."""
    command = (
        sys.executable,
        "-m",
        "hermodr_cli.main",
        "tokens",
        "create",
        "--project",
        project,
        "--user",
        USER,
    )
    process = await asyncio.create_subprocess_exec(
        *command, env=dict(environment), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complaint = await process.communicate()
    if process.returncode:
        raise Refused(f"hermodr tokens create: {complaint.decode().strip()}")
    return said.decode().split()[-1]


class Desk:
    """The application asks with its key, the user with their token. `say` is told what the user sees."""

    def __init__(self, api: Api, token: str, say: Say) -> None:
        self._api = api
        self._token = token
        self._say = say
        self._progress: list[Mapping[str, Any]] = []
        self._ended = ""
        self._unread = 0
        self._listening = asyncio.Event()

    async def perform(self) -> Mapping[str, KindFacts]:
        """What came of it, once all ended, or after some seconds: the verdict will say so."""
        await self._api.create_recipient({"user_id": USER, "name": "Hanna Berg"})
        async with Api(self._api.url, self._token) as user:
            watching = asyncio.create_task(self._watch())
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._listening.wait()
                wanted = {"type": TASK, "payload": {"photos": PHOTOS}}
                album = (await user.ask("POST", "/v1/jobs", 202, json=wanted)).json()["job_id"]
                async with asyncio.TaskGroup() as group:
                    noting = group.create_task(self._notes())
                    group.create_task(self._follow(user, album))
                notes = noting.result()
                await self._until(lambda: self._over(user, album, notes))
            finally:
                watching.cancel()
            inbox = (await user.ask("GET", "/v1/inbox")).json()
        return {
            ALBUM.key: await self._album(album, inbox),
            NOTED.key: await self._noted(notes, inbox),
        }

    async def _notes(self) -> list[str]:
        """One after the other, so that the inbox is seen to fill."""
        made = []
        for number in range(NOTES):
            await asyncio.sleep(_BETWEEN_NOTES_SECONDS)
            told = {"subject": f"Photo {number + 1} has a comment", "body_text": "What a boat!"}
            wanted = {"to": {"user_id": USER}, "channels": ["in_app"], **told}
            made.append((await self._api.send(wanted, None)).job_id)
        return made

    async def _follow(self, user: Api, job_id: str) -> None:
        """The task, as its user sees it."""

        async def over() -> bool:
            job = (await user.job(job_id))["job"]
            progress = job["progress"]
            if progress and progress["current"] not in [each["current"] for each in self._progress]:
                self._progress.append(progress)
                self._tell()
            if job["status"] in TERMINAL:
                self._ended = job["status"]
                self._tell()
            return bool(self._ended)

        await self._until(over)

    async def _watch(self) -> None:
        """The user's inbox: reads the stream of its events."""
        headers = {"Authorization": f"Bearer {self._token}"}
        async with (
            httpx.AsyncClient(
                base_url=self._api.url, headers=headers, trust_env=False, timeout=None
            ) as client,
            client.stream("GET", "/v1/inbox/stream") as stream,
        ):
            name = ""
            self._listening.set()
            async for line in stream.aiter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    self._see(name, json.loads(value))

    def _see(self, name: str, body: Mapping[str, Any]) -> None:
        if name == "notification:count":
            self._unread = body["unread"]
            self._tell()

    def _tell(self) -> None:
        seen = self._progress[-1] if self._progress else {"current": 0, "total": PHOTOS}
        state = self._ended or f"{seen['current']} of {seen['total']}"
        self._say(f"{USER} sees: {TASK} {state}, {self._unread} unread")

    async def _over(self, user: Api, album: str, notes: list[str]) -> bool:
        """Also that it was told so, and that the inbox has it."""
        if self._unread <= NOTES:
            return False
        answers = [await user.job(album), *[await self._api.job(job_id) for job_id in notes]]
        return all(answer["job"]["status"] in TERMINAL for answer in answers)

    async def _until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not await condition() and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_SECONDS)

    async def _album(self, job_id: str, inbox: Mapping[str, Any]) -> KindFacts:
        answer = await self._api.job(job_id)
        attempts = answer["task"]["attempts"]
        return KindFacts(
            accepted=1,
            states=Counter([answer["job"]["status"]]),
            jobs=[
                replace(
                    job_facts(answer),
                    attempts=len(attempts),
                    sent_at=datetime.fromisoformat(attempts[-1]["finished_at"]) if attempts else None,
                )
            ],
            arrivals=_arrivals(inbox, told_of_tasks=True),
            reasons=[str(each["current"]) for each in self._progress] + [self._ended],
        )

    async def _noted(self, job_ids: list[str], inbox: Mapping[str, Any]) -> KindFacts:
        answers = [await self._api.job(job_id) for job_id in job_ids]
        jobs: list[JobFacts] = [job_facts(answer) for answer in answers]
        return KindFacts(
            accepted=len(job_ids),
            states=Counter(answer["job"]["status"] for answer in answers),
            jobs=jobs,
            arrivals=_arrivals(inbox, told_of_tasks=False),
            gathered=[(self._unread, inbox["unread_count"])],
        )


def _arrivals(inbox: Mapping[str, Any], *, told_of_tasks: bool) -> list[Arrival]:
    return [
        Arrival(each["id"], USER, datetime.fromisoformat(each["created_at"]))
        for each in inbox["data"]
        if (each["type"] == "job_status") is told_of_tasks
    ]
