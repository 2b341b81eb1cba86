from typing import Any

from tests.support.api import ApiUnderTest, problem


async def job_for(api: ApiUnderTest, recipient: dict[str, Any]) -> str:
    to = {"recipient_id": recipient["id"]}
    made = await api.http.post("/v1/notifications", json={"to": to, "subject": "Hi", "body_text": "there"})
    assert made.status_code == 202, made.text
    return str(made.json()["job_id"])


async def test_recipients_are_their_users(api: ApiUnderTest) -> None:
    mine, other = await api.recipient(user_id="ada"), await api.recipient(user_id="eve")
    nobodys = await api.recipient()
    ada = api.user("ada")
    assert [each["id"] for each in (await ada.get("/v1/recipients")).json()["data"]] == [mine["id"]]
    assert (await ada.get("/v1/recipients", params={"user_id": "eve"})).json()["data"] == []
    changed = await ada.patch(f"/v1/recipients/{mine['id']}", json={"name": "Ada L."})
    assert changed.json()["name"] == "Ada L."
    wishes = {"preferences": [{"channel": "email", "enabled": False}]}
    assert (await ada.put(f"/v1/recipients/{mine['id']}/preferences", json=wishes)).status_code == 200
    for each in (other, nobodys):
        url = f"/v1/recipients/{each['id']}"
        problem(await ada.get(url), 404, "not-found")
        problem(await ada.patch(url, json={"name": "Mine"}), 404, "not-found")
        problem(await ada.put(f"{url}/preferences", json=wishes), 404, "not-found")
        assert (await api.http.get(url)).json() == each


async def test_users_do_not_change_who_they_are(api: ApiUnderTest) -> None:
    mine = await api.recipient(user_id="ada", external_id="customer-1")
    ada = api.user("ada")
    for change in ({"user_id": "eve"}, {"external_id": "customer-2"}, {"user_id": None, "name": "x"}):
        refused = problem(await ada.patch(f"/v1/recipients/{mine['id']}", json=change), 403, "forbidden")
        assert refused["errors"]
    problem(await ada.delete(f"/v1/recipients/{mine['id']}"), 403, "forbidden")
    problem(await ada.post("/v1/recipients", json={"user_id": "ada"}), 403, "forbidden")
    assert (await api.http.get(f"/v1/recipients/{mine['id']}")).json() == mine


async def test_jobs_are_their_users(api: ApiUnderTest) -> None:
    person = await api.recipient(user_id="ada")
    job = await job_for(api, person)
    ada, eve = api.user("ada"), api.user("eve")
    shown = (await ada.get(f"/v1/jobs/{job}")).json()
    assert shown["job"]["id"] == job
    assert shown["recipient"]["id"] == person["id"]
    assert (await ada.get(f"/v1/jobs/{job}/timeline")).status_code == 200
    for url in (f"/v1/jobs/{job}", f"/v1/jobs/{job}/timeline"):
        problem(await eve.get(url), 404, "not-found")
        problem(await api.user("ada", await another_project(api)).get(url), 404, "not-found")


async def test_a_recipient_that_was_given_to_another_user_stays_hidden(api: ApiUnderTest) -> None:
    person = await api.recipient(user_id="ada")
    job = await job_for(api, person)
    await api.http.patch(
        f"/v1/recipients/{person['id']}", json={"user_id": "eve", "email": "eve@example.com"}
    )
    shown = (await api.user("ada").get(f"/v1/jobs/{job}")).json()
    assert shown["recipient"] is None
    problem(await api.user("eve").get(f"/v1/jobs/{job}"), 404, "not-found")


async def another_project(api: ApiUnderTest) -> str:
    await api.caller(["read"], "a project of others")
    return "a project of others"
