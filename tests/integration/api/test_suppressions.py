import asyncio
from typing import Any
from uuid import UUID

import pytest

from hermodr_api.access import exports
from hermodr_ledger.deliveries.suppressing import end_waiting
from hermodr_ledger.jobs.decisions import record_decisions
from tests.support.api import MAIL, ApiUnderTest, problem
from tests.support.ledgers import decisions_of, row_of

URL = "/v1/suppressions"
ADA = "ada@example.com"
CSV = {"content-type": "text/csv; charset=utf-8"}


async def added(api: ApiUnderTest, address: str = ADA, **fields: object) -> dict[str, Any]:
    made = await api.http.post(URL, json={"address": address} | fields)
    assert made.status_code == 201, made.text
    body: dict[str, Any] = made.json()
    return body


async def listed(api: ApiUnderTest, **query: str) -> list[str | None]:
    answer = await api.http.get(URL, params=query)
    assert answer.status_code == 200, answer.text
    return [each["address"] for each in answer.json()["data"]]


async def test_an_address_is_suppressed_found_and_allowed_again(api: ApiUnderTest) -> None:
    made = await added(api, "Ada@EXAMPLE.com", note="asked by phone", expires_at="2999-01-01T00:00:00Z")
    assert (made["address"], made["reason"], made["note"]) == ("Ada@example.com", "manual", "asked by phone")
    assert made["expires_at"] == "2999-01-01T00:00:00Z"
    one = f"{URL}/{made['id']}"
    assert (await api.http.get(one)).json() == made
    assert (await added(api, ADA, reason="bounce"))["id"] == made["id"]
    await added(api, "+15550100123")
    assert await listed(api) == ["ada@example.com", "+15550100123"]
    assert await listed(api, address="ADA@example.COM") == [ADA]
    assert await listed(api, reason="manual") == ["+15550100123"]
    assert await listed(api, address=ADA, reason="complaint") == []
    assert (await api.http.delete(one)).status_code == 204
    problem(await api.http.get(one), 404, "not-found")
    problem(await api.http.delete(one), 404, "not-found")
    assert (await api.http.delete(URL, params={"address": "+15550100123"})).status_code == 204
    problem(await api.http.delete(URL, params={"address": "+15550100123"}), 404, "not-found")
    assert await listed(api) == []


async def test_adding_one_ends_what_waits_for_it(api: ApiUnderTest) -> None:
    job_id = UUID((await api.http.post("/v1/notifications", json=MAIL)).json()["job_id"])
    decisions = await decisions_of(api.api.ledger, [job_id])
    (only,) = decisions[0].deliveries
    await record_decisions(api.api.ledger, [decisions[0]._replace(deliveries=(only._replace(address=ADA),))])
    made = await added(api, reason="complaint")
    history = (await api.http.get(f"/v1/jobs/{job_id}")).json()
    assert (history["job"]["status"], history["job"]["error"]) == ("skipped", "suppressed")
    (delivery,) = history["deliveries"]
    assert (delivery["state"], delivery["error"]) == ("suppressed", "suppressed_complaint")
    timeline = (await api.http.get(f"/v1/jobs/{job_id}/timeline")).json()["data"]
    said = next(each for each in timeline if each["event"] == "not_sent")
    assert said["detail"] == {"channel": "email", "reason": "suppressed", "suppression": "complaint"}
    (line,) = (await api.http.get("/v1/audit-log", params={"action": "suppression.add"})).json()["data"]
    assert (line["subject"], "ada" in str(line)) == (made["id"], False)


async def test_bad_input_is_named(api: ApiUnderTest) -> None:
    for body, loc in (
        ({}, "address"),
        ({"address": "nobody"}, "address"),
        ({"address": "+12"}, "address"),
        ({"address": "+1555abc0100"}, "address"),
        ({"address": "a@b@c.example"}, "address"),
        ({"address": ADA, "reason": "spite"}, "reason"),
        ({"address": ADA, "expires_at": "tomorrow"}, "expires_at"),
        ({"address": ADA, "note": ""}, "note"),
        ({"address": ADA, "channel": "email"}, "channel"),
    ):
        refused = problem(await api.http.post(URL, json=body), 422, "invalid-request")
        assert refused["errors"][0]["loc"] == ["body", loc], body
        assert ADA not in refused["detail"]
    problem(await api.http.get(URL, params={"reason": "spite"}), 422, "invalid-request")
    problem(await api.http.delete(URL), 422, "invalid-request")
    reader = await api.caller(["read"])
    problem(await reader.post(URL, json={"address": ADA}), 403, "forbidden")
    problem(await reader.delete(URL, params={"address": ADA}), 403, "forbidden")
    problem(await reader.post(f"{URL}/import", content=b"address\n", headers=CSV), 403, "forbidden")


async def test_csv_comes_in_line_by_line_and_goes_out_again(api: ApiUnderTest) -> None:
    text = (
        "\ufeffaddress,Reason,note,expires_at,score\r\n"
        'ada@example.com,bounce,"said ""no""",,7\r\n'
        "nobody,bounce,,,\r\n"
        "\r\n"
        "+15550100123,,,2999-01-01T00:00:00Z,\r\n"
        "ADA@example.com,complaint\r\n"
        "eve@example.com,spite,,,\r\n"
        "a,b,c,d,e,f\r\n"
    )
    answer = await api.http.post(f"{URL}/import", content=text.encode(), headers=CSV)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["added"], body["known"], body["refused"]) == (2, 1, 3)
    assert [each["line"] for each in body["rejected"]] == [3, 7, 8]
    assert body["rejected"][0]["reason"].startswith("address: is neither")
    again = await api.http.post(f"{URL}/import", content=text.encode(), headers=CSV)
    assert (again.json()["added"], again.json()["known"]) == (0, 3)
    noted = await api.http.post(
        f"{URL}/import", content=b'address,note\nAda@example.com,"said ""no"""', headers=CSV
    )
    assert noted.json()["known"] == 1
    exported = await api.http.get(f"{URL}/export")
    assert exported.headers["content-type"].startswith("text/csv")
    lines = exported.text.splitlines()
    assert lines[0] == "address,reason,note,expires_at,created_at"
    assert [each.rsplit(",", 1)[0] for each in lines[1:]] == [
        "+15550100123,manual,,2999-01-01T00:00:00+00:00",
        'Ada@example.com,complaint,"said ""no""",',
    ]
    assert (await api.http.get(f"{URL}/export", params={"reason": "bounce"})).text.count("\n") == 1
    for each in (await api.http.get(URL)).json()["data"]:
        await api.http.delete(f"{URL}/{each['id']}")
    back = await api.http.post(f"{URL}/import", content=exported.content, headers=CSV)
    assert (back.json()["added"], back.json()["refused"]) == (2, 0)


async def test_other_services_files_are_taken(api: ApiUnderTest) -> None:
    text = "email,created\nada@example.com,1417430400\n"
    answer = await api.http.post(f"{URL}/import", content=text.encode(), headers=CSV)
    assert (answer.json()["added"], await listed(api)) == (1, [ADA])


async def test_what_is_no_csv_is_refused_whole(api: ApiUnderTest) -> None:
    for body in (
        b"",
        b"ada@example.com\n",
        b"\xff\xfe",
        b"address,address\n",
        b"address,reason,reason\n",
        b"address\n\0\n",
        b'address\n"ada@example.com\n',
        b'address\n"a"b\n',
        b"address\n" + b"x" * 200_000,
        b"address\n" + b"x\n" * 100_001,
    ):
        refused = problem(
            await api.http.post(f"{URL}/import", content=body, headers=CSV), 422, "invalid-request"
        )
        assert refused["errors"][0]["loc"] == ["body"], body[:20]
    problem(await api.http.post(f"{URL}/import", json={}), 415, "unsupported-media-type")
    huge = b"address\n" + b"x" * (10 * 2**20)
    problem(await api.http.post(f"{URL}/import", content=huge, headers=CSV), 413, "too-large")


async def test_exports_take_turns_and_end_theirs(api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PATIENCE_SECONDS", 0.1)
    for _ in range(exports.AT_ONCE + 1):
        assert (await api.http.get(f"{URL}/export")).status_code == 200
    turns = api.api._shared.exports._turns
    for _ in range(exports.AT_ONCE):
        await turns.acquire()
    busy = await api.http.get(f"{URL}/export")
    problem(busy, 503, "unavailable")
    assert int(busy.headers["retry-after"]) >= 1
    turns.release()
    assert (await api.http.get(f"{URL}/export")).status_code == 200


async def test_a_long_export_has_each_address_once(api: ApiUnderTest) -> None:
    text = "address\n" + "".join(f"a{number}@example.com\n" for number in range(1201))
    answer = await api.http.post(f"{URL}/import", content=text.encode(), headers=CSV)
    assert answer.json()["added"] == 1201
    lines = (await api.http.get(f"{URL}/export")).text.splitlines()
    assert len(lines) == len(set(lines)) == 1202


async def test_the_same_address_from_many_sides_is_one(api: ApiUnderTest) -> None:
    answers = await asyncio.gather(*(api.http.post(URL, json={"address": ADA}) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_an_erased_person_stays_suppressed_without_their_address(api: ApiUnderTest) -> None:
    person = await api.recipient(email=ADA)
    made = await added(api, ADA, note="Ada does not like mails", reason="complaint")
    export = (await api.http.get(f"/v1/recipients/{person['id']}/export")).json()
    assert [each["address"] for each in export["suppressions"]] == [ADA]
    assert (await api.http.delete(f"/v1/recipients/{person['id']}")).status_code == 204
    (left,) = (await api.http.get(URL, params={"address": ADA})).json()["data"]
    assert (left["id"], left["address"], left["note"], left["reason"]) == (
        made["id"],
        None,
        None,
        "complaint",
    )
    assert "ada" not in (await api.http.get(f"{URL}/export")).text.lower()
    row = await row_of(api.api.ledger, "suppressions", UUID(made["id"]))
    assert b"ada" not in bytes(row["hash"])
    assert (await end_waiting(api.api.ledger, 10)).deliveries == 0
    assert (await api.http.delete(URL, params={"address": ADA})).status_code == 204
