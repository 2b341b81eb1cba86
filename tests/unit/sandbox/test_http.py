from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import ClientDisconnect
from structlog.testing import capture_logs

from tests.support.smtp_dialogue import House

BOOKING = (
    b"Message-ID: <b1@x>\r\nFrom: =?utf-8?q?H=C3=A4fen?= <h@x.org>\r\nTo: Ann <ann@x.org>\r\n"
    b"Subject: =?utf-8?b?QmVzdMOkdGlndW5n?=\r\nDate: Sun, 22 Nov 2026 09:00:00 +0000\r\n"
    b"Content-Type: multipart/mixed; boundary=o\r\n\r\n"
    b"--o\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n"
    b"--i\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"VGlzY2ggZsO8ciB2aWVy\r\n"
    b"--i\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><head></head><p>Tisch</p>"
    b'<img src="cid:logo">\r\n--i--\r\n'
    b"--o\r\nContent-Type: image/png\r\nContent-ID: <logo>\r\nContent-Disposition: inline; filename=logo.png\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\niVBORw==\r\n--o--\r\n"
)


async def _fill(house: House, count: int) -> None:
    peer = await house.connect()
    for number in range(1, count + 1):
        content = b"Message-ID: <%d@x>\r\nSubject: Mail %d\r\n\r\nbody %d\r\n" % (number, number, number)
        await peer.send(f"r{number % 3}@x.org", content=content)


async def _ids(house: House, **parameters: str | int) -> list[str]:
    answer = await house.http.get("/v1/mails", params=parameters)
    assert answer.status_code == 200, answer.text
    return [mail["id"] for mail in answer.json()["data"]]


async def test_a_mail_in_all_its_forms(house: House) -> None:
    await (await house.connect()).send("ann@x.org", content=BOOKING)
    mail = (await house.http.get("/v1/mails/1")).json()
    assert mail["subject"] == "Bestätigung"
    assert mail["from"] == "Häfen <h@x.org>"
    assert mail["to"] == "Ann <ann@x.org>"
    assert (mail["envelope_from"], mail["envelope_to"]) == ("me@example.org", ["ann@x.org"])
    assert mail["message_id"] == "<b1@x>"
    assert mail["text"] == "Tisch für vier"
    assert mail["size"] == len(BOOKING)
    assert mail["received_at"] == house.clock.now().isoformat().replace("+00:00", "Z")
    assert mail["attachments"] == [
        {"index": 0, "filename": "logo.png", "content_type": "image/png", "content_id": "logo", "size": 4}
    ]
    assert ["Subject", "Bestätigung"] in mail["headers"]
    assert (await house.http.get("/v1/mails/1/text")).text == "Tisch für vier"
    assert (await house.http.get("/v1/mails/1/html")).text == mail["html"]
    assert (await house.http.get("/v1/mails/1/source")).content == BOOKING
    shown = (await house.http.get("/v1/mails/1/html?display=true")).text
    assert '<head><base target="_blank">' in shown
    assert 'src="data:image/png;base64,iVBORw=="' in shown
    part = await house.http.get("/v1/mails/1/attachments/0")
    assert part.content == b"\x89PNG"
    assert part.headers["content-type"] == "application/octet-stream"
    assert part.headers["content-disposition"] == "attachment; filename*=UTF-8''logo.png"


async def test_lists_filter_and_go_on(house: House) -> None:
    await _fill(house, 7)
    await (await house.connect()).send("ann@x.org", content=BOOKING)
    assert await _ids(house) == ["8", "7", "6", "5", "4", "3", "2", "1"]
    assert await _ids(house, to="r1@x.org") == ["7", "4", "1"]
    assert await _ids(house, to="R*@x.org", subject="mail 6") == ["6"]
    assert await _ids(house, q="BODY 3") == ["3"]
    assert await _ids(house, q="für vier") == ["8"]
    assert await _ids(house, q="häfen") == ["8"]
    assert await _ids(house, q="nowhere") == []
    first = (await house.http.get("/v1/mails?limit=3")).json()
    assert [mail["id"] for mail in first["data"]] == ["8", "7", "6"]
    await _fill(house, 1)
    assert await _ids(house, limit=200, cursor=first["next_cursor"]) == ["5", "4", "3", "2", "1"]
    exact = (await house.http.get("/v1/mails?limit=9")).json()
    assert exact["next_cursor"] is None


async def test_clearing(house: House) -> None:
    await _fill(house, 2)
    assert (await house.http.delete("/v1/mails")).json() == {"deleted": 2}
    assert await _ids(house) == []
    assert (await house.http.get("/v1/mails/1")).status_code == 404


async def test_stats_prove_exactly_once(house: House) -> None:
    await _fill(house, 3)
    before = (await house.http.get("/v1/stats?recipients=true")).json()
    assert before["total"] == before["stored"] == 3
    assert before["recipients"] == {"r0@x.org": 1, "r1@x.org": 1, "r2@x.org": 1}
    assert before["duplicates"]["deliveries_count"] == 0
    await _fill(house, 1)
    after = (await house.http.get("/v1/stats")).json()
    assert "recipients" not in after
    assert after["duplicates"]["deliveries"] == [{"recipient": "r1@x.org", "message_id": "<1@x>", "count": 2}]
    assert after["duplicates"]["message_ids"] == {"<1@x>": 2}
    assert after["duplicates"]["recipients"] == {"r1@x.org": 2}
    assert after["rate"]["10s"] == 0.4


async def test_recipients_are_streamed_whole(house: House) -> None:
    for number in range(4500):
        house.sandbox.mailbox.totals.recipients[f"r{number}@x.org"] = number
    counts = (await house.http.get("/v1/stats?recipients=true")).json()["recipients"]
    assert counts == {f"r{number}@x.org": number for number in range(4500)}


async def test_waiting_for_mails(house: House) -> None:
    waiting = asyncio.create_task(house.http.get("/v1/wait?to=r1@x.org&count=2&timeout=5"))
    await _fill(house, 4)
    answer = (await waiting).json()
    assert (answer["reached"], answer["count"]) == (True, 2)
    assert [mail["id"] for mail in answer["mails"]] == ["4", "1"]
    late = (await house.http.get("/v1/wait?to=*@x.org&count=9&timeout=0.01")).json()
    assert (late["reached"], late["count"]) == (False, 4)


async def test_rules_over_http(house: House) -> None:
    rule = await house.fault(
        action={"kind": "reply", "code": 451}, recipient="a@x.org", expires_in=60, note="why"
    )
    assert rule == {
        "id": "1",
        "stage": "rcpt",
        "action": {"kind": "reply", "code": 451},
        "recipient": "a@x.org",
        "expires_in": 60.0,
        "note": "why",
        "matched": 0,
        "fired": 0,
        "active": True,
    }
    house.clock.advance(20)
    assert (await house.http.get("/v1/faults")).json()["data"] == [rule | {"expires_in": 40.0}]
    assert (await house.http.delete("/v1/faults/1")).status_code == 204
    assert (await house.http.delete("/v1/faults/1")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("POST", "/v1/mails", 405),
        ("GET", "/v1/mails/1", 404),
        ("GET", "/v1/mails/banana", 404),
        ("GET", "/v1/mails/99999999999999999999", 404),
        ("GET", "/v1/mails/²", 404),
        ("GET", "/v1/mails/1/html", 404),
        ("GET", "/v1/mails?limit=0", 400),
        ("GET", "/v1/mails?limit=201", 400),
        ("GET", "/v1/mails?limit=many", 400),
        ("GET", "/v1/mails?cursor=-1", 400),
        ("GET", "/v1/mails?colour=red", 400),
        ("GET", "/v1/wait?timeout=nan", 400),
        ("GET", "/v1/wait?timeout=301", 400),
        ("GET", "/v1/wait?count=0", 400),
        ("GET", "/v1/stats?recipients=perhaps", 400),
        ("GET", "/v1/faults/0", 404),
        ("DELETE", "/v1/faults/x", 404),
        ("GET", "/v1/events?after=x", 400),
    ],
)
async def test_errors_are_problem_documents(house: House, method: str, path: str, status: int) -> None:
    answer = await house.http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert {"type", "title", "detail", "errors", "request_id"} <= set(problem)


async def test_bodies_that_are_no_rules(house: House) -> None:
    json = {"content-type": "application/json"}
    answers = {
        "not declared": await house.http.post("/v1/faults", content=b"{}"),
        "not json": await house.http.post("/v1/faults", content=b"{", headers=json),
        "not utf-8": await house.http.post("/v1/faults", content=b'{"a":"\xff"}', headers=json),
        "no object": await house.http.post("/v1/faults", content=b"[]", headers=json),
        "too long": await house.http.post("/v1/faults", content=b" " * 70_000, headers=json),
        "form": await house.http.post("/v1/faults", data={"action": "x"}),
    }
    statuses = {name: answer.status_code for name, answer in answers.items()}
    assert statuses == {
        "not declared": 415,
        "not json": 422,
        "not utf-8": 422,
        "no object": 422,
        "too long": 413,
        "form": 415,
    }
    assert all(a.headers["content-type"] == "application/problem+json" for a in answers.values())


async def test_other_host_names_are_turned_away(house: House) -> None:
    async def status(host: str) -> int:
        return (await house.http.get("/v1/mails", headers={"host": host})).status_code

    assert await status("localhost:8025") == 200
    assert await status("rebound.evil.example:8025") == 421
    assert await status("[::1]:8025") == 200
    assert await status("[::bad") == 421
    assert await status("127.0.0.1@evil.example") == 421


async def test_a_failure_of_ours_shows_nothing_of_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(_number: int) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(house.sandbox.mailbox, "get", explode)
    answer: httpx.Response = await house.http.get("/v1/mails/1")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text


async def test_a_client_that_leaves_is_no_failure(house: House) -> None:
    async def cut_off() -> AsyncIterator[bytes]:
        yield b'{"stage": "rcpt"'
        raise ClientDisconnect

    scope_headers = {"content-type": "application/json"}
    with capture_logs() as logs:
        answer = await house.http.post("/v1/faults", content=cut_off(), headers=scope_headers)
    assert (answer.status_code, logs) == (400, [])
