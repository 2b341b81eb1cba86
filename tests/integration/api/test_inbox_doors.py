"""What neither wishes nor keys get past: critical types, and the audit log."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.api.test_inbox import told
from tests.support.api import ApiUnderTest, api_over, problem


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url) as api:
        yield api


async def test_a_critical_type_is_not_switched_off_by_its_name(api: ApiUnderTest) -> None:
    await api.template(name="alarm", critical=True)
    await api.recipient(user_id="ada")
    wanted = {"type": "alarm", "channels": {"email": False}}
    problem(await api.user("ada").patch("/v1/inbox/preferences", json=wanted), 409, "conflict")
    other = await api.user("ada").patch("/v1/inbox/preferences", json=wanted | {"type": "of-no-template"})
    assert other.json()["channels"] == {"email": False}


async def test_what_a_key_does_in_an_inbox_is_audited_and_what_its_user_does_is_not(
    api: ApiUnderTest,
) -> None:
    (one,) = await told(api)
    for client, query in ((api.user("ada"), {}), (api.http, {"user_id": "ada"})):
        assert (await client.get("/v1/inbox", params=query)).status_code == 200
        for verb in ("read", "read", "unread", "archive", "unarchive"):
            assert (await client.patch(f"/v1/inbox/{one['id']}/{verb}", params=query)).is_success
        assert (await client.patch("/v1/inbox/read-all", params=query)).is_success
        assert (await client.patch(f"/v1/inbox/{one['id']}/unread", params=query)).is_success
    assert (await api.http.get(f"/v1/inbox/{one['id']}")).is_success
    assert (await api.http.delete(f"/v1/inbox/{one['id']}")).is_success
    log = (await api.http.get("/v1/audit-log", params={"limit": 100})).json()["data"]
    acts = [(each["actor"], each["action"]) for each in log if each["action"].startswith("inbox.")]
    verbs = ("look", "read", "unread", "archive", "unarchive", "read_all", "unread", "open", "delete")
    assert sorted(acts) == sorted(("key", f"inbox.{verb}") for verb in verbs)
