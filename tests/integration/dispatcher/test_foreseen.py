"""What a simulation tells is what a real run does: over random recipients, templates, wishes and times."""

import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.engine import Ledger
from tests.integration.dispatcher.test_wishes import Rung, dispatching_of
from tests.support.api import ApiUnderTest, api_over
from tests.support.ledgers import emptied

_ZONES = [None, "UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia"]
_TYPES = ["plain", "critical", "both", "texts", "several"]
_CASES = 120


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url, channels="email sms") as api:
        await emptied(api.api.ledger)
        yield api


class Chance:
    """Hours are half an hour and more from now: a clock that goes on between two requests changes nothing."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._now = datetime.now(UTC)

    def one(self, *values: Any) -> Any:
        return self._random.choice(values)

    def wall(self, zone: str | None, hours: float) -> str:
        return f"{(self._now + timedelta(hours=hours)).astimezone(ZoneInfo(zone or 'UTC')):%H:%M}"

    def recipient(self) -> dict[str, Any]:
        return {
            "email": self.one(*["ada@example.com"] * 6, "gone@example.com", None),
            "phone": self.one("+4915112345678", None),
            "timezone": self.one(*_ZONES),
            "locale": self.one("de", "fr", None),
        }

    def wishes(self, zone: str | None) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.one(True, False):
            begins = self.one(-3.0, -0.6, 0.6, 5.0)
            found["quiet_hours"] = {
                "start": self.wall(zone, begins),
                "end": self.wall(zone, begins + self.one(1.7, 4.1, 9.3)),
                "days": self.one([1, 2, 3, 4, 5, 6, 7], [self._now.isoweekday()], [1, 3, 5]),
            }
        found["caps"] = [
            {
                "max": self.one(1, 2),
                "per": self.one("40m", "24h"),
                "types": self.one(None, ["plain", "both"]),
                "overflow": self.one("defer", "skip", "digest"),
            }
            for _ in range(self.one(0, 1, 2))
        ]
        found["muted_until"] = self.one(*[None] * 6, "9999-01-01T00:00:00Z", "2020-01-01T00:00:00Z")
        found["preferences"] = [
            {
                "type": self.one(None, *_TYPES),
                "channel": self.one(None, "email", "sms"),
                "enabled": self.one(True, False),
            }
            for _ in range(self.one(0, 0, 1, 3))
        ]
        return found

    def notification(self, recipient: dict[str, Any]) -> dict[str, Any]:
        name = self.one(*_TYPES, None)
        wanted: dict[str, Any] = {"to": {"recipient_id": recipient["id"]}}
        wanted |= {"subject": "Hi", "body_text": "You"} if name is None else {"type": name}
        if self.one(*[False] * 4, True):
            wanted["to"] = {"email": self.one("bare@example.com", "gone@example.com")}
        elif name is None and self.one(True, False):
            wanted["channels"] = ["email"]
        if self.one(True, False, False):
            wanted["priority"] = self.one("urgent", "low")
        if self.one(True, False, False):
            zone = recipient["timezone"] if "recipient_id" in wanted["to"] else None
            wanted["deliver_at"] = {
                "local_time": self.wall(zone, self.one(-2.6, 0.7, 6.0)),
                "days": self.one([1, 2, 3, 4, 5, 6, 7], [2, 6]),
            }
        if self.one(True, False, False):
            hours = self.one(0.55, 3.0, 100.0)
            wanted["expires_at"] = (self._now + timedelta(hours=hours)).isoformat()
        return wanted


async def furnished(api: ApiUnderTest) -> None:
    mail = {"en": {"subject": "Hi", "body_text": "You"}, "de": {"subject": "Na", "body_text": "Du"}}
    text = {"en": {"body_text": "Hi"}}
    for name, contents, critical in (
        ("plain", {"email": mail}, False),
        ("critical", {"email": mail}, True),
        ("both", {"email": mail, "sms": text}, False),
        ("texts", {"sms": text}, False),
        ("several", {"email": {"en": {"subject": "Hi", "body_text": "{{ total | default(1) }}"}}}, False),
    ):
        await api.template(name=name, contents=contents, critical=critical)
    await api.http.post("/v1/suppressions", json={"address": "gone@example.com"})


async def really(ledger: Ledger, job_id: UUID) -> dict[str, Any]:
    """The job's state, its reasons by channel (`None`: of all), and the channels it is sent on."""
    (job,) = await ledger.fetch("SELECT state, deferred_until FROM hermodr.jobs WHERE id = $1", job_id)
    notes = await ledger.fetch("SELECT kind, detail FROM hermodr.events WHERE job_id = $1", job_id)
    made = await ledger.fetch("SELECT channel, state FROM hermodr.deliveries WHERE job_id = $1", job_id)
    details = [json.loads(each["detail"]) for each in notes]
    return {
        "state": job["state"],
        "until": job["deferred_until"],
        "reasons": {each.get("channel"): each["reason"] for each in details if "reason" in each},
        "sent": {each["channel"] for each in made if each["state"] == "queued"},
    }


def alike(foreseen: dict[str, Any], real: dict[str, Any]) -> bool:
    channel, verdict, reason = foreseen["channel"], foreseen["verdict"], foreseen["reason"]
    if real["state"] == "scheduled":
        if verdict != "defer":  # what is refused once the others' time has come
            return verdict in ("skip", "fail")
        # places are counted from the moment of the real decision
        later = datetime.fromisoformat(foreseen["send_at"]) >= real["until"] - timedelta(minutes=2)
        return bool(later and reason == real["reasons"][None])
    if verdict == "send":
        return channel in real["sent"]
    told = real["reasons"].get(channel, real["reasons"].get(None))
    if verdict == "defer" or channel in real["sent"] or told != reason:
        return False
    return real["state"] != "failed" or verdict in ("fail", "skip")


@pytest.mark.parametrize("seed", range(6))
async def test_a_simulation_and_the_real_run_agree(api: ApiUnderTest, seed: int) -> None:
    chance = Chance(seed)
    await furnished(api)
    wanted = []
    for _ in range(_CASES // 6):
        recipient = await api.recipient(**chance.recipient())
        wishes = chance.wishes(recipient["timezone"])
        put = await api.http.put(f"/v1/recipients/{recipient['id']}/preferences", json=wishes)
        assert put.status_code == 200, put.text
        wanted += [chance.notification(recipient) for _ in range(6)]
    foreseen = (await api.http.post("/v1/notifications/simulate", json=wanted)).json()["data"]
    answer = await api.http.post("/v1/notifications/bulk", json=wanted, params={"include": "job_ids"})
    ids = [UUID(each) if each is not None else None for each in answer.json()["job_ids"]]
    ledger = api.api.ledger
    accepted = [each for each in ids if each is not None]
    for priority in Priority:  # a job of another priority is decided all the same
        await dispatching_of(ledger, Rung(), api.api.broker.topology.channels).dispatch(priority, accepted)
    seen: set[str | None] = set()
    for item, job_id, told in zip(wanted, ids, foreseen, strict=True):
        if job_id is None:
            assert "errors" in told, item
            continue
        real = await really(ledger, job_id)
        channels = told["channels"]
        assert all(alike(each, real) for each in channels), (item, channels, real)
        if real["state"] == "scheduled":
            assert any(each["verdict"] == "defer" for each in channels) or all(
                each["verdict"] == "skip" for each in channels
            ), (item, channels, real)
        if real["state"] == "failed":
            assert any(each["verdict"] == "fail" for each in channels), (item, channels, real)
        assert real["sent"] <= {each["channel"] for each in channels}
        seen |= {each["verdict"] for each in channels} | {each["reason"] for each in channels}
    assert {"send", "defer", "skip"} <= seen
