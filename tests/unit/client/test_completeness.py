"""Every request of the API can be made with the Python client."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from hermodr_client import BulkInterrupted, Hermodr, NotFound
from tests.support.client import KEY, URL

OPENAPI = Path(__file__).parents[3] / "docs" / "openapi.json"
NOT_FOR_PRODUCERS = {
    ("GET", "/"),
    ("GET", "/health/broker"),
    ("GET", "/v1/files/{token}"),
    ("GET", "/v1/providers/{provider}/events"),
    ("POST", "/v1/providers/{provider}/events"),
}
"""The welcome, what a load balancer asks for, what links lead to, and what providers report."""
A, B = UUID("01a2018c-e359-7702-8eb3-8dd0fbf20000"), UUID("01a2018c-e359-7702-8eb3-8dd0fbf20001")

CALLS: list[Callable[[Hermodr], Any]] = [
    lambda h: h.send("ada@example.com", subject="Hi", body_text="Hello"),
    lambda h: h.recipients.import_csv("external_id\r\nx\r\n"),
    lambda h: h.simulate("ada@example.com", subject="Hi", body_text="Hello"),
    lambda h: h.simulate_many([{"to": "ada@example.com", "subject": "Hi", "body_text": "Hello"}]),
    lambda h: h.send_many([{"to": {"email": "ada@example.com"}, "subject": "Hi", "body_text": "Hello"}]),
    lambda h: h.jobs.get(A),
    lambda h: h.jobs.timeline(A),
    lambda h: next(h.jobs.logs(A)),
    lambda h: h.jobs.logged(A),
    lambda h: next(h.jobs.list()),
    lambda h: h.jobs.metrics(),
    lambda h: h.jobs.create("export", {}),
    lambda h: h.jobs.cancel(A),
    lambda h: h.jobs.cancel_by_key("order-17"),
    lambda h: h.jobs.retry(A),
    lambda h: h.jobs.retry_many(),
    lambda h: next(h.bulk_actions.list()),
    lambda h: h.bulk_actions.create("retry"),
    lambda h: h.bulk_actions.plan("cancel", {"type": "invoice"}),
    lambda h: h.bulk_actions.get(A),
    lambda h: h.bulk_actions.stop(A),
    lambda h: h.batches.get(A),
    lambda h: next(h.dead_letters.list()),
    lambda h: h.dead_letters.get(A),
    lambda h: h.dead_letters.replay(A),
    lambda h: h.dead_letters.replay_many(),
    lambda h: h.dead_letters.delete(A),
    lambda h: h.dead_letters.delete_many(replayed=True),
    lambda h: h.queues.get(),
    lambda h: h.console.link(),
    lambda h: h.queues.pause("email"),
    lambda h: h.queues.resume("email"),
    lambda h: h.providers.get(),
    lambda h: h.providers.test("smtp", "ada@example.com"),
    lambda h: next(h.recipients.list()),
    lambda h: h.recipients.get(A),
    lambda h: h.recipients.create(email="ada@example.com"),
    lambda h: h.recipients.update(A, name="Ada"),
    lambda h: h.recipients.upsert("c-1", name="Ada"),
    lambda h: h.recipients.delete(A),
    lambda h: h.recipients.set_preferences(A, muted_until=None),
    lambda h: h.recipients.confirm_phone(A, "062914"),
    lambda h: h.recipients.withdraw_addresses(A),
    lambda h: h.recipients.revoke_links(A),
    lambda h: h.recipients.export(A),
    lambda h: h.recipients.webhook_secret(A),
    lambda h: h.projects.me(),
    lambda h: next(h.projects.list()),
    lambda h: h.projects.set_quotas(A, accepted_per_day=5, sockets="off", waiting_jobs=None),
    lambda h: h.projects.change(
        sender="Shop <shop@example.com>", reply_to=["help@example.com"], users_export_contents=True
    ),
    lambda h: next(h.inbox.list(read=False)),
    lambda h: h.inbox.unread_count(),
    lambda h: next(h.inbox.stream()),
    lambda h: h.inbox.get(A),
    lambda h: h.inbox.mark_read(A),
    lambda h: h.inbox.mark_unread(A),
    lambda h: h.inbox.mark_all_read(type="news"),
    lambda h: h.inbox.archive(A),
    lambda h: h.inbox.unarchive(A),
    lambda h: h.inbox.snooze(A, datetime(2026, 11, 22, 9, tzinfo=UTC)),
    lambda h: h.inbox.delete(A),
    lambda h: next(h.inbox.preferences()),
    lambda h: h.inbox.preference(A),
    lambda h: h.inbox.set_preference(A, {"email": False}),
    lambda h: h.inbox.set_channels({"email": False}, user_id="user-17"),
    lambda h: next(h.webhooks.list()),
    lambda h: h.webhooks.get(A),
    lambda h: h.webhooks.create("https://shop.example.com/in", events=["job.failed"]),
    lambda h: h.webhooks.update(A, enabled=False),
    lambda h: h.webhooks.delete(A),
    lambda h: h.webhooks.rotate_secret(A),
    lambda h: h.webhooks.test(A),
    lambda h: h.webhooks.recover(A, datetime(2026, 11, 22, 9, tzinfo=UTC)),
    lambda h: next(h.webhooks.deliveries(A, state="failed")),
    lambda h: h.webhooks.delivery(A, B),
    lambda h: h.webhooks.redeliver(A, B),
    lambda h: next(h.schedules.list(is_active=True)),
    lambda h: h.schedules.get(A),
    lambda h: h.schedules.create("report", {"type": "export"}, every="1d"),
    lambda h: h.schedules.update(A, cron="0 9 * * *"),
    lambda h: h.schedules.pause(A),
    lambda h: h.schedules.resume(A),
    lambda h: h.schedules.delete(A),
    lambda h: h.schedules.run(A),
    lambda h: h.schedules.occurrences(A, 3),
    lambda h: next(h.schedules.runs(A, state="fired")),
    lambda h: next(h.senders.list()),
    lambda h: h.senders.get(A),
    lambda h: h.senders.add("Shop <shop@example.com>"),
    lambda h: h.senders.add_domain("example.com"),
    lambda h: h.senders.verify(A, "k3Jv"),
    lambda h: h.senders.verify(A, by="operator"),
    lambda h: h.senders.remove(A),
    lambda h: next(h.suppressions.list()),
    lambda h: h.suppressions.get(A),
    lambda h: h.suppressions.add("ada@example.com"),
    lambda h: h.suppressions.remove(A),
    lambda h: h.suppressions.remove_address("ada@example.com"),
    lambda h: h.suppressions.import_csv("address\n"),
    lambda h: h.suppressions.export_csv(),
    lambda h: next(h.groups.list()),
    lambda h: h.groups.get(A),
    lambda h: h.groups.create(name="Mia"),
    lambda h: h.groups.update(A, name="Mia"),
    lambda h: h.groups.delete(A),
    lambda h: next(h.groups.members(A)),
    lambda h: h.groups.add_members(A, [{"recipient_id": B}]),
    lambda h: h.groups.get_member(A, B),
    lambda h: h.groups.update_member(A, B, role="organizer"),
    lambda h: h.groups.remove_member(A, B),
    lambda h: next(h.groups.unread(A, B)),
    lambda h: h.groups.mark_read(A, B, [A]),
    lambda h: next(h.groups.updates(A)),
    lambda h: h.groups.post_update(A, content_type="photo"),
    lambda h: h.groups.get_update(A, B),
    lambda h: h.groups.change_update(A, B, title="First steps"),
    lambda h: h.groups.delete_update(A, B),
    lambda h: next(h.digest_schedules.list(is_active=True)),
    lambda h: h.digest_schedules.get(A),
    lambda h: h.digest_schedules.create(A, B, "weekly", delivery_day=7, include_content_types=["photo"]),
    lambda h: h.digest_schedules.update(A, delivery_time="08:00"),
    lambda h: h.digest_schedules.delete(A),
    lambda h: h.digest_schedules.occurrences(A, 3),
    lambda h: h.digest_schedules.preview(A),
    lambda h: h.digest_schedules.run(A),
    lambda h: next(h.auto_syncs.list()),
    lambda h: h.auto_syncs.get(A),
    lambda h: h.auto_syncs.create(A, B, "Party", channel="email"),
    lambda h: h.auto_syncs.update(A, pause_after="72h"),
    lambda h: h.auto_syncs.delete(A),
    lambda h: next(h.auto_syncs.responses(A)),
    lambda h: h.auto_syncs.respond(A, B, "yes"),
    lambda h: h.auto_syncs.pause(A),
    lambda h: h.auto_syncs.resume(A),
    lambda h: h.auto_syncs.complete(A),
    lambda h: h.auto_syncs.run(A),
    lambda h: next(h.templates.list()),
    lambda h: h.templates.get(A),
    lambda h: h.templates.create("news", {}),
    lambda h: h.templates.update(A, critical=True),
    lambda h: h.templates.delete(A),
    lambda h: next(h.templates.versions(A)),
    lambda h: h.templates.version(A, 1),
    lambda h: h.templates.rollback(A, 1),
    lambda h: h.templates.preview(A, data={}),
    lambda h: h.templates.preview_contents({}, data={}),
    lambda h: next(h.api_keys.list()),
    lambda h: h.api_keys.get(A),
    lambda h: h.api_keys.create(["send"]),
    lambda h: h.api_keys.rename(A, "checkout"),
    lambda h: h.api_keys.expire(A, None),
    lambda h: h.api_keys.rotate(A, overlap="1h"),
    lambda h: h.api_keys.revoke(A),
    lambda h: h.api_keys.revoke_of("ada@example.com (1815)"),
    lambda h: next(h.connections.list()),
    lambda h: h.connections.get(A),
    lambda h: h.connections.create(
        "warehouse", host="db.example.com", database="warehouse", user="reader", password="secret"
    ),
    lambda h: h.connections.update(A, name="the warehouse"),
    lambda h: h.connections.delete(A),
    lambda h: h.connections.rebuild(A),
    lambda h: h.connections.schema(A),
    lambda h: next(h.signing_keys.list()),
    lambda h: h.signing_keys.get(A),
    lambda h: h.signing_keys.create(name="backend"),
    lambda h: h.signing_keys.rotate(A, overlap="1h"),
    lambda h: h.signing_keys.revoke(A),
    lambda h: h.user_tokens.rules(),
    lambda h: h.user_tokens.change_rules(lifetime="12h"),
    lambda h: h.user_tokens.revoke("ada"),
    lambda h: next(h.audit.list()),
    lambda h: h.health.get(),
]


def test_every_operation_can_be_called() -> None:
    document = json.loads(OPENAPI.read_text())
    offered = {
        (method.upper(), path): re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"
    }
    # the path with fewest parameters that fits, as the API's own routing: /v1/jobs/metrics is no job
    specific = sorted(offered, key=lambda each: each[1].count("{"))
    asked = {
        next(each for each in specific if each[0] == method and offered[each].fullmatch(path))
        for method, path in (_request_of(call) for call in CALLS)
    }
    assert asked == offered.keys() - NOT_FOR_PRODUCERS


def _request_of(call: Callable[[Hermodr], Any]) -> tuple[str, str]:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(404, json={"type": "urn:hermodr:problem:x", "title": "No", "status": 404})

    with (
        Hermodr(URL, KEY, transport=httpx.MockTransport(answer)) as client,
        pytest.raises((NotFound, BulkInterrupted)),
    ):
        call(client)
    return requests[0].method, requests[0].url.path
