"""What a visitor means by the words of a search, and whom jobs went to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from hermodr_api.answers import patience
from hermodr_api.http.fields import sought
from hermodr_api.jobs.models import ListedJobView
from hermodr_contracts.vocabulary import Channel, JobKind, JobState
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import addressees
from hermodr_ledger.jobs.listing_sources import Filters


@dataclass(frozen=True, slots=True)
class Meant:
    """A job, or a list. Neither: nothing can match, and `flaw` says why."""

    filters: Filters | None
    job_id: UUID | None = None
    flaw: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    job: ListedJobView
    to: str
    recipient_id: UUID | None


class Search:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def meant(self, project_id: UUID, fields: Mapping[str, str]) -> Meant:
        """`search` is the id of a job, an address, a recipient's external id, or a type. Raises `LedgerUnavailable`."""
        if not all(value.isprintable() for value in fields.values()):
            return Meant(None, flaw="this has characters that nobody can type")
        narrowed = {name: value for name, value in fields.items() if value and name != "search"}
        for name, known in (("status", JobState), ("kind", JobKind), ("channel", Channel)):
            if name in narrowed and narrowed[name] not in known.__members__.values():
                return Meant(None, flaw=f"{narrowed[name]!r} is no {name}")
        filters = Filters(
            project_id,
            states=(JobState(narrowed["status"]),) if "status" in narrowed else None,
            kind=JobKind(narrowed["kind"]) if "kind" in narrowed else None,
            type=narrowed.get("type"),
            delivery_method=Channel(narrowed["channel"]) if "channel" in narrowed else None,
        )
        return await self._searched(filters, fields["search"])

    async def _searched(self, filters: Filters, words: str) -> Meant:
        if not words:
            return Meant(filters)
        async with patience():
            found = await addressees.find(self._ledger, filters.project_id, words)
        if found.job_id is not None:
            return Meant(None, job_id=found.job_id)
        if found.recipient_id is not None:
            return Meant(replace(filters, recipient_id=found.recipient_id))
        if "@" in words or words.startswith("+"):
            try:
                return Meant(replace(filters, address=sought(words)))
            except ValueError:
                return Meant(None, flaw="this is no address")
        return Meant(replace(filters, type=words))

    async def person(self, project_id: UUID, words: str) -> Mapping[str, str]:
        """The one field of recipients that is meant. Raises `LedgerUnavailable`."""
        if not words.isprintable():
            return {"external_id": ""}
        if "@" in words:
            return {"email": words}
        async with patience():
            known = await addressees.has_external_id(self._ledger, project_id, words)
        return {"external_id": words} if known else {"user_id": words}

    async def addressed(self, project_id: UUID, jobs: Sequence[ListedJobView]) -> list[Row]:
        """The jobs with whom they are for. Raises `LedgerUnavailable`."""
        async with patience():
            names = await addressees.of_jobs(self._ledger, project_id, [each.id for each in jobs])
        return [Row(each, *names.get(each.id, ("", None))) for each in jobs]
