"""The Python client against a real API process over a real database, through a wire that can be cut. The broker is
dead: `202` does not need one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from hermodr_client import (
    AsyncHermodr,
    Conflict,
    Forbidden,
    Hermodr,
    Invalid,
    NoAnswer,
    NotFound,
    NotSendable,
    Retries,
    Unauthenticated,
)
from hermodr_client.errors import IdempotencyKeyReused, SingletonTaken
from hermodr_ledger.access import keys, operating
from hermodr_ledger.engine import Ledger
from tests.support.api import TEMPLATE
from tests.support.proxies import Proxy, proxied
from tests.support.sessions import fresh_name
from tests.support.waiting import wait_until

T = TypeVar("T")
TEXT: dict[str, Any] = {"subject": "Your table is booked", "body_text": "See you on Friday."}


@dataclass
class Site:
    """A running API behind a wire, and a fresh project on it."""

    ledger: Ledger
    proxy: Proxy
    project: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.proxy.port}"

    async def key(self, *scopes: keys.Scope, project: str | None = None) -> str:
        return (await keys.create(self.ledger, project or self.project, scopes)).secret

    async def jobs(self) -> int:
        rows = await self.ledger.fetch(
            "SELECT count(*) AS n FROM hermodr.jobs j JOIN hermodr.projects p ON p.id = j.project_id WHERE p.name = $1",
            self.project,
        )
        return int(rows[0]["n"])


@pytest_asyncio.fixture
async def site(database_url: str, api_url: str) -> AsyncIterator[Site]:
    ledger = Ledger(database_url, service="test")
    async with proxied(api_url) as (proxy, _):
        yield Site(ledger, proxy, fresh_name())
    await ledger.close()


@pytest_asyncio.fixture
async def client(site: Site) -> AsyncIterator[AsyncHermodr]:
    """An administrator's."""
    async with AsyncHermodr(site.url, await site.key("admin"), timeout=10, retries=Retries(20)) as client:
        yield client


async def blocking(site: Site, act: Callable[[Hermodr], T], *scopes: keys.Scope) -> T:
    """What the blocking client gives, on a thread of its own."""
    key = await site.key(*(scopes or ("admin",)))

    def run() -> T:
        with Hermodr(site.url, key, timeout=10, retries=Retries(20)) as client:
            return act(client)

    return await asyncio.to_thread(run)


async def test_what_is_sent_is_there(site: Site) -> None:
    accepted = await blocking(site, lambda h: h.send("ada@example.com", **TEXT), "send")
    assert accepted.status == "queued"
    detail = await blocking(site, lambda h: h.jobs.get(accepted.job_id), "read")
    assert detail.job.id == accepted.job_id
    assert detail.job.message_id == accepted.message_id
    assert not detail.job.finished
    assert detail.recipient == {"email": "ada@example.com", "phone": None, "name": None, "locale": None}
    timeline = await blocking(site, lambda h: h.jobs.timeline(accepted.job_id), "read")
    assert [entry.event for entry in timeline.data] == ["requested"]


async def test_later_is_said_with_a_moment_or_seconds(client: AsyncHermodr) -> None:
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    at = await client.send("ada@example.com", **TEXT, scheduled_for=later)
    after = await client.send("ada@example.com", **TEXT, delay_seconds=3600)
    assert (at.status, after.status) == ("scheduled", "scheduled")
    assert (await client.jobs.get(at.job_id)).job.scheduled_for == later


async def _lost_once(site: Site, act: Callable[[], Awaitable[T]]) -> T:
    """The result of a call whose first answer is swallowed by the wire, after the API has committed."""
    before = await site.jobs()
    site.proxy.mute()
    calling = asyncio.ensure_future(act())

    async def committed() -> bool:
        return await site.jobs() > before

    seen: bool = await wait_until(committed, message="the commit")
    assert seen
    site.proxy.cut()
    await site.proxy.mend()
    return await calling


async def test_an_answer_lost_after_the_commit_makes_one_job(site: Site, client: AsyncHermodr) -> None:
    accepted = await _lost_once(site, lambda: client.send("ada@example.com", **TEXT))
    assert await site.jobs() == 1
    assert (await client.jobs.get(accepted.job_id)).job.id == accepted.job_id


async def test_many_answers_lost_after_the_commit_make_one_batch(site: Site, client: AsyncHermodr) -> None:
    items = [{"to": f"a{number}@example.com", **TEXT} for number in range(50)]
    result = await _lost_once(site, lambda: client.send_many(items))
    assert result.accepted == 50
    assert await site.jobs() == 50


async def test_a_group_is_written_to_once_though_the_answer_is_lost(site: Site, client: AsyncHermodr) -> None:
    group = await client.groups.create(name="us")
    people = [await client.recipients.create(email=f"a{n}@example.com") for n in range(3)]
    await client.groups.add_members(group.id, [{"recipient_id": str(each.id)} for each in people])
    batch = await _lost_once(site, lambda: client.send_to_group(group.id, **TEXT))
    assert (batch.accepted, await site.jobs()) == (3, 3)
    assert (await client.batches.get(batch.batch_id)).counts == {"queued": 3}
    with pytest.raises(NotSendable, match="send_to_group"):
        await client.send({"group_id": group.id}, **TEXT)  # type: ignore[arg-type]


async def test_an_api_that_is_away_for_a_while_is_waited_for(site: Site, client: AsyncHermodr) -> None:
    await site.proxy.block()
    calling = asyncio.ensure_future(client.send("ada@example.com", **TEXT))
    done, _ = await asyncio.wait([calling], timeout=0.5)
    assert not done
    await site.proxy.mend()
    assert (await calling).status == "queued"
    assert await site.jobs() == 1


async def test_an_api_that_stays_away_is_told(site: Site) -> None:
    await site.proxy.block()
    with pytest.raises(NoAnswer) as caught:
        async with AsyncHermodr(site.url, "hk_x", retries=Retries(3, first_pause=0.01)) as client:
            await client.send("ada@example.com", **TEXT)
    assert (caught.value.attempts, caught.value.reached) == (3, False)


async def test_twelve_thousand_are_two_batches(site: Site) -> None:
    items = ({"to": {"email": f"a{number}@example.com"}, **TEXT} for number in range(12_000))
    bad = [{"to": "nobody@", **TEXT}]

    def act(client: Hermodr) -> Any:
        return client.send_many([*items, *bad], idempotency_key="night-1")

    result = await blocking(site, act)
    assert (result.accepted, [each.index for each in result.rejected]) == (12_000, [12_000])
    batches = await blocking(site, lambda h: [h.batches.get(each) for each in result.batches])
    assert [batch.accepted for batch in batches] == [10_000, 2_000]


async def test_the_same_key_says_the_same_or_is_refused(site: Site, client: AsyncHermodr) -> None:
    first = await client.send("ada@example.com", **TEXT, idempotency_key="booking-17")
    again = await client.send("ada@example.com", **TEXT, idempotency_key="booking-17")
    assert first.job_id == again.job_id
    with pytest.raises(IdempotencyKeyReused):
        await client.send("bob@example.com", **TEXT, idempotency_key="booking-17")
    await client.send("ada@example.com", **TEXT, singleton_key="one")
    with pytest.raises(SingletonTaken):
        await client.send("ada@example.com", **TEXT, singleton_key="one")


async def test_the_address_book_is_read_through_all_its_pages(client: AsyncHermodr) -> None:
    made = [await client.recipients.create(external_id=f"guest-{n}", name="Ada") for n in range(5)]
    found = [each async for each in client.recipients.list(page_size=2)]
    assert [each.id for each in found] == [each.id for each in made]
    changed = await client.recipients.update(made[0].id, email="ada@example.com", name=None)
    assert (changed.name, changed.email) == (None, "ada@example.com")
    await client.recipients.set_preferences(made[0].id, preferences=[{"channel": "email", "enabled": False}])
    assert (await client.recipients.get(made[0].id)).preferences[0]["enabled"] is False
    with pytest.raises(Conflict):
        await client.recipients.create(external_id="guest-1")
    await client.recipients.delete(made[0].id)
    with pytest.raises(NotFound):
        await client.recipients.get(made[0].id)


async def test_auto_syncs_are_asked_answered_and_ended(client: AsyncHermodr) -> None:
    people = [await client.recipients.create(name=name) for name in ("Olga", "Ada", "Bob")]
    group = await client.groups.create(name="Crew")
    added = await client.groups.add_members(group.id, [{"recipient_id": each.id} for each in people])
    made = await client.auto_syncs.create(people[0].id, group.id, "Party", reminder_after="2h")
    assert (made.status, made.counts.asked, made.next is not None) == ("running", 2, True)
    assert (await client.auto_syncs.update(made.id, pause_after="3h")).pause_after == "3h"
    assert (await client.auto_syncs.run(made.id)).job_ids == []
    assert (await client.auto_syncs.pause(made.id)).paused_at is not None
    assert (await client.auto_syncs.resume(made.id)).status == "running"
    answered = await client.auto_syncs.respond(made.id, added.data[1].id, "yes")
    assert (answered.counts.answered, answered.counts.goal_met) == (1, False)
    given = [each.response async for each in client.auto_syncs.responses(made.id)]
    assert given == ["yes", None]
    assert [each.id async for each in client.auto_syncs.list(status="running")] == [made.id]
    assert (await client.auto_syncs.complete(made.id)).status == "completed"
    with pytest.raises(Conflict):
        await client.auto_syncs.resume(made.id)
    await client.auto_syncs.delete(made.id)
    with pytest.raises(NotFound):
        await client.auto_syncs.get(made.id)


async def test_groups_have_members_and_updates(client: AsyncHermodr) -> None:
    group = await client.groups.create(name="The Lovelaces", external_id="family-17")
    ada = await client.recipients.create(external_id="ada", name="Ada")
    added = await client.groups.add_members(group.id, [{"external_id": "ada", "role": "organizer"}])
    assert [member.recipient_id for member in added.data] == [ada.id]
    changed = await client.groups.update_member(group.id, added.data[0].id, role=None)
    assert changed.role is None
    posted = await client.groups.post_update(group.id, content_type="milestone", title="First steps")
    assert [each.id async for each in client.groups.updates(group.id)] == [posted.id]
    assert (await client.groups.change_update(group.id, posted.id, title="Two steps")).title == "Two steps"
    assert (await client.groups.get_update(group.id, posted.id)).title == "Two steps"
    member = await client.groups.get_member(group.id, added.data[0].id)
    assert [each.id async for each in client.groups.unread(group.id, member.id)] == [posted.id]
    assert (await client.groups.mark_read(group.id, member.id, through=posted.id)).unread_count == 0
    assert [each async for each in client.groups.unread(group.id, member.id)] == []
    await client.groups.delete_update(group.id, posted.id)
    assert [each async for each in client.groups.updates(group.id)] == []
    await client.groups.remove_member(group.id, member.id)
    assert [each async for each in client.groups.members(group.id)] == []
    assert (await client.groups.update(group.id, name="The Byrons")).name == "The Byrons"
    await client.groups.delete(group.id)
    assert [each async for each in client.groups.list()] == []


async def test_tasks_are_requested(client: AsyncHermodr) -> None:
    accepted = await client.jobs.create("data-export", {"format": "csv"}, singleton_key="export")
    assert (await client.jobs.get(accepted.job_id)).job.kind == "task"
    with pytest.raises(SingletonTaken):
        await client.jobs.create("data-export", {}, singleton_key="export")


async def test_templates_have_versions(client: AsyncHermodr) -> None:
    template = await client.templates.create(TEMPLATE["name"], TEMPLATE["contents"])
    texts = {"email": {"en": {"subject": "New", "body_text": "New"}}}
    assert (await client.templates.update(template.id, contents=texts)).version == 2
    assert [each.version async for each in client.templates.versions(template.id)] == [2, 1]
    assert (await client.templates.rollback(template.id, 1)).contents["email"]["en"][
        "subject"
    ] == "Hi {{ name }}"
    assert (await client.templates.version(template.id, 2)).contents["email"]["en"]["subject"] == "New"
    shown = await client.templates.preview(
        template.id, data={"name": "Ada", "magic_link": "https://example.com/x"}
    )
    assert (shown.version, shown.subject) == (1, "Hi Ada")
    assert (await client.templates.preview_contents(texts)).version is None
    with pytest.raises(Invalid) as caught:
        await client.templates.create("broken", {"email": {"en": {"subject": "{{", "body_text": "x"}}})
    assert caught.value.errors[0].loc[-1] == "subject"


async def test_keys_are_made_and_revoked(site: Site, client: AsyncHermodr) -> None:
    made = await client.api_keys.create(["read"], name="checkout")
    assert made.key is not None
    assert made.key not in repr(made)
    async with AsyncHermodr(site.url, made.key) as reader:
        with pytest.raises(Forbidden):
            await reader.send("ada@example.com", **TEXT)
        await client.api_keys.revoke(made.id)
        assert {entry.action async for entry in client.audit.list()} >= {"api-key.revoke"}
        with pytest.raises(Unauthenticated):
            await reader.jobs.get(made.id)


async def test_keys_end_and_are_rotated(site: Site, client: AsyncHermodr) -> None:
    ends = datetime(2999, 1, 1, tzinfo=UTC)
    made = await client.api_keys.create(["read"], expires_at=ends)
    assert made.expires_at == ends
    later = await client.api_keys.expire(made.id, None)
    assert (later.expires_at, later.last_used_at) == (None, None)
    fresh = await client.api_keys.rotate(made.id, overlap="1h")
    assert fresh.key not in (None, made.key)
    assert (await client.api_keys.get(made.id)).expires_at is not None


async def test_signing_keys_and_rules_are_kept_and_users_revoked(client: AsyncHermodr) -> None:
    made = await client.signing_keys.create(name="backend")
    assert made.secret is not None
    assert made.secret not in repr(made)
    fresh = await client.signing_keys.rotate(made.id, overlap="1h")
    assert (await client.signing_keys.get(made.id)).expires_at is not None
    await client.signing_keys.revoke(fresh.id)
    found = {key.id: key.revoked_at async for key in client.signing_keys.list()}
    assert found.keys() == {made.id, fresh.id}
    assert found[fresh.id] is not None
    assert (await client.user_tokens.rules()).lifetime == "24h"
    assert (await client.user_tokens.change_rules(lifetime="12h", issuer="x")).issuer == "x"
    assert (await client.user_tokens.revoke("ada")).revoked_at > made.created_at


async def test_jobs_are_listed_cancelled_and_asked_for_again(client: AsyncHermodr) -> None:
    sent = [await client.send(f"a{n}@example.com", **TEXT, delay_seconds=60) for n in range(5)]
    found = [job.id async for job in client.jobs.list(status="scheduled", sort="-created_at", page_size=2)]
    assert found == [accepted.job_id for accepted in reversed(sent)]
    assert (await client.jobs.cancel(sent[0].job_id)).status == "cancelled"
    with pytest.raises(Conflict):
        await client.jobs.cancel(sent[0].job_id)
    counted = await client.jobs.retry_many({"status": "cancelled"}, dry_run=True)
    assert (counted.matched, counted.retried) == (1, 0)
    assert (await client.jobs.retry(sent[0].job_id)).status == "scheduled"
    assert (await client.jobs.metrics(hours=1)).summary["total_jobs"] == 5


async def test_jobs_are_found_and_cancelled_by_their_key(client: AsyncHermodr) -> None:
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    sent = await client.send(
        "ada@example.com",
        **TEXT,
        delay_seconds=60,
        expires_at=expires_at,
        max_retries=2,
        cancel_key="order-17",
    )
    task = await client.jobs.create("export", {}, cancel_key="order-17", expires_at=expires_at)
    found = [job async for job in client.jobs.list(cancel_key="order-17")]
    assert [job.id for job in found] == [sent.job_id, task.job_id]
    found_by = [job async for job in client.jobs.list(address="ADA@example.com", cancel_key="order-17")]
    assert [job.id for job in found_by] == [sent.job_id]
    assert (found[0].expires_at, found[0].max_retries, found[0].cancel_key) == (expires_at, 2, "order-17")
    done = await client.jobs.cancel_by_key("order-17")
    assert (done.cancelled, done.too_late) == (2, 0)


async def test_queues_and_dead_letters_are_looked_at(client: AsyncHermodr, site: Site) -> None:
    await operating.appoint(site.ledger, site.project)
    assert (await client.queues.pause("email", "a test")).paused
    report = await client.queues.get()
    assert {each.channel: each.paused for each in report.data}["email"]
    assert not (await client.queues.resume("email")).paused
    assert [each async for each in client.dead_letters.list(replayed=False)] == []
    assert (await client.dead_letters.replay_many(dry_run=True)).matched == 0
    assert (await client.dead_letters.delete_many(replayed=True)).deleted == 0


async def test_health_is_told(client: AsyncHermodr) -> None:
    health = await client.health.get()
    assert health.status == "degraded"
    assert health.broker["connected"] is False
