"""A person's data as one JSON document, streamed: only a page of it is in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from hermodr_api.access.told import told
from hermodr_api.recipients.models import OwnRecipientView, RecipientView, WholeRecipientView
from hermodr_contracts.urls import origin
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.documents import object_of
from hermodr_ledger.jobs.reading import nearest
from hermodr_ledger.people.recipients import Recipient
from hermodr_ledger.people.suppressions import of_recipient
from hermodr_ledger.privacy import personal_data, traces
from hermodr_ledger.privacy.traces import Person

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller sees in an export. Not `whole`: of the recipient's own URL only its origin. Without `contents`: no
    bodies and data. `user_id`: only what was this end user's."""

    whole: bool
    contents: bool
    user_id: str | None = None


async def export(
    ledger: Ledger, project_id: UUID, recipient: Recipient, now: datetime, sight: Sight
) -> AsyncIterator[bytes]:
    """The document in pieces. May raise `LedgerUnavailable` in the middle: an incomplete document is invalid."""
    who, whom = recipient.id, Person(project_id, recipient.id, recipient.user_id)
    view = WholeRecipientView if sight.whole else RecipientView
    if not sight.contents:
        view = OwnRecipientView
    head = {
        "exported_at": now,
        "contents": sight.contents,
        "recipient": view.model_validate(recipient).model_dump(),
    }
    yield _written(head)[:-1]
    sections: tuple[tuple[str, Callable[[UUID], Awaitable[Rows]]], ...] = (
        ("memberships", lambda after: personal_data.memberships(ledger, who, after)),
        ("updates_written", lambda after: personal_data.updates_written(ledger, who, after)),
        ("updates_read", lambda after: personal_data.updates_read(ledger, who, after)),
        ("auto_syncs", lambda after: personal_data.auto_syncs_organized(ledger, who, after)),
        ("auto_sync_responses", lambda after: personal_data.auto_sync_answers(ledger, who, after)),
        ("digest_schedules", lambda after: personal_data.digest_schedules_of(ledger, who, after)),
        ("jobs", lambda after: personal_data.jobs(ledger, project_id, who, after, sight.user_id)),
        ("requested", lambda after: personal_data.requested(ledger, project_id, recipient.user_id, after)),
        (
            "inbox",
            lambda after: personal_data.notifications(
                ledger, project_id, who, recipient.user_id, after, alone=sight.user_id is not None
            ),
        ),
        (
            "connections",
            lambda after: personal_data.connections_of(ledger, project_id, recipient.user_id, after),
        ),
        ("schedules", lambda after: personal_data.schedules(ledger, project_id, who, after)),
        ("audit_log", lambda after: traces.audited(ledger, whom, after)),
    )
    for name, page in sections:
        yield f',"{name}":['.encode()
        first, rows = True, await page(UUID(int=0))
        while rows:
            yield (b"" if first else b",") + b",".join(_written(_seen(name, row, sight)) for row in rows)
            first, rows = False, await page(rows[-1]["id"])
        yield b"]"
    suppressed = await of_recipient(ledger, project_id, who)
    yield b',"suppressions":' + _written([_shown(row) for row in suppressed])
    kept = await traces.answers(ledger, project_id, who)
    yield b',"kept_answers":' + _written([_seen("kept_answers", row, sight) for row in kept])
    yield b"}\n"


_OF_JOBS = frozenset(
    (
        "data",
        "content",
        "metadata",
        "result",
        "envelope",
        "digest",
        "singleton_key",
        "cancel_key",
        "attachments",
        "task_logs",
    )
)
_CONTENTS: Mapping[str, frozenset[str]] = {
    "updates_written": frozenset(("title", "body", "url", "metadata")),
    "auto_syncs": frozenset(("data",)),
    "jobs": _OF_JOBS,
    "requested": _OF_JOBS,
    "inbox": frozenset(("title", "message", "data")),
    "schedules": frozenset(("job",)),
    "kept_answers": frozenset(("response",)),
}
"""By section."""


def _seen(section: str, row: Mapping[str, Any], sight: Sight) -> dict[str, Any]:
    shown = _shown(row) if sight.whole else _without_urls(row)
    if sight.contents:
        return shown
    if "deliveries" in shown:
        shown["deliveries"] = [_without_contents(each) for each in shown["deliveries"]]
        shown["events"] = [_told(each) for each in shown["events"]]
    return _without(shown, _CONTENTS.get(section, frozenset()))


def _without(row: Mapping[str, Any], names: Set[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def _without_contents(delivery: Mapping[str, Any]) -> dict[str, Any]:
    """Without whom else it went to, what templates saw of the recipient, and providers' replies."""
    attempts = [_without(each, {"detail"}) for each in delivery["attempts"]]
    return _without(delivery, {"recipient", "copies"}) | {"attempts": attempts}


def _told(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event with what users are told of it (`access.told`)."""
    detail = object_of(_written(event["detail"]).decode())  # a fragment cannot be read
    return {**event, "detail": told(detail)}


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
