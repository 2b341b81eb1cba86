"""Whom mails may be from: only what the project has shown to be its own."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hermodr_api.notifications.directory import REMEMBERED_SECONDS
from hermodr_ledger.access import operating
from hermodr_servicekit.dns_texts import NoDns
from hermodr_servicekit.ids import new_id
from tests.support.api import MAIL, ApiUnderTest, api_over, problem
from tests.support.clocks import FakeClock

URL, SEND = "/v1/senders", "/v1/notifications"


def with_records(api: ApiUnderTest, records: Mapping[str, list[str]]) -> None:
    async def texts(name: str) -> list[str]:
        return records.get(name, [])

    api.api.senders.texts = texts


async def add(api: ApiUnderTest, **wanted: str) -> dict[str, Any]:
    made = await api.http.post(URL, json=wanted)
    assert made.status_code == 201, made.text
    body: dict[str, Any] = made.json()
    return body


async def mailed_token(api: ApiUnderTest, address: str) -> str:
    (row,) = await api.api.ledger.fetch(
        "SELECT content->>'body_text' AS text, priority, channels FROM hermodr.jobs"
        " WHERE to_email = $1 AND project_id = $2",
        address,
        api.project_id,
    )
    found = re.search(r"--token (\S+)", row["text"])
    assert found is not None
    return found[1]


async def refusal(api: ApiUnderTest, sender: str) -> str | None:
    """The same at both doors; `None`: accepted."""
    answer = await api.http.post(SEND, json=MAIL | {"from": sender})
    bulk = (await api.http.post(f"{SEND}/bulk", json=[MAIL | {"from": sender}])).json()
    if answer.status_code == 202:
        assert bulk["rejected"] == []
        return None
    (flaw,) = problem(answer, 422, "invalid-request")["errors"]
    assert bulk["rejected"][0]["errors"] == [flaw | {"loc": ["from"]}]
    assert flaw["loc"] == ["body", "from"]
    return str(flaw["msg"])


async def test_an_address_is_verified_by_the_token_mailed_to_it(api: ApiUnderTest) -> None:
    made = await add(api, address="Shop <Shop@Example.com>")
    assert (made["address"], made["name"], made["domain"]) == ("Shop@example.com", "Shop", None)
    assert (made["verified"], made["dns_record"]) == (False, None)
    assert "shop@example.com is not a verified sender" in (await refusal(api, "shop@example.com") or "")
    token = await mailed_token(api, "Shop@example.com")
    verify = f"{URL}/{made['id']}/verify"
    for wrong in ({"token": token[:-1]}, {"token": "x"}, {}):
        (flaw,) = problem(await api.http.post(verify, json=wrong), 422, "invalid-request")["errors"]
        assert flaw["loc"] == ["body", "token"]
    for _ in range(2):
        verified = (await api.http.post(verify, json={"token": token})).json()
        assert verified["verified"]
    for sender in ("shop@example.com", "The Shop <Shop@example.com>"):
        assert await refusal(api, sender) is None
    assert await refusal(api, "other@example.com") is not None
    assert (await api.http.get(URL)).json()["data"] == [verified]
    assert (await api.http.get(f"{URL}/{made['id']}")).json() == verified


async def test_a_token_ends_after_a_day(database_url: str) -> None:
    clock = FakeClock()
    async with api_over(database_url, clock=clock) as api:
        made = await add(api, address="shop@example.org")
        token = await mailed_token(api, "shop@example.org")
        clock.advance(timedelta(hours=25).total_seconds())
        late = await api.http.post(f"{URL}/{made['id']}/verify", json={"token": token})
        assert "24 hours" in problem(late, 422, "invalid-request")["errors"][0]["msg"]


async def test_a_domain_is_verified_by_its_record(api: ApiUnderTest) -> None:
    made = await add(api, domain="Bücher.example")
    record = made["dns_record"]
    assert record["name"] == "_hermodr.bücher.example"
    assert record["value"].startswith("hermodr-verify=")
    with_records(api, {"_hermodr.xn--bcher-kva.example": ["v=spf1 -all"]})
    verify = f"{URL}/{made['id']}/verify"
    refused = problem(await api.http.post(verify, json={}), 422, "invalid-request")
    assert record["value"] in refused["errors"][0]["msg"]
    with_records(api, {"_hermodr.xn--bcher-kva.example": ["v=spf1 -all", record["value"]]})
    assert (await api.http.post(verify, json={})).json()["verified"]
    assert await refusal(api, "anybody@bücher.example") is None
    for other in ("a@mail.bücher.example", "a@xbücher.example", "a@example"):
        assert await refusal(api, other) is not None


async def test_without_dns_a_domain_cannot_be_verified_now(api: ApiUnderTest) -> None:
    async def silent(name: str) -> list[str]:
        raise NoDns

    made = await add(api, domain="example.com")
    api.api.senders.texts = silent
    answer = await api.http.post(f"{URL}/{made['id']}/verify", json={})
    assert problem(answer, 503, "unavailable")["cause"] == "dns"
    assert answer.headers["retry-after"]


async def test_senders_are_a_projects_own(api: ApiUnderTest) -> None:
    made = await add(api, domain="ours.example.com")
    with_records(api, {"_hermodr.ours.example.com": [made["dns_record"]["value"]]})
    await api.http.post(f"{URL}/{made['id']}/verify", json={})
    stranger = await api.caller(["admin"], "a-stranger")
    answer = await stranger.post(SEND, json=MAIL | {"from": "a@ours.example.com"})
    problem(answer, 422, "invalid-request")
    for method, path in (("GET", ""), ("POST", "/verify"), ("DELETE", "")):
        answer = await stranger.request(method, f"{URL}/{made['id']}{path}", json={} if path else None)
        problem(answer, 404, "not-found")
    assert (await stranger.post(URL, json={"domain": "ours.example.com"})).status_code == 201


async def test_what_is_there_or_is_none_is_refused(api: ApiUnderTest) -> None:
    await add(api, address="twice@example.com")
    problem(await api.http.post(URL, json={"address": "T <TWICE@example.com>"}), 409, "conflict")
    for wrong in (
        {},
        {"address": "a@b.co", "domain": "b.co"},
        {"address": "nobody"},
        {"address": "Team @ Acme <a@b.co>"},
        {"domain": "example"},
        {"domain": "a@b.co"},
        {"domain": "https://b.co"},
        {"adress": "a@b.co"},
    ):
        problem(await api.http.post(URL, json=wrong), 422, "invalid-request")
    for sender in ("nobody", "", "a@b.co\r\nBcc: c@d.co", "A <a@b.co>, B <b@b.co>"):
        refused = await api.http.post(SEND, json=MAIL | {"from": sender})
        (flaw,) = problem(refused, 422, "invalid-request")["errors"]
        assert flaw["loc"] == ["body", "from"]
    problem(await (await api.caller(["send", "read"])).post(URL, json={"domain": "b.co"}), 403, "forbidden")


async def test_the_installations_own_address_is_everybodys(api: ApiUnderTest) -> None:
    assert await refusal(api, "Another Name <hermodr@localhost>") is None


async def test_a_deleted_sender_is_none_any_more(database_url: str) -> None:
    clock = FakeClock()
    async with api_over(database_url, clock=clock) as api:
        made = await add(api, address="gone@example.com")
        token = await mailed_token(api, "gone@example.com")
        await api.http.post(f"{URL}/{made['id']}/verify", json={"token": token})
        assert await refusal(api, "gone@example.com") is None
        assert (await api.http.delete(f"{URL}/{made['id']}")).status_code == 204
        clock.advance(REMEMBERED_SECONDS + 1)
        assert await refusal(api, "gone@example.com") is not None
        rows = await api.api.ledger.fetch(
            "SELECT action FROM hermodr.audit_log WHERE project_id = $1 ORDER BY at", api.project_id
        )
        assert [row["action"] for row in rows][-3:] == ["sender.create", "sender.verify", "sender.delete"]


async def test_an_operator_vouches_for_a_sender_of_any_project(api: ApiUnderTest) -> None:
    ours = [await add(api, address="vouched@example.com"), await add(api, domain="vouched.example")]
    await operating.appoint(api.api.ledger, "operators")
    operator = await api.caller(["admin"], "operators")
    for made in ours:
        verify = f"{URL}/{made['id']}/verify"
        manager = await api.caller(["manage"])
        problem(await manager.post(verify, json={"by": "operator"}), 403, "forbidden")
        for wrong in ({"by": "me"}, {"by": "operator", "token": "x"}):
            problem(await operator.post(verify, json=wrong), 422, "invalid-request")
        problem(await operator.post(verify, json={}), 404, "not-found")
        assert not (await api.http.get(f"{URL}/{made['id']}")).json()["verified"]
        trusted = await operator.post(verify, json={"by": "operator"})
        assert (trusted.status_code, trusted.json()["verified"]) == (200, True)
        assert trusted.json() == (await api.http.get(f"{URL}/{made['id']}")).json()
    for sender in ("vouched@example.com", "anybody@vouched.example"):
        assert await refusal(api, sender) is None
    problem(await operator.post(f"{URL}/{new_id()}/verify", json={"by": "operator"}), 404, "not-found")
    rows = await api.api.ledger.fetch(
        "SELECT actor, subject, detail FROM hermodr.audit_log"
        " WHERE project_id = $1 AND action = 'sender.verify' ORDER BY at",
        api.project_id,
    )
    assert [(row["actor"], row["subject"], json.loads(row["detail"])) for row in rows] == [
        ("key", made["id"], {"by": "operator"}) for made in ours
    ]


async def test_only_the_operators_project_vouches(api: ApiUnderTest) -> None:
    await operating.appoint(api.api.ledger, "operators")
    made = await add(api, domain="unvouched.example")
    answer = await api.http.post(f"{URL}/{made['id']}/verify", json={"by": "operator"})
    assert "operators' project" in problem(answer, 403, "forbidden")["detail"]
