"""Quiet hours with every service running."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.support.installation import Installation
from tests.support.invariants import Answer, Asked
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def around(now: datetime) -> dict[str, str]:
    """Hours around now, in UTC."""
    begin, end = now - timedelta(hours=2), now + timedelta(hours=2)
    return {"start": f"{begin:%H:%M}", "end": f"{end:%H:%M}"}


async def quiet_person(installation: Installation, address: str) -> dict[str, Any]:
    person: dict[str, Any] = await installation.create("/v1/recipients", {"email": address})
    wishes = {"quiet_hours": around(datetime.now(UTC))}
    answer = await installation.api.put(f"/v1/recipients/{person['id']}/preferences", json=wishes)
    assert answer.status_code == 200, answer.text
    return person


async def send(installation: Installation, person: dict[str, Any], **fields: object) -> str:
    wanted = {"to": {"recipient_id": person["id"]}, "subject": "Letter", "body_text": "Hello."}
    job_id = str((await installation.create("/v1/notifications", wanted | fields))["job_id"])
    installation.asked.append(Asked(person["email"], Answer.ACCEPTED, job_id))
    return job_id


async def put_off(installation: Installation, job_id: str) -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        job: dict[str, Any] = (await installation.job(job_id))["job"]
        return job if job["deferred_until"] is not None and job["status"] == "scheduled" else {}

    return await wait_until(look, 20, f"job {job_id} to be put off", interval=0.05)


async def test_in_quiet_hours_only_what_is_urgent_is_sent(installation: Installation) -> None:
    person = await quiet_person(installation, "quiet-1@example.org")
    waiting = await send(installation, person)
    also_quiet = await quiet_person(installation, "quiet-urgent@example.org")
    urgent = await send(installation, also_quiet, priority="urgent")
    assert (await installation.ended(urgent))["job"]["status"] == "completed"
    job = await put_off(installation, waiting)
    assert job["time_until_scheduled_ms"] > 3_600_000
    (deferred,) = [each for each in await installation.timeline(waiting) if each["event"] == "deferred"]
    assert deferred["detail"]["reason"] == "quiet_hours"
    assert deferred["detail"]["until"] == job["deferred_until"]
    assert deferred["detail"]["timezone"] == "UTC"
    assert len(await installation.mails_to("quiet-urgent@example.org")) == 1
    assert await installation.mails_to("quiet-1@example.org") == []
    cleared = await installation.api.put(
        f"/v1/recipients/{person['id']}/preferences", json={"quiet_hours": None}
    )
    assert cleared.status_code == 200
    assert (await installation.ended(waiting))["job"]["status"] == "completed"
    assert len(await installation.mails_to("quiet-1@example.org")) == 1


async def test_new_hours_hold_for_what_waits_already(installation: Installation) -> None:
    person = await quiet_person(installation, "quiet-2@example.org")
    job_id = await send(installation, person)
    before = await put_off(installation, job_id)
    hours = around(datetime.now(UTC) + timedelta(hours=1))
    await installation.api.put(f"/v1/recipients/{person['id']}/preferences", json={"quiet_hours": hours})

    async def later() -> Any:
        job = await put_off(installation, job_id)
        return job if job["deferred_until"] > before["deferred_until"] else None

    moved: Any = await wait_until(later, 20, "the new end of the quiet hours", interval=0.05)
    assert moved["status"] == "scheduled"
    await installation.api.put(f"/v1/recipients/{person['id']}/preferences", json={"quiet_hours": None})
    await installation.ended(job_id)


async def test_when_they_end_the_mail_goes_out_at_once(installation: Installation) -> None:
    """The end is set to a second from now, instead of waiting for a full minute."""
    person = await quiet_person(installation, "quiet-3@example.org")
    job_id = await send(installation, person)
    await put_off(installation, job_id)
    connection = await asyncpg.connect(installation.database_url)
    try:
        async with (
            connection.transaction()
        ):  # else the first statement alone has the job decided upon at once
            await connection.execute(
                "UPDATE hermodr.recipients SET quiet_hours = NULL WHERE id = $1", person["id"]
            )
            end = await connection.fetchval(
                "UPDATE hermodr.jobs SET wake_at = now() + interval '1 second',"
                " deferred_until = now() + interval '1 second' WHERE id = $1 RETURNING deferred_until",
                job_id,
            )
            await connection.execute("NOTIFY hermodr_due")
    finally:
        await connection.close()
    job = await installation.ended(job_id)
    (attempt,) = job["delivery_logs"]
    late = datetime.fromisoformat(attempt["started_at"]) - end
    assert late >= timedelta(), late
