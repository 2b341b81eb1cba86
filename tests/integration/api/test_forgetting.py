"""Every column that can hold text is listed here: erasing empties it, or it holds nobody's data."""

from base64 import b64encode
from typing import Any

import pytest_asyncio

from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.setting_aside import set_aside
from hermodr_ledger.jobs import bulk_actions
from hermodr_servicekit.ids import new_id
from tests.support.api import CONNECTION, ApiUnderTest, problem
from tests.support.auto_syncs import one_organized_one_answered
from tests.support.columns_of_nobody import OF_NOBODY
from tests.support.ledgers import emptied
from tests.support.tasks import written

MARK = "zq7-of-ada"
USER = f"user-{MARK}"
FILE = {
    "filename": MARK,
    "content_type": f"text/{MARK}",
    "content": b64encode(MARK.encode()).decode(),
    "content_id": MARK,
}
MAIL: dict[str, Any] = {
    "subject": MARK,
    "body_text": MARK,
    "metadata": {"of": MARK},
    "data": {"of": MARK},
    "attachments": [FILE],
}

OF_A_PERSON = {
    "attachments": {"filename", "content_type", "content", "content_id"},
    "attempts": {"detail", "provider_message_id"},
    "audit_log": {"actor_id", "subject"},
    "auto_sync_responses": {"response"},
    "auto_syncs": {"event_name", "data"},
    "bulk_actions": {"filter"},
    "connections": {"owner"},
    "dead_letters": {"body", "headers"},
    "deliveries": {"address", "address_name", "locale", "provider_message_id", "recipient", "copies"},
    "events": {"detail"},
    "files": {"owner"},
    "group_members": {"role"},
    "idempotency_keys": {"response"},
    "inbox": {"user_id", "title", "message", "data"},
    "jobs": {
        "to_email",
        "to_phone",
        "owner_id",
        "data",
        "content",
        "metadata",
        "result",
        "singleton_key",
        "cancel_key",
    }
    | {"to_name", "to_locale", "envelope", "digest"},
    "event_windows": {"key"},
    "pending_addresses": {"address"},
    "rate_buckets": {"subject"},
    "recipients": {
        "external_id",
        "user_id",
        "name",
        "email",
        "phone",
        "locale",
        "timezone",
        "quiet_hours",
        "caps",
        "preferences",
        "relationship",
        "attributes",
        "webhook_url",
    },
    "schedules": {"job", "prepared", "to_value"},
    "singletons": {"key"},
    "task_attempts": {"error", "detail", "progress"},
    "task_logs": {"text"},
    "tasks": {"fairness_key", "progress"},
    "suppressions": {"address", "note"},
    "whatsapp_windows": {"phone"},
}
_COLUMNS = """
SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, NULL) AS type
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'hermodr'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""
_WITHOUT_TEXT = {
    "uuid",
    "smallint",
    "integer",
    "bigint",
    "boolean",
    "double precision",
    "interval",
    "timestamp with time zone",
    "uuid[]",
    "xid8",
}


async def text_columns(ledger: Ledger) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in await ledger.fetch(_COLUMNS):
        if row["type"] not in _WITHOUT_TEXT:
            found.setdefault(row["table"], set()).add(row["column"])
    return found


async def marked(ledger: Ledger) -> dict[str, set[str]]:
    """The columns with something of the person."""
    found: dict[str, set[str]] = {}
    for table, columns in (await text_columns(ledger)).items():
        for column in columns:
            rows = await ledger.fetch(
                f"SELECT count(*) AS n FROM hermodr.{table} t WHERE position($1 IN t.{column}::text) > 0"
                f" OR position($2 IN t.{column}::text) > 0",
                MARK,
                MARK.encode().hex(),
            )
            if rows[0]["n"]:
                found.setdefault(table, set()).add(column)
    return found


async def test_every_column_with_text_is_known(api: ApiUnderTest) -> None:
    known = {
        table: OF_A_PERSON.get(table, set()) | OF_NOBODY.get(table, set())
        for table in {*OF_A_PERSON, *OF_NOBODY}
    }
    there = await text_columns(api.api.ledger)
    new = {table: sorted(columns - known.get(table, set())) for table, columns in there.items()}
    assert not {table: columns for table, columns in new.items() if columns}, (
        "erased or exported? say so here"
    )
    assert known == there


@pytest_asyncio.fixture
async def ada(api: ApiUnderTest) -> dict[str, Any]:
    """Somebody with data in every possible column."""
    await emptied(api.api.ledger)
    await api.api.ledger.fetch("TRUNCATE hermodr.recipients, hermodr.rate_buckets CASCADE")
    key = {"idempotency-key": f"welcome-{MARK}"}
    fields: dict[str, Any] = {
        "user_id": USER,
        "external_id": MARK,
        "name": MARK,
        "email": f"{MARK}@example.com",
    }
    fields |= {"relationship": MARK, "attributes": {"of": MARK}}
    person: dict[str, Any] = (await api.http.post("/v1/recipients", json=fields, headers=key)).json()
    sent = await api.http.post(
        "/v1/notifications",
        json=MAIL | {"to": {"recipient_id": person["id"]}, "cancel_key": MARK},
        headers={"idempotency-key": f"mail-{MARK}"},
    )
    assert sent.status_code == 202, sent.text
    await api.tasks_for_users("export")
    mine = api.user(USER)
    task = await mine.post(
        "/v1/jobs", json={"type": "export", "payload": {"of": MARK}, "singleton_key": "one"}
    )
    assert task.status_code == 202, task.text
    done = (await mine.post("/v1/jobs", json={"type": "export", "payload": {"of": MARK}})).json()["job_id"]
    assert (await mine.delete(f"/v1/jobs/{done}")).status_code == 200  # which the audit log tells of the user
    group = (await api.http.post("/v1/groups", json={"name": "Us"})).json()
    members = {"members": [{"recipient_id": person["id"], "role": MARK}]}
    await api.http.post(f"/v1/groups/{group['id']}/members", json=members, headers={"idempotency-key": "m-1"})
    daily = {
        "name": "daily",
        "every": "1d",
        "job": {k: MAIL[k] for k in MAIL if k != "attachments"} | {"to": {"external_id": MARK}},
    }
    assert (await api.http.post("/v1/schedules", json=daily)).status_code == 201
    await one_organized_one_answered(api, MARK, group["id"], person["id"])
    unwanted = {"address": person["email"], "note": MARK}
    assert (await api.http.post("/v1/suppressions", json=unwanted)).status_code == 201
    await api.http.post("/v1/connections", json=CONNECTION | {"owner": USER})
    theirs = {"action": "retry", "filter": {"address": f"{MARK}@EXAMPLE.com"}}
    assert (await api.http.post("/v1/bulk-actions", json=theirs)).status_code == 202
    await _what_services_write(api, sent.json()["job_id"], person["id"])
    await _file(api, sent.json()["job_id"])
    await written(api.api.ledger, task.json()["job_id"], MARK)
    return person | {"job_id": sent.json()["job_id"], "task_id": task.json()["job_id"], "done_id": done}


async def _file(api: ApiUnderTest, job_id: str) -> None:
    await api.api.ledger.fetch(
        "INSERT INTO hermodr.files (id, project_id, job_id, kind, owner, name, media_type, expires_at)"
        " VALUES ($1::uuid, $2, $1::uuid, 'export', $3, 'x.csv', 'text/csv', now() + interval '1 day')",
        job_id,
        api.project_id,
        USER,
    )


async def _what_services_write(api: ApiUnderTest, job_id: str, recipient_id: str) -> None:
    fetch = api.api.ledger.fetch
    delivery = f"{job_id[:-4]}0001"
    for sql in (
        "UPDATE hermodr.recipients SET phone = $2, locale = $2, timezone = $2, webhook_url = $2,"
        " quiet_hours = to_jsonb($2::text), preferences = jsonb_build_array($2::text),"
        " caps = jsonb_build_array($2::text) WHERE id = $3::uuid AND $1::uuid IS NOT NULL",
        "UPDATE hermodr.jobs SET to_email = $2, to_phone = $2, to_name = $2, to_locale = $2,"
        " envelope = to_jsonb($2::text), result = to_jsonb($2::text),"
        " digest = jsonb_build_object('key', $2::text, 'window', 60)"
        " WHERE id = $1::uuid AND recipient_id = $3::uuid",
        "INSERT INTO hermodr.events (job_id, kind, detail)"
        " SELECT $1::uuid, 'decided', jsonb_build_object('wish', $2::text)"
        " WHERE $3::uuid IS NOT NULL",
        "INSERT INTO hermodr.inbox (id, project_id, user_id, recipient_id, job_id, delivery_id, title, message, data)"
        " SELECT $1::uuid, project_id, user_id, id, $1::uuid, $1::uuid, $2, $2, to_jsonb($2::text)"
        " FROM hermodr.recipients WHERE id = $3::uuid",
        "INSERT INTO hermodr.event_windows (id, project_id, cause, addressee, type, key, closes_at, latest)"
        " SELECT $1::uuid, project_id, 'digest', id::text, 'x', $2, now(), now()"
        " FROM hermodr.recipients WHERE id = $3::uuid",
        "INSERT INTO hermodr.pending_addresses (recipient_id, kind, id, address, expires_at)"
        " VALUES ($3::uuid, 'email', $1::uuid, $2, now() + interval '1 day')",
        "INSERT INTO hermodr.dead_letters (id, project_id, queue, reason, job_id, body, headers)"
        " SELECT $1::uuid, project_id, 'x', 'x', $1::uuid, convert_to($2, 'UTF8'), jsonb_build_object('x', $2::text)"
        " FROM hermodr.recipients WHERE id = $3::uuid",
    ):
        await fetch(sql, job_id, MARK, recipient_id)
    await fetch(
        "INSERT INTO hermodr.deliveries (id, job_id, project_id, channel, priority, state, address, address_name,"
        " locale, provider_message_id, on_unknown, max_attempts, recipient, copies)"
        " VALUES ($1::uuid, $2::uuid, $3, 'email', 1, 'queued', $4, $4, $4, $4, 'hold', 4, to_jsonb($4::text),"
        " jsonb_build_object('cc', jsonb_build_array($4::text)))",
        delivery,
        job_id,
        api.project_id,
        MARK,
    )
    await fetch(
        "INSERT INTO hermodr.attempts"
        " (delivery_id, number, outcome, detail, provider_message_id, started_at, finished_at)"
        " VALUES ($1::uuid, 1, 'transient', $2, $2, now(), now())",
        delivery,
        MARK,
    )
    await fetch(
        "INSERT INTO hermodr.audit_log (id, project_id, actor, action, subject)"
        " VALUES ($1, $2, 'cli', 'token.create', $3)",
        new_id(),
        api.project_id,
        USER,
    )
    await fetch(
        "INSERT INTO hermodr.rate_buckets (subject, rate, burst, tokens, wanted, returned, granted)"
        " VALUES ($1, 1, 1, 1, 0, 0, 0) ON CONFLICT DO NOTHING",
        f"user/{api.project_id}/{USER}",
    )
    await fetch(
        "INSERT INTO hermodr.whatsapp_windows (phone, provider, opened_at) VALUES ($1, 'whatsapp', now())",
        MARK,
    )


async def test_erasing_leaves_nothing_of_a_person_in_any_column(
    api: ApiUnderTest, ada: dict[str, Any]
) -> None:
    assert await marked(api.api.ledger) == OF_A_PERSON
    assert (await api.http.delete(f"/v1/recipients/{ada['id']}")).status_code == 204
    assert await marked(api.api.ledger) == {}
    assert not await api.api.ledger.fetch("SELECT FROM hermodr.files WHERE expires_at > now()")
    (schedule,) = (await api.http.get("/v1/schedules")).json()["data"]
    fired = await api.http.post(f"/v1/schedules/{schedule['id']}/run")
    assert (schedule["is_active"], fired.json()["error"]) == (True, "recipient_unknown")
    states = await api.api.ledger.fetch("SELECT id::text, state FROM hermodr.jobs")
    assert {row["id"]: row["state"] for row in states} == {
        ada[name]: "cancelled" for name in ("job_id", "task_id", "done_id")
    }


async def listed(api: ApiUnderTest) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.http.get("/v1/bulk-actions")).json()["data"]
    return found


async def test_what_is_done_to_all_of_an_address_stops_with_its_person(
    api: ApiUnderTest, ada: dict[str, Any]
) -> None:
    other = {"action": "retry", "filter": {"address": "eve@example.com"}}
    assert (await api.http.post("/v1/bulk-actions", json=other)).status_code == 202
    await set_aside(
        api.api.ledger, bulk_actions.DUTY, {each["id"]: RuntimeError() for each in await listed(api)}
    )
    await api.http.delete(f"/v1/recipients/{ada['id']}")
    kept, stopped = await listed(api)
    assert (kept["status"], kept["filter"]["address"]) == ("running", "eve@example.com")
    assert (stopped["status"], stopped["done"]) == ("stopped", 0)
    assert stopped["ended_at"] is not None
    assert "address" not in stopped["filter"]
    trail = (await api.http.get("/v1/audit-log?action=bulk_action.stop")).json()["data"]
    assert [each["subject"] for each in trail] == [stopped["id"]]


async def test_a_repeat_is_one_when_its_person_is_forgotten(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    wanted = MAIL | {"to": {"recipient_id": ada["id"]}, "cancel_key": MARK}
    person: dict[str, Any] = {
        "user_id": USER,
        "external_id": MARK,
        "name": MARK,
        "email": f"{MARK}@example.com",
    }
    person |= {"relationship": MARK, "attributes": {"of": MARK}}
    await api.http.delete(f"/v1/recipients/{ada['id']}")
    again = await api.http.post("/v1/recipients", json=person, headers={"idempotency-key": f"welcome-{MARK}"})
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert set(again.json()) == {"id", "created_at", "updated_at"}
    assert again.json()["id"] == ada["id"]
    key = {"idempotency-key": f"welcome-{MARK}"}
    refused = await api.http.post("/v1/recipients", json=person | {"name": "Eve"}, headers=key)
    problem(refused, 422, "idempotency-key-reused")
    repeated = await api.http.post(
        "/v1/notifications", json=wanted, headers={"idempotency-key": f"mail-{MARK}"}
    )
    assert (repeated.status_code, repeated.json()["job_id"]) == (202, ada["job_id"])


async def test_the_audit_log_keeps_a_pseudonym(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    before = (await api.http.get("/v1/audit-log")).json()["data"]
    theirs = [line["id"] for line in before if line["actor_id"] == USER]
    assert theirs
    await api.http.delete(f"/v1/recipients/{ada['id']}")
    after = {line["id"]: line for line in (await api.http.get("/v1/audit-log")).json()["data"]}
    (name,) = {after[each]["actor_id"] for each in theirs}
    assert name.startswith("erased-")
    assert {line["subject"] for line in after.values()} >= {name, ada["id"]}
    assert [after[line["id"]]["action"] for line in before] == [line["action"] for line in before]


async def test_an_export_has_what_they_requested_and_did(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    await api.api.ledger.fetch("UPDATE hermodr.recipients SET quiet_hours = NULL, preferences = '[]'")
    document = (await api.http.get(f"/v1/recipients/{ada['id']}/export")).json()
    assert [job["id"] for job in document["jobs"]] == [ada["job_id"]]
    assert [job["id"] for job in document["requested"]] == [ada["task_id"], ada["done_id"]]
    assert [sync["event_name"] for sync in document["auto_syncs"]] == [MARK]
    assert [each["response"] for each in document["auto_sync_responses"]] == [MARK]
    assert document["requested"][0]["data"] == {"of": MARK}
    assert [line["action"] for line in document["audit_log"] if line.get("actor") == "user"] == ["job.cancel"]
    assert "recipient.export" in [line["action"] for line in document["audit_log"]]
    assert [each["name"] for each in document["schedules"]] == ["daily"]
    kept = [answer["response"] for answer in document["kept_answers"]]
    assert any(answer.get("email") == ada["email"] for answer in kept)
    other = await api.recipient()
    empty = (await api.http.get(f"/v1/recipients/{other['id']}/export")).json()
    assert empty["schedules"] == []
    assert (empty["requested"], empty["kept_answers"]) == ([], [])
    assert [line["action"] for line in empty["audit_log"]] == ["recipient.create", "recipient.export"]


async def test_who_shares_a_user_id_keeps_what_the_user_requested(
    api: ApiUnderTest, ada: dict[str, Any]
) -> None:
    second = await api.recipient(user_id=USER)
    await api.http.delete(f"/v1/recipients/{second['id']}")
    assert (await api.user(USER).get(f"/v1/jobs/{ada['task_id']}")).status_code == 200
    assert (await marked(api.api.ledger))["jobs"] == OF_A_PERSON["jobs"]


async def test_a_clean_up_leaves_no_orphans(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    await api.http.post(
        "/v1/notifications/bulk", json=[{"to": {"email": "x@example.com"}, "subject": "x", "body_text": "x"}]
    )
    ledger = api.api.ledger
    await ledger.fetch(
        "INSERT INTO hermodr.set_aside (duty, subject, error, again_at) VALUES ('due', $1, 'X', now())",
        f"{ada['job_id'][:-4]}0001",
    )
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'cancelled', finished_at = now() - interval '1 hour'")
    gone = await ledger.fetch("SELECT hermodr.cleanup_notification_data('0 seconds') AS n")
    assert gone[0]["n"] == 4
    for table in (
        "jobs",
        "deliveries",
        "attempts",
        "events",
        "dead_letters",
        "job_standings",
        "singletons",
        "set_aside",
    ):
        assert (await ledger.fetch(f"SELECT count(*) AS n FROM hermodr.{table}"))[0]["n"] == 0, table
    batches = "SELECT count(*) AS n FROM hermodr.batches WHERE project_id = $1"
    assert (await ledger.fetch(batches, api.project_id))[0]["n"] == 0
