"""One thing of every kind that a project and a user may have, for tests of access."""

from typing import Any

from hermodr_servicekit.ids import new_id
from tests.support.api import CONNECTION, TEMPLATE, ApiUnderTest

MARK = "zq7"
"""In every text of these things, and in no other."""
OWNER = f"{MARK}-owner"
_ADDRESS = f"{MARK}@example.com"


async def possessions(api: ApiUnderTest) -> dict[str, str]:
    """By the name of paths, queries and bodies, the id or text of something of the project. What an end user can
    have is `OWNER`'s."""
    recipient = await _make(api, "/v1/recipients", email=_ADDRESS, user_id=OWNER, external_id=MARK, name=MARK)
    await _pending_address(api, recipient["id"])
    template = await _make(api, "/v1/templates", **(TEMPLATE | {"name": MARK}))
    key = await _make(api, "/v1/api-keys", scopes=["read"], name=MARK)
    signing_key = await _make(api, "/v1/projects/me/signing-keys", name=MARK)
    group = await _make(api, "/v1/groups", name=MARK, external_id=MARK)
    inside = f"/v1/groups/{group['id']}"
    members = await _make(api, f"{inside}/members", members=[{"recipient_id": recipient["id"]}])
    organizer = await _make(api, "/v1/recipients", name=MARK)
    sync = await _auto_sync(api, organizer["id"], group["id"])
    update = await _make(api, f"{inside}/updates", title=MARK, external_id=MARK, author_id=recipient["id"])
    mail = {"subject": MARK, "body_text": MARK, "metadata": {"of": MARK}}
    daily = {"to": {"recipient_id": recipient["id"]}, **mail}
    job = await _make(api, "/v1/notifications", group_id=group["id"], **daily)
    items = [{"to": {"email": _ADDRESS}, **mail}, daily]
    batch = await _sent(api, "/v1/notifications/bulk", items)
    letter = await _dead_letter(api, job["job_id"])
    suppressed = f"{MARK}-suppressed@example.com"
    suppression = await _make(api, "/v1/suppressions", address=suppressed)
    endpoint = await _make(api, "/v1/webhooks", url=f"https://{MARK}.example.com/in", description=MARK)
    message = await _make(api, f"/v1/webhooks/{endpoint['id']}/test")
    schedule = await _make(api, "/v1/schedules", name=MARK, every="1d", job=daily)
    digests = await _make(
        api, "/v1/digest-schedules", recipient_id=recipient["id"], group_id=group["id"], frequency="daily"
    )
    return {
        "project_id": str(api.project_id),
        "bulk_action_id": await _bulk_action(api),
        "schedule_id": schedule["id"],
        "digest_schedule_id": digests["id"],
        "letter_id": letter,
        "recipient_id": recipient["id"],
        "template_id": template["id"],
        "key_id": key["id"],
        "signing_key_id": signing_key["id"],
        "group_id": group["id"],
        "member_id": members["data"][0]["id"],
        "update_id": update["id"],
        "author_id": recipient["id"],
        "sync_id": sync["id"],
        "organizer_id": organizer["id"],
        "job_id": job["job_id"],
        "batch_id": batch["batch_id"],
        "external_id": MARK,
        "user_id": OWNER,
        "name": MARK,
        "actor_id": key["id"],
        "subject": template["id"],
        "suppression_id": suppression["id"],
        "sender_id": (await _sender(api))["id"],
        "endpoint_id": endpoint["id"],
        "connection_id": await _connection(api),
        "message_id": message["id"],
        "address": suppressed,
        **await _in_inbox(api, recipient["id"], job["job_id"], template["id"]),
    }


async def _pending_address(api: ApiUnderTest, recipient_id: str) -> None:
    await api.api.ledger.fetch(
        "INSERT INTO hermodr.pending_addresses (recipient_id, kind, id, address, expires_at)"
        " VALUES ($1::uuid, 'email', $1::uuid, $2, now() + interval '1 day')",
        recipient_id,
        f"{MARK}-new@example.com",
    )


async def _connection(api: ApiUnderTest) -> str:
    made = await _make(api, "/v1/connections", **CONNECTION | {"name": MARK, "owner": OWNER})
    await api.api.ledger.fetch(
        "INSERT INTO hermodr.connection_schemas VALUES ($1::uuid, $2, 1, 1, 1, '[]', now(), now())",
        made["id"],
        MARK,
    )
    return str(made["id"])


async def _bulk_action(api: ApiUnderTest) -> str:
    """One that would cancel nothing."""
    wanted = {"action": "cancel", "filter": {"cancel_key": MARK}}
    return str((await _sent(api, "/v1/bulk-actions", wanted))["id"])


async def _sender(api: ApiUnderTest) -> dict[str, Any]:
    """One that is verified, as DNS cannot be asked."""
    made = await _make(api, "/v1/senders", domain=f"{MARK}.example.com")
    await api.api.ledger.fetch(
        "UPDATE hermodr.senders SET verified_at = now() WHERE id = $1::uuid", made["id"]
    )
    return made


async def _auto_sync(api: ApiUnderTest, organizer_id: str, group_id: str) -> dict[str, Any]:
    named = {"event_name": MARK, "data": {"of": MARK}}
    return await _make(api, "/v1/auto-syncs", organizer_id=organizer_id, group_id=group_id, **named)


async def _in_inbox(api: ApiUnderTest, recipient_id: str, job_id: str, template_id: str) -> dict[str, str]:
    rows = await api.api.ledger.fetch(
        """
        INSERT INTO hermodr.inbox (id, project_id, user_id, recipient_id, job_id, delivery_id, title, message, data)
        VALUES ($1, $2, $3, $4::uuid, $5::uuid, $1, $6, $6, '{}') RETURNING id
        """,
        new_id(),
        api.project_id,
        OWNER,
        recipient_id,
        job_id,
        MARK,
    )
    return {"notification_id": str(rows[0]["id"]), "preference_id": template_id}


async def _dead_letter(api: ApiUnderTest, job_id: str) -> str:
    rows = await api.api.ledger.fetch(
        """
        INSERT INTO hermodr.dead_letters (id, project_id, source_id, queue, reason, message_type, body, job_id)
        VALUES ($1, $2, $3, 'email.dead', $4, 'SendEmails', $5, $6::uuid) RETURNING id
        """,
        new_id(),
        api.project_id,
        f"{MARK}/{job_id}",
        MARK,
        MARK.encode(),
        job_id,
    )
    return str(rows[0]["id"])


async def _make(api: ApiUnderTest, path: str, **fields: Any) -> dict[str, Any]:
    return await _sent(api, path, fields)


async def _sent(api: ApiUnderTest, path: str, body: object) -> dict[str, Any]:
    made = await api.http.post(path, json=body)
    assert made.is_success, (path, made.text)
    answer: dict[str, Any] = made.json()
    return answer
