import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hermodr_devkit.demo.client import TERMINAL, Accepted, Api, Arrival, Sandbox
from hermodr_devkit.demo.facts import JobFacts, KindFacts, RunFacts, busiest_second, job_facts
from hermodr_devkit.demo.scenario import ATTACHED, OFF, RETURNED, TAKEN, TEXTED, WRITTEN, Kind
from hermodr_devkit.demo.sending import Asked

LOOK_SECONDS = 0.1
REPORTS_SECONDS = 20.0
LOOKS_AT_ONCE = 16
"""Jobs requested in one round, so that observing does not keep the API busy."""


@dataclass(frozen=True)
class Progress:
    accepted: int
    sent: int
    retrying: int
    finished: int
    jobs: int


class Watcher:
    def __init__(self, api: Api, sandbox: Sandbox, asked: Asked, jobs: int) -> None:
        self._api = api
        self._sandbox = sandbox
        self._asked = asked
        self._jobs = jobs
        self._states: dict[str, str] = {}
        self._turn: deque[str] = deque()
        self._counts: dict[str, dict[str, int]] = {}

    async def follow(self, tell: Callable[[Progress], None], seconds: float) -> None:
        """Returns when all jobs are finished, or after `seconds`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            await self._look()
            progress = await self._progress()
            tell(progress)
            if progress.finished >= self._jobs:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        for answer in self._singles():
            if answer.job_id not in self._states:
                self._states[answer.job_id] = "queued"
                self._turn.append(answer.job_id)
        due = [self._turn.popleft() for _ in range(min(LOOKS_AT_ONCE, len(self._turn)))]
        answers = await asyncio.gather(*(self._api.job(job_id) for job_id in due))
        for job_id, found in zip(due, answers, strict=True):
            state = self._states[job_id] = str(found["job"]["status"])
            if state not in TERMINAL:
                self._turn.append(job_id)
        for batch_id in list(self._asked.batches.values()):  # more are asked for while we look
            counts = self._counts.get(batch_id)
            if not counts or not TERMINAL.issuperset(counts):
                self._counts[batch_id] = await self._api.batch_counts(batch_id)

    async def _progress(self) -> Progress:
        states = Counter(self._states.values())
        for counts in self._counts.values():
            states.update(counts)
        return Progress(
            accepted=self._asked.accepted.total(),
            sent=int((await self._sandbox.stats())["total"]),
            retrying=states["retrying"],
            finished=sum(count for state, count in states.items() if state in TERMINAL),
            jobs=self._jobs,
        )

    def _singles(self) -> list[Accepted]:
        return [answer for answers in self._asked.answers.values() for answer in answers]


async def gather(api: Api, sandbox: Sandbox, asked: Asked, kinds: Sequence[Kind], seconds: float) -> RunFacts:
    """`seconds`: how long the run took. Waits for the provider's reports, which come after the mails."""
    await _reported(
        api,
        [
            each.job_id
            for kind in (TAKEN, RETURNED, TEXTED, WRITTEN)
            for each in asked.answers.get(kind.key, ())
        ],
    )
    mails = await sandbox.mails()
    known = [answer.job_id for answers in asked.answers.values() for answer in answers]
    read = await _read_jobs(api, list(dict.fromkeys([*known, *(mail.job_id for mail in mails)])))
    by_job: dict[str, list[Arrival]] = {}
    for mail in mails:
        by_job.setdefault(mail.job_id, []).append(mail)
    for text in await sandbox.texts():
        job_id = next((each for each, answer in read.items() if text.recipient in _phones(answer)), "")
        by_job.setdefault(job_id, []).append(text)
    found = {kind.key: await _kind_facts(api, kind, asked, read, by_job) for kind in kinds}
    attached = found[ATTACHED.key]
    attached.files = [name for mail in attached.arrivals for name in await sandbox.files(mail.number)]
    suppressed = set(await api.suppressed())
    returned = found[RETURNED.key]
    returned.suppressed = sum(mail.recipient in suppressed for mail in returned.arrivals)
    sample = asked.answers.get(RETURNED.key, [])
    stats = await sandbox.stats()
    return RunFacts(
        kinds=found,
        mails=len(mails),
        seconds=seconds,
        busiest_second=busiest_second(mails),
        duplicates=int(stats["duplicates"]["deliveries_count"]),
        dead_letters=await api.dead_letters(),
        sample=await api.timeline(sample[0].job_id) if sample else [],
    )


def _phones(answer: Mapping[str, Any]) -> list[str]:
    return [each["address"] for each in answer["deliveries"] if each["channel"] != "email"]


async def _reported(api: Api, job_ids: Sequence[str]) -> None:
    """Returns once something is reported of all that were sent, or after some seconds: the verdict will say so."""
    deadline = time.monotonic() + REPORTS_SECONDS
    open_ones = set(job_ids)
    while open_ones and time.monotonic() < deadline:
        answers = await asyncio.gather(*(api.job(job_id) for job_id in open_ones))
        open_ones = {
            answer["job"]["id"]
            for answer in answers
            if any(delivery["state"] == "sent" for delivery in answer["deliveries"])
        }
        await asyncio.sleep(LOOK_SECONDS)


def _job_ids(kind: Kind, asked: Asked, read: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A bulk request answers with its batch only; its jobs are told by their mails."""
    if not kind.bulk:
        return list(dict.fromkeys(answer.job_id for answer in asked.answers.get(kind.key, ())))
    batch_id = asked.batches.get(kind.key)
    return [job_id for job_id, answer in read.items() if answer["job"]["batch_id"] == batch_id]


async def _read_jobs(api: Api, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    answers = await asyncio.gather(*(api.job(job_id) for job_id in ids))
    return dict(zip(ids, answers, strict=True))


async def _kind_facts(
    api: Api,
    kind: Kind,
    asked: Asked,
    read: Mapping[str, Mapping[str, Any]],
    by_job: Mapping[str, Sequence[Arrival]],
) -> KindFacts:
    ids = _job_ids(kind, asked, read)
    jobs: list[JobFacts] = [job_facts(read[job_id]) for job_id in ids]
    states = Counter(job.state for job in jobs)
    if kind.key in asked.batches:
        states = Counter(await api.batch_counts(asked.batches[kind.key]))
    reasons = [
        str(entry["detail"].get("reason"))
        for job_id in (ids if kind.key == OFF.key else ())
        for entry in await api.timeline(job_id)
        if entry["event"] == "not_sent"
    ]
    return KindFacts(
        accepted=asked.accepted[kind.key],
        answers=asked.answers.get(kind.key, []),
        states=states,
        jobs=jobs,
        arrivals=[each for job_id in ids for each in by_job.get(job_id, ())],
        reasons=reasons,
    )
