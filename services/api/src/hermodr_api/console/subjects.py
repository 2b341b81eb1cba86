"""What messages of a list are about."""

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
_LONGEST = 1000
"""Characters of a template's subject that are shown; the API takes fewer."""
_ENDS: Mapping[str, str] = {"{{": "}}", "{%": "%}", "{#": "#}"}


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
        of_template = {each: plain(each) for each in {each.written or "" for each in found.values()}}
        return {job_id: _shown(each, of_template[each.written or ""]) for job_id, each in found.items()}

    def _known(self, caller: Caller) -> bool:
        at = self._looked.get((caller.project_id, caller.actor))
        return at is not None and timedelta(0) <= self._clock.now() - at < _LOOK

    def _note(self, caller: Caller) -> None:
        if len(self._looked) >= _MOST_KNOWN:
            self._looked.clear()  # they are written down once more
        self._looked[caller.project_id, caller.actor] = self._clock.now()


def _shown(subject: subjects.Subject, of_template: str) -> Shown:
    if subject.given is not None:
        return Shown(subject.given, of_template=False)
    return Shown(of_template, of_template=True)


def plain(written: str) -> str:
    """A template's subject for people: `Your order ‹order.number›`. In one pass, as anybody may write one: what is not
    ended is looked for once."""
    text, at, parts = written[:_LONGEST], 0, []
    ends = dict(_ENDS)
    while (begun := text.find("{", at)) >= 0:
        opening = text[begun : begun + 2]
        ended = text.find(ends[opening], begun + 2) if opening in ends else -1
        if ended < 0:
            ends.pop(opening, None)
            parts.append(text[at : begun + 1])
            at = begun + 1
        else:
            parts.append(text[at:begun])
            parts.append(_named(text[begun + 2 : ended]) if opening == "{{" else " ")
            at = ended + 2
    return " ".join("".join([*parts, text[at:]]).split())


def _named(expression: str) -> str:
    name = expression.removeprefix("-").removesuffix("-").partition("|")[0]
    return f"‹{name.strip()}›"
