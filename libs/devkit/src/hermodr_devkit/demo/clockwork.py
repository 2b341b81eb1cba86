"""What the demo shows of time: a digest of what was not read, events that wait for others, a call for answers, a cap
and a schedule."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from hermodr_devkit.demo.client import TERMINAL, Api, Arrival, Sandbox
from hermodr_devkit.demo.facts import KindFacts, job_facts
from hermodr_devkit.demo.people import Person, people
from hermodr_devkit.demo.scenario import SITE, Kind, Promise

UPDATES, MOST_UPDATES = 12, 10
EVENTS, WINDOW = 6, "2s"
CAP = 2
ASKED = 5
REMINDER, PAUSE = "2s", "1h"
RUNS = 3
_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.1

DIGESTED = Kind("digested", f"digest of {UPDATES} updates", 3, 3, 3, promise=Promise.DIGESTED)
GATHERED = Kind(
    "gathered", f"events within {WINDOW}", EVENTS, EVENTS, 1, 0, delivery=None, promise=Promise.GATHERED
)
REMINDED = Kind(
    "reminded",
    "auto-sync, no answer yet",
    *(1, 3, 3),
    delivery="delivered",
    promise=Promise.REMINDED,
    channel="sms",
)
WITHIN = Kind("within", f"within a cap of {CAP} a day", CAP, CAP, CAP)
BEYOND = Kind("beyond", "beyond it", ASKED - CAP, ASKED - CAP, 0, 0, "skipped", None, Promise.CAPPED)
RECURRING = Kind("recurring", "schedule, each second", RUNS, RUNS, RUNS, promise=Promise.ON_TIME)
CLOCKWORK = (DIGESTED, GATHERED, REMINDED, WITHIN, BEYOND, RECURRING)

_NEWS = (
    ("photo", "Four photos of the regatta", f"{SITE}/photos/regatta"),
    ("milestone", "The boat is in the water again", f"{SITE}/boat"),
    ("text", "“Who brings the cake on Sunday?”", f"{SITE}/cake"),
)


class Clockwork:
    def __init__(self, api: Api, sandbox: Sandbox) -> None:
        self._api = api
        self._sandbox = sandbox
        self._jobs: dict[Kind, list[str]] = {}
        self._accepted: Counter[Kind] = Counter()

    async def perform(self) -> Mapping[str, KindFacts]:
        """What came of it, once all ended, or after some seconds: the verdict will say so."""
        async with asyncio.TaskGroup() as group:
            for scene in (self._digest(), self._gather(), self._remind(), self._cap(), self._recur()):
                group.create_task(scene)
        mails: dict[str, list[Arrival]] = {}
        for mail in await self._sandbox.mails():
            mails.setdefault(mail.job_id, []).append(mail)
        texts = await self._sandbox.texts()
        return {kind.key: await self._facts(kind, mails, texts) for kind in CLOCKWORK}

    async def _digest(self) -> None:
        """Three readers of a group have not looked."""
        readers = await self._recipients(people(DIGESTED.jobs, "regatta.example.org", 400))
        group = await self._group("The regatta", readers)
        for number in range(UPDATES):
            content_type, title, url = _NEWS[number % len(_NEWS)]
            update = {"content_type": content_type, "title": title, "url": url}
            await self._api.ask("POST", f"/v1/groups/{group}/updates", 201, json=update)
        for reader in readers:
            wanted = {"recipient_id": reader, "group_id": group, "frequency": "weekly", "delivery_day": 7}
            made = await self._api.ask(
                "POST",
                "/v1/digest-schedules",
                201,
                json=wanted | {"max_updates_per_digest": MOST_UPDATES, "timezone": "Europe/Oslo"},
            )
            run = await self._api.ask("POST", f"/v1/digest-schedules/{made.json()['id']}/run", 202)
            self._note(DIGESTED, run.json()["job_id"])
        await self._ended(DIGESTED)

    async def _gather(self) -> None:
        """Each event is a job of its own; one more brings all of them."""
        wanted = {
            "type": "photo_liked",
            "to": {"email": "marit.holm@example.org"},
            "digest": {"key": "photo-4711", "window": WINDOW},
        }
        for person in people(EVENTS, "example.org", 440):
            self._note(
                GATHERED, (await self._api.send(wanted | {"data": {"who": person.first_name}}, None)).job_id
            )
        await self._ended(GATHERED)

    async def _remind(self) -> None:
        """The organizer asks four; one has answered when the others are reminded."""
        organizer, *members = await self._recipients(people(5, "crew.example.org", 420))
        group = await self._group("The crew", members)
        wanted = {
            "organizer_id": organizer,
            "group_id": group,
            "event_name": "Launching the boat",
            "channel": "sms",
            "reminder_after": REMINDER,
            "pause_after": PAUSE,
        }
        made = (await self._api.ask("POST", "/v1/auto-syncs", 201, json=wanted)).json()
        self._accepted[REMINDED] += 1
        listed = (await self._api.ask("GET", f"/v1/groups/{group}/members")).json()["data"]
        answer = {"member_id": listed[0]["id"], "response": "yes"}
        await self._api.ask("POST", f"/v1/auto-syncs/{made['id']}/responses", 201, json=answer)
        query = {"group_id": group, "kind": "notification"}

        async def reminded() -> bool:
            found = (await self._api.ask("GET", "/v1/jobs", params=query)).json()["data"]
            self._jobs[REMINDED] = [job["id"] for job in found]
            return len(found) >= REMINDED.jobs

        await self._until(reminded)
        await self._ended(REMINDED, reported=True)

    async def _cap(self) -> None:
        """Of five to one reader two are sent."""
        (reader,) = await self._recipients(people(1, "capped.example.org", 460))
        caps = {"caps": [{"max": CAP, "per": "24h", "overflow": "skip"}]}
        await self._api.ask("PUT", f"/v1/recipients/{reader}/preferences", json=caps)
        jobs = []
        for number in range(ASKED):
            wanted = {
                "to": {"recipient_id": reader},
                "subject": f"Offer {number + 1} of the week",
                "body_text": f"Everything for your boat: {SITE}/offers/{number + 1}",
            }
            jobs.append((await self._api.send(wanted, None)).job_id)
        await self._until(lambda: self._all_ended(jobs))
        for job_id in jobs:
            sent = (await self._api.job(job_id))["job"]["status"] == "completed"
            self._note(WITHIN if sent else BEYOND, job_id)

    async def _recur(self) -> None:
        """It is paused after three times."""
        job = {
            "to": {"email": "log@example.org"},
            "subject": "Tide",
            "body_text": "High water.",
            "type": None,
        }
        wanted = {
            "name": "tide",
            "every": "1s",
            "job": {name: value for name, value in job.items() if value is not None},
        }
        made = (await self._api.ask("POST", "/v1/schedules", 201, json=wanted)).json()
        path = f"/v1/schedules/{made['id']}"

        async def fired() -> bool:
            runs = (await self._api.ask("GET", f"{path}/runs", params={"state": "fired"})).json()["data"]
            runs.sort(key=lambda run: run["at"])
            self._jobs[RECURRING] = [run["job_id"] for run in runs[:RUNS]]
            return len(runs) >= RUNS

        await self._until(fired)
        await self._api.ask("PATCH", path, json={"is_active": False})
        self._accepted[RECURRING] = len(self._jobs[RECURRING])
        await self._ended(RECURRING)

    async def _recipients(self, persons: Sequence[Person]) -> list[str]:
        return [
            await self._api.create_recipient(
                {
                    "external_id": person.external_id,
                    "name": person.name,
                    "email": person.email,
                    "phone": person.phone,
                    "locale": person.locale,
                }
            )
            for person in persons
        ]

    async def _group(self, name: str, recipient_ids: Sequence[str]) -> str:
        made = (await self._api.ask("POST", "/v1/groups", 201, json={"name": name})).json()
        members = {"members": [{"recipient_id": each} for each in recipient_ids]}
        await self._api.ask("POST", f"/v1/groups/{made['id']}/members", 201, json=members)
        return str(made["id"])

    def _note(self, kind: Kind, job_id: str) -> None:
        self._jobs.setdefault(kind, []).append(job_id)
        self._accepted[kind] += 1

    async def _ended(self, kind: Kind, *, reported: bool = False) -> None:
        await self._until(lambda: self._all_ended(self._jobs.get(kind, []), reported=reported))

    async def _all_ended(self, job_ids: Sequence[str], *, reported: bool = False) -> bool:
        answers = [await self._api.job(job_id) for job_id in job_ids]
        if reported and any(each["state"] == "sent" for answer in answers for each in answer["deliveries"]):
            return False
        return all(answer["job"]["status"] in TERMINAL for answer in answers)

    async def _until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not await condition() and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_SECONDS)

    async def _facts(
        self, kind: Kind, mails: Mapping[str, Sequence[Arrival]], texts: Sequence[Arrival]
    ) -> KindFacts:
        answers = [await self._api.job(job_id) for job_id in self._jobs.get(kind, ())]
        timelines = [await self._api.timeline(job_id) for job_id in self._jobs.get(kind, ())]
        carriers = {str(detail["job_id"]) for detail in _details(timelines, "sent_with")}
        phones = {each["address"] for answer in answers for each in answer["deliveries"]}
        by_mail = [
            mail
            for job_id in carriers or {answer["job"]["id"] for answer in answers}
            for mail in mails.get(job_id, ())
        ]
        timelines += [await self._api.timeline(job_id) for job_id in carriers]
        return KindFacts(
            accepted=self._accepted[kind],
            states=Counter(answer["job"]["status"] for answer in answers),
            jobs=[job_facts(answer) for answer in answers],
            arrivals=[text for text in texts if text.recipient in phones] if kind is REMINDED else by_mail,
            reasons=[str(detail.get("reason")) for detail in _details(timelines, "not_sent")],
            gathered=[
                (int(detail.get("updates", detail.get("items", 0))), int(detail.get("more", 0)))
                for event in ("updates_chosen", "gathered")
                for detail in _details(timelines, event)
            ],
        )


def _details(timelines: Sequence[Sequence[Mapping[str, Any]]], event: str) -> list[Mapping[str, Any]]:
    return [entry["detail"] for entries in timelines for entry in entries if entry["event"] == event]
