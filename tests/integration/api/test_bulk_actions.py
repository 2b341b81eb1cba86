"""`/v1/bulk-actions`: all jobs that match a filter, by the schedulers."""

from typing import Any
from uuid import uuid4

import pytest

from hermodr_ledger.jobs import listing
from hermodr_ledger.jobs.bulk_actions import MOST_PAGES
from hermodr_scheduler.duties import bulk_actions
from hermodr_scheduler.duties.bulk_actions import BulkActions
from tests.support.api import ApiUnderTest
from tests.support.console import asked
from tests.support.duties import Calls, SilentBell

PATH = "/v1/bulk-actions"


async def wanted(api: ApiUnderTest, action: str, *, key: str = "", **filter: str) -> Any:
    document = {"action": action, "filter": filter}
    answer = await api.http.post(PATH, json=document, headers={"idempotency-key": key} if key else {})
    assert answer.status_code == 202, answer.text
    return answer.json()


async def worked(api: ApiUnderTest, rounds: int = 1) -> None:
    duty = BulkActions(api.api.ledger.cold, SilentBell(), Calls())
    for _ in range(rounds):
        await duty.tick()


async def states(api: ApiUnderTest, jobs: list[str]) -> list[str]:
    return [(await api.http.get(f"/v1/jobs/{each}")).json()["job"]["status"] for each in jobs]


async def test_a_dry_run_counts_and_what_comes_after_it_is_not_meant(api: ApiUnderTest) -> None:
    jobs = [await asked(api, type="invoice") for _ in range(3)]
    document: dict[str, Any] = {"action": "cancel", "filter": {"type": "invoice"}, "dry_run": True}
    counted = await api.http.post(PATH, json=document)
    assert counted.status_code == 200
    plan = counted.json()
    assert {**plan, "at": None} == {"dry_run": True, "matched": 3, "more": False, "at": None}
    assert (await api.http.get(PATH)).json()["data"] == []
    later = [await asked(api, type="invoice")]
    made = await wanted(api, "cancel", type="invoice", created_before=plan["at"])
    assert (made["action"], made["status"], made["matched"], made["done"]) == ("cancel", "running", 3, 0)
    assert made["filter"] == {"type": "invoice", "created_before": plan["at"]}
    await worked(api)
    seen = (await api.http.get(f"{PATH}/{made['id']}")).json()
    assert (seen["status"], seen["done"], seen["left"], seen["reasons"]) == ("done", 3, 0, {})
    assert seen["ended_at"] is not None
    assert await states(api, jobs + later) == ["cancelled"] * 3 + ["queued"]


async def test_a_count_goes_on_where_none_of_the_newest_matches(
    api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, most in (("FEW", 0), ("MOST_READ_OF_INDEX", 2)):
        monkeypatch.setattr(listing, name, most)
    old = await asked(api, type="invoice")
    for _ in range(5):
        await asked(api, type="reset")
    document: dict[str, Any] = {"action": "cancel", "filter": {"type": "invoice"}, "dry_run": True}
    plan = (await api.http.post(PATH, json=document)).json()
    assert (plan["matched"], plan["more"]) == (1, False)
    monkeypatch.setattr(listing, "MOST_READ_OF_INDEX", 1)
    for _ in range(MOST_PAGES):
        await asked(api, type="reset")
    plan = (await api.http.post(PATH, json=document)).json()
    assert (plan["matched"], plan["more"]) == (0, True)
    await wanted(api, "cancel", type="invoice")
    await worked(api, 2 * MOST_PAGES)
    assert await states(api, [old]) == ["cancelled"]


async def test_it_is_listed_stopped_and_asked_for_once_by_a_key(
    api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_actions, "TOGETHER", 2)
    jobs = [await asked(api, type="invoice") for _ in range(3)]
    first = await wanted(api, "cancel", type="invoice", key="once")
    again = await wanted(api, "cancel", type="invoice", key="once")
    assert again == first
    await worked(api)
    stopped = await api.http.post(f"{PATH}/{first['id']}/stop", headers={"idempotency-key": "stop"})
    assert (stopped.status_code, stopped.json()["status"], stopped.json()["done"]) == (200, "stopped", 2)
    repeated = await api.http.post(f"{PATH}/{first['id']}/stop", headers={"idempotency-key": "stop"})
    assert repeated.json() == stopped.json()
    assert (await api.http.post(f"{PATH}/{first['id']}/stop")).status_code == 409
    await worked(api)
    assert await states(api, jobs) == ["cancelled", "cancelled", "queued"]
    second = await wanted(api, "retry", type="invoice")
    page = (await api.http.get(PATH, params={"limit": 1})).json()
    assert [each["id"] for each in page["data"]] == [second["id"]]
    rest = (await api.http.get(PATH, params={"limit": 1, "cursor": page["next_cursor"]})).json()
    assert [each["id"] for each in rest["data"]] == [first["id"]]


async def test_an_address_is_neither_kept_nor_written_down(api: ApiUnderTest) -> None:
    address = "ada@example.com"
    made = await wanted(api, "cancel", address=address, key="ada")
    assert made["filter"]["address"] == address
    await worked(api)
    assert address not in (await api.http.get(f"{PATH}/{made['id']}")).text
    assert address not in str(await wanted(api, "cancel", address=address, key="ada")), (
        "the answer is replayed"
    )
    trail = await api.http.get("/v1/audit-log?action=bulk_action.create")
    assert [each["subject"] for each in trail.json()["data"]] == [made["id"]]
    assert address not in (await api.http.get("/v1/audit-log")).text


@pytest.mark.parametrize(
    ("document", "at"),
    [
        ({"action": "explode"}, ["body", "action"]),
        ({"action": "cancel"}, ["body", "filter"]),
        ({"action": "cancel", "filter": {"created_before": "9999-12-31T00:00:00Z"}}, ["body", "filter"]),
        ({"action": "cancel", "filter": {"status": "failed"}}, ["body", "filter", "status"]),
        ({"action": "retry", "filter": {"status": "queued"}}, ["body", "filter", "status"]),
        ({"action": "retry", "filter": {"colour": "red"}}, ["body", "filter", "colour"]),
        ({"action": "retry", "filter": {"recipient_id": "ada"}}, ["body", "filter", "recipient_id"]),
        ({"filter": {}}, ["body", "action"]),
    ],
)
async def test_what_cannot_be_done_is_told_by_its_field(
    api: ApiUnderTest, document: dict[str, Any], at: list[str]
) -> None:
    answer = await api.http.post(PATH, json=document)
    assert answer.status_code == 422
    assert [each["loc"] for each in answer.json()["errors"]] == [at]
    assert (await api.http.get(f"{PATH}/{uuid4()}")).status_code == 404
    assert (await api.http.post(f"{PATH}/{uuid4()}/stop")).status_code == 404
