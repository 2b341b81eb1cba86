"""What messages of a list are about."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import patience
from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import subjects
from hermodr_servicekit.clock import Clock

_LOOK = timedelta(hours=1)
_MOST_KNOWN = 10_000
_PRINTED = re.compile(r"{{-?\s*(.*?)\s*(?:\|.*?)?-?}}", re.DOTALL)
_DONE = re.compile(r"{%.*?%}|{#.*?#}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shown:
    """`of_template`: as its template has it, with ‹names› for what differs from message to message."""

    text: str
    of_template: bool


class Subjects:
    """A subject that was given with the request is content: only `manage` sees it, and the audit log says who did, once
    an hour, as lists are fetched again whenever something changes. What stands in a template everybody sees."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._looked: dict[tuple[UUID, Actor], datetime] = {}

    async def of(self, caller: Caller, job_ids: Sequence[UUID]) -> Mapping[UUID, Shown]:
        """Of the jobs that have one. Raises `LedgerUnavailable`."""
        async with patience(), self._ledger.transaction() as transaction:
            found = await subjects.of_jobs(
                transaction, caller.project_id, job_ids, contents=caller.may("manage")
            )
            new = any(each.given for each in found.values()) and not self._known(caller)
            if new:
                await audit.record(transaction, caller.project_id, caller.actor, "job.look_many")
        if new:
            self._note(caller)
        return {job_id: _shown(each) for job_id, each in found.items()}

    def _known(self, caller: Caller) -> bool:
        at = self._looked.get((caller.project_id, caller.actor))
        return at is not None and timedelta(0) <= self._clock.now() - at < _LOOK

    def _note(self, caller: Caller) -> None:
        if len(self._looked) >= _MOST_KNOWN:
            self._looked.clear()  # they are written down once more
        self._looked[caller.project_id, caller.actor] = self._clock.now()


def _shown(subject: subjects.Subject) -> Shown:
    if subject.given is not None:
        return Shown(subject.given, of_template=False)
    return Shown(plain(subject.written or ""), of_template=True)


def plain(written: str) -> str:
    """A template's subject for people: `Your order ‹order.number›`."""
    return " ".join(_PRINTED.sub(r"‹\1›", _DONE.sub(" ", written)).split())
