"""What was asked for with a notification, so that it can be shown, and asked for once more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hermodr_contracts.vocabulary import JobKind, Priority
from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.documents import object_of

_READ = """
SELECT type, priority, channels, recipient_id, to_email, to_phone, to_name, to_locale, group_id, update_id, on_unknown,
    max_retries, cancel_key, data::text AS data, content::text AS content, metadata::text AS metadata,
    envelope::text AS envelope, escalate::text AS escalate
FROM hermodr.jobs WHERE id = $2 AND project_id = $1 AND kind = $3
"""
_PLAIN = ("type", "channels", "group_id", "update_id", "on_unknown", "max_retries", "cancel_key")


@dataclass(frozen=True, slots=True)
class Asked:
    """`request` is a body of `POST /v1/notifications`, without what was about its moment alone: when, until when, with
    which others, under which `singleton_key`. `attachments` are not in it."""

    request: Mapping[str, Any]
    attachments: int


async def read(statements: Statements, project_id: UUID, job_id: UUID) -> Asked | None:
    """`None`: there is no such notification."""
    rows = await statements.fetch(_READ, project_id, job_id, JobKind.NOTIFICATION)
    return _asked(rows[0]) if rows else None


def _asked(row: Row) -> Asked:
    envelope = dict(object_of(row["envelope"]))
    attachments = envelope.pop("attachments", 0)
    envelope.pop("provider", None)
    request: dict[str, Any] = {"to": _to(row)}
    request |= {name: _plain(row[name]) for name in _PLAIN if row[name] is not None}
    if row["priority"] != Priority.NORMAL:
        request["priority"] = Priority(row["priority"]).lane
    content = object_of(row["content"])
    request |= {name: value for name, value in content.items() if value is not None}
    for name in ("data", "metadata"):
        if given := object_of(row[name]):
            request[name] = given
    if escalate := object_of(row["escalate"]):
        spans = [f"{seconds:g}s" for seconds in escalate["after"]]
        request["escalate"] = {"after": spans, "unless": escalate["unless"]}
    return Asked(request | envelope, int(attachments))


def _to(row: Row) -> dict[str, Any]:
    if row["recipient_id"] is not None:
        return {"recipient_id": str(row["recipient_id"])}
    named = {"email": "to_email", "phone": "to_phone", "name": "to_name", "locale": "to_locale"}
    return {name: row[column] for name, column in named.items() if row[column] is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return list(value) if isinstance(value, (list, tuple)) else value
