"""A person's data as one JSON document, streamed: only a page of it is in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from hermodr_api.recipients.models import RecipientView, WholeRecipientView
from hermodr_contracts.urls import origin
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.reading import nearest
from hermodr_ledger.people.recipients import Recipient
from hermodr_ledger.people.suppressions import of_recipient
from hermodr_ledger.privacy import personal_data, traces
from hermodr_ledger.privacy.traces import Person

Rows = Sequence[Mapping[str, Any]]


async def export(
    ledger: Ledger, project_id: UUID, recipient: Recipient, now: datetime, *, whole: bool
) -> AsyncIterator[bytes]:
    """The document in pieces; not `whole`: of the recipient's own URL only its origin. May raise `LedgerUnavailable` in
    the middle: an incomplete document is invalid."""
    who, whom = recipient.id, Person(project_id, recipient.id, recipient.user_id)
    view = WholeRecipientView if whole else RecipientView
    shown = _shown if whole else _without_urls
    head = {"exported_at": now, "recipient": view.model_validate(recipient).model_dump()}
    yield _written(head)[:-1]
    sections: tuple[tuple[str, Callable[[UUID], Awaitable[Rows]]], ...] = (
        ("memberships", lambda after: personal_data.memberships(ledger, who, after)),
        ("updates_written", lambda after: personal_data.updates_written(ledger, who, after)),
        ("updates_read", lambda after: personal_data.updates_read(ledger, who, after)),
        ("auto_syncs", lambda after: personal_data.auto_syncs_organized(ledger, who, after)),
        ("auto_sync_responses", lambda after: personal_data.auto_sync_answers(ledger, who, after)),
        ("digest_schedules", lambda after: personal_data.digest_schedules_of(ledger, who, after)),
        ("jobs", lambda after: personal_data.jobs(ledger, project_id, who, after)),
        ("requested", lambda after: personal_data.requested(ledger, project_id, recipient.user_id, after)),
        ("schedules", lambda after: personal_data.schedules(ledger, project_id, who, after)),
        ("audit_log", lambda after: traces.audited(ledger, whom, after)),
    )
    for name, page in sections:
        yield f',"{name}":['.encode()
        first, rows = True, await page(UUID(int=0))
        while rows:
            yield (b"" if first else b",") + b",".join(_written(shown(row)) for row in rows)
            first, rows = False, await page(rows[-1]["id"])
        yield b"]"
    suppressed = await of_recipient(ledger, project_id, who)
    yield b',"suppressions":' + _written([_shown(row) for row in suppressed])
    kept = await traces.answers(ledger, project_id, who)
    yield b',"kept_answers":' + _written([shown(row) for row in kept])
    yield b"}\n"


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if value is not None}
    if "priority" in shown:
        shown["priority"] = nearest(shown["priority"]).lane
    return shown


def _without_urls(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _origins(name, value) for name, value in _shown(row).items()}


def _origins(name: str, value: Any) -> Any:
    """The value without the URLs of webhooks: in addresses of deliveries, and in kept answers."""
    if isinstance(value, list):
        return [_origins(name, each) for each in value]
    if isinstance(value, dict):
        return {key: _origins(key, each) for key, each in value.items()}
    if name in ("webhook_url", "address") and isinstance(value, str):
        return origin(value) or value
    return value


def _written(value: object) -> bytes:
    """JSON; `default=str` for the driver's own kind of UUID."""
    return orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z)
