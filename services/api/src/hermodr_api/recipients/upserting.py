"""Makes or changes recipients by their external ids, one or many; a bad one never refuses the others."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import patience
from hermodr_api.http.bodies import flaws_of, read
from hermodr_api.http.bulk_bodies import SLICE, Rejections, written
from hermodr_api.http.json_text import Flawed
from hermodr_api.recipients.models import RecipientPut
from hermodr_api.recipients.webhook_urls import WebhookUrls
from hermodr_ledger.access import audit
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.people import recipients
from hermodr_ledger.people.pending import Addressed, addressed
from hermodr_ledger.people.upserting import Upserted, upsert

_DEADLINE_SECONDS = 45.0


class Upserting:
    """The use cases of `PUT /v1/recipients`. `ledger` is the pool for bulk requests."""

    def __init__(self, ledger: Ledger, webhook_urls: WebhookUrls) -> None:
        self._ledger = ledger
        self._webhook_urls = webhook_urls

    async def one(self, caller: Caller, document: object) -> tuple[Addressed, bool]:
        """The recipient, and whether it is new. Raises `Refused` and `LedgerUnavailable`."""
        wanted = read(RecipientPut, document)
        await self._webhook_urls.check(wanted.given())
        async with patience(), self._ledger.transaction() as transaction:
            done = await upsert(transaction, caller.project_id, {wanted.external_id: wanted.given()})
            made = done[wanted.external_id]
            found = await recipients.read(transaction, caller.project_id, made.id)
            assert found is not None
            await _note(transaction, caller, wanted.given(), done)
            (with_pending,) = await addressed(transaction, [found])
        return with_pending, made.created

    async def many(self, caller: Caller, items: Sequence[object]) -> bytes:
        """The answer. `items` are parsed (or `Flawed`), not validated; all valid ones are written, or none. Raises
        `Refused` and `LedgerUnavailable`."""
        async with patience(_DEADLINE_SECONDS):
            found, rejected = await asyncio.to_thread(_examined, items)
            urls = {index: each.webhook_url for index, each in found.items() if each.webhook_url}
            for index, flaw in (await self._webhook_urls.flaws(urls)).items():
                del found[index]
                rejected.reject(index, [flaw])
            wanted, names = _merged(found)
            async with self._ledger.transaction() as transaction:
                done = await upsert(transaction, caller.project_id, wanted)
                fields = {name for given in wanted.values() for name in given}
                await _note(transaction, caller, fields, done)
        return await asyncio.to_thread(_answer, names, done, rejected)


async def _note(
    transaction: Transaction, caller: Caller, fields: Iterable[str], done: Mapping[str, Upserted]
) -> None:
    """One line a request, however many recipients it has; of a single one its id."""
    created = sum(each.created for each in done.values())
    detail = {"fields": sorted(fields), "created": created, "updated": len(done) - created}
    subject = next(iter(done.values())).id if len(done) == 1 else None
    if done:
        await audit.record(transaction, caller.project_id, caller.actor, "recipient.upsert", subject, detail)


def _examined(items: Sequence[object]) -> tuple[dict[int, RecipientPut], Rejections]:
    """Valid items and flaws, by place."""
    found: dict[int, RecipientPut] = {}
    rejected = Rejections()
    for index, item in enumerate(items):
        if isinstance(item, Flawed):
            rejected.reject(index, item.flaws)
            continue
        try:
            found[index] = RecipientPut.model_validate(item)
        except ValidationError as error:
            rejected.reject(index, flaws_of(error, ()))
    return found, rejected


def _merged(
    found: dict[int, RecipientPut],
) -> tuple[dict[str, dict[str, str | None]], dict[int, str]]:
    """Fields by external id, the later item before the earlier one; external ids by place."""
    wanted: dict[str, dict[str, str | None]] = {}
    names: dict[int, str] = {}
    for index, given in found.items():
        names[index] = given.external_id
        wanted.setdefault(given.external_id, {}).update(given.given())
    return wanted, names


def _answer(names: dict[int, str], done: dict[str, Upserted], rejected: Rejections) -> bytes:
    seen: set[str] = set()
    rows: list[dict[str, Any]] = []
    for index, external_id in names.items():
        made = done[external_id]
        new = made.created and external_id not in seen
        seen.add(external_id)
        status = "created" if new else "updated"
        rows.append({"index": index, "external_id": external_id, "id": str(made.id), "status": status})
    created = sum(row["status"] == "created" for row in rows)
    counts = {"created": created, "updated": len(rows) - created}
    slices = [orjson.dumps(rows[start : start + SLICE])[1:-1] for start in range(0, len(rows), SLICE)]
    head = orjson.dumps(counts)[:-1] + b',"results":[' + b",".join(slices)
    return head + b'],"rejected":' + written(rejected) + b"}"
