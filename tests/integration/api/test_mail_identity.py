"""What a notification may say about its mail, at both doors, and what it may not."""

from base64 import b64encode
from typing import Any

import orjson
import pytest

from hermodr_ledger.jobs.attachments import File, files_of
from tests.support.api import MAIL, ApiUnderTest, problem

URL = "/v1/notifications"
PDF: dict[str, Any] = {"filename": "a.pdf", "content_type": "application/pdf", "content": "JVBERi0="}
LOGO = PDF | {"filename": "logo.png", "content_type": "image/png", "content_id": "logo"}
ENVELOPE: dict[str, Any] = {
    "reply_to": ["Help@Example.com"],
    "cc": ["max@example.com"],
    "bcc": ["archive@example.com", "two@example.com"],
    "headers": {"X-Order": "17", "in-reply-to": "<1@example.com>"},
}


async def flaws(api: ApiUnderTest, **changes: object) -> dict[str, str]:
    """The flaws by place, which both doors name alike."""
    refused = problem(await api.http.post(URL, json=MAIL | changes), 422, "invalid-request")
    found = {".".join(map(str, each["loc"][1:])): each["msg"] for each in refused["errors"]}
    bulk = (await api.http.post(f"{URL}/bulk", json=[MAIL | changes])).json()
    (rejected,) = bulk["rejected"]
    assert {".".join(map(str, each["loc"])): each["msg"] for each in rejected["errors"]} == found
    return found


async def test_what_is_said_about_a_mail_is_kept_and_shown(api: ApiUnderTest) -> None:
    wanted = MAIL | ENVELOPE | {"attachments": [PDF, LOGO]}
    answer = (await api.http.post(URL, json=wanted)).json()
    shown = (await api.http.get(answer["status_url"])).json()
    assert shown["envelope"] == {
        "from": None,
        "reply_to": ["Help@example.com"],
        "cc": ["max@example.com"],
        "bcc": ["archive@example.com", "two@example.com"],
        "headers": {"X-Order": "17", "In-Reply-To": "<1@example.com>"},
    }
    assert shown["attachments"] == [
        {"filename": "a.pdf", "content_type": "application/pdf", "size": 5, "content_id": None},
        {"filename": "logo.png", "content_type": "image/png", "size": 5, "content_id": "logo"},
    ]
    files = await files_of(api.api.ledger, answer["job_id"])
    assert files[0] == File("a.pdf", "application/pdf", b"%PDF-", None)
    plain = (await api.http.get((await api.http.post(URL, json=MAIL)).json()["status_url"])).json()
    assert (plain["envelope"], plain["attachments"]) == (None, [])


async def test_a_repeat_under_a_key_keeps_files_once(api: ApiUnderTest) -> None:
    wanted = MAIL | {"attachments": [PDF]}
    for nth in range(2):
        answer = await api.http.post(URL, json=wanted, headers={"idempotency-key": "with-files"})
        assert answer.headers.get("idempotent-replayed") == ("true" if nth else None)
    other = await api.http.post(
        URL, json=MAIL | {"attachments": [LOGO]}, headers={"idempotency-key": "with-files"}
    )
    problem(other, 422, "idempotency-key-reused")
    single = await api.http.post(URL, json=wanted | {"singleton_key": "one"})
    assert single.status_code == 202
    problem(await api.http.post(URL, json=wanted | {"singleton_key": "one"}), 409, "singleton-taken")
    items = [wanted | {"idempotency_key": "item"}, MAIL, wanted]
    bulk = (
        await api.http.post(
            f"{URL}/bulk",
            content=b"\n".join(map(orjson.dumps, items)),
            headers={"content-type": "application/x-ndjson"},
        )
    ).json()
    assert (bulk["accepted"], bulk["rejected"]) == (3, [])
    rows = await api.api.ledger.fetch(
        "SELECT count(*) AS n FROM hermodr.attachments a JOIN hermodr.jobs j ON j.id = a.job_id"
        " WHERE j.project_id = $1",
        api.project_id,
    )
    assert rows[0]["n"] == 4


async def test_headers_that_a_mail_may_not_be_given(api: ApiUnderTest) -> None:
    for name in ("Bcc", "from", "Content-Type", "X Y", "X-", "Übung", "X-A\r\nBcc", "Received", "Sender"):
        (place,) = await flaws(api, headers={name: "x"})
        assert place == f"headers.{name}", name
    for name in (
        "X-Hermodr-Job",
        "x-hermodr",
        "List-Unsubscribe",
        "list-unsubscribe-post",
        "X-SMTPAPI",
        "x-mc-bccaddress",
    ):
        found = await flaws(api, headers={name: "x"})
        assert "sets itself" in found[f"headers.{name}"], name
    for value in ("", " x", "x  y", "a\r\nBcc: eve@example.com", "Grüße", "x" * 990):
        assert list(await flaws(api, headers={"X-Order": value})) == ["headers.X-Order"], value
    assert "twice" in (await flaws(api, headers={"X-A": "1", "x-a": "2"}))["headers.x-a"]
    assert "21 headers" in (await flaws(api, headers={f"X-{nth}": "1" for nth in range(21)}))["headers"]
    long = {f"X-{nth}": "y" * 900 for nth in range(9)}
    assert "8000 characters" in (await flaws(api, headers=long))["headers"]


async def test_addresses_are_addresses_and_bounded_together(api: ApiUnderTest) -> None:
    for name in ("reply_to", "cc", "bcc"):
        assert f"{name}.1" in await flaws(api, **{name: ["max@example.com", "Max <max@example.com>"]})
        assert await flaws(api, **{name: "max@example.com"}) == {name: "must be an array"}
    many = [f"p{nth}@example.com" for nth in range(26)]
    assert "50 addresses together" in (await flaws(api, cc=many, bcc=many))["bcc"]
    assert (await api.http.post(URL, json=MAIL | {"cc": many, "bcc": many[:24]})).status_code == 202


@pytest.mark.parametrize("given", [*({name: ENVELOPE[name]} for name in ENVELOPE), {"attachments": [PDF]}])
async def test_only_mails_have_them(api: ApiUnderTest, given: dict[str, Any]) -> None:
    (name,) = given
    recipient = await api.recipient(external_id="customer-17")
    to = {"recipient_id": recipient["id"]}
    assert (await api.http.post(URL, json=MAIL | given | {"to": to})).status_code == 202
    found = await flaws(api, **given, to=to, channels=["webhook"])
    assert name in found or "channels" in found


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"filename": "../a"}, "filename"),
        ({"filename": "C:\\a"}, "filename"),
        ({"filename": "a\nb"}, "filename"),
        ({"filename": ""}, "filename"),
        ({"filename": "x" * 201}, "filename"),
        ({"content_type": "pdf"}, "content_type"),
        ({"content_type": "a/b\r\nX: y"}, "content_type"),
        ({"content_type": "multipart/mixed"}, "content_type"),
        ({"content": "JVBERi0"}, "content"),
        ({"content": "JVBE\nRi0="}, "content"),
        ({"content": "%%%%"}, "content"),
        ({"content": ""}, "content"),
        ({"content_id": "<logo>"}, "content_id"),
        ({"path": "/etc/passwd"}, "path"),
    ],
)
async def test_what_is_no_attachment_is_named(
    api: ApiUnderTest, change: dict[str, object], place: str
) -> None:
    assert list(await flaws(api, attachments=[PDF, PDF | change])) == [f"attachments.1.{place}"]
    assert await api.jobs() == 0


async def test_two_images_of_one_name_are_refused(api: ApiUnderTest) -> None:
    assert list(await flaws(api, attachments=[LOGO, LOGO])) == ["attachments.1.content_id"]


async def test_how_large_attachments_may_be(api: ApiUnderTest) -> None:
    def of(octets: int) -> dict[str, Any]:
        return PDF | {"content": b64encode(bytes(octets)).decode()}

    mib = 1024 * 1024
    fits = MAIL | {"attachments": [of(3 * mib), of(2 * mib)]}
    assert (await api.http.post(URL, json=fits)).status_code == 202
    refused = await api.http.post(URL, json=MAIL | {"attachments": [of(3 * mib), of(2 * mib + 1)]})
    (flaw,) = problem(refused, 422, "invalid-request")["errors"]
    assert flaw["loc"] == ["body", "attachments", 1, "content"]
    problem(await api.http.post(URL, json=MAIL | {"attachments": [of(7 * mib)]}), 413, "too-large")
    problem(await api.http.post(URL, json=MAIL | {"data": {"x": "y" * mib}}), 413, "too-large")
    bulk = (await api.http.post(f"{URL}/bulk", json=[MAIL | {"attachments": [of(mib)]}, MAIL])).json()
    assert bulk["accepted"] == 1
    assert "1 MiB" in bulk["rejected"][0]["errors"][0]["msg"]
    assert await api.jobs() == 2


async def test_users_do_not_see_them(api: ApiUnderTest) -> None:
    recipient = await api.recipient(user_id="user-17")
    wanted = MAIL | ENVELOPE | {"to": {"recipient_id": recipient["id"]}, "attachments": [PDF]}
    answer = (await api.http.post(URL, json=wanted)).json()
    shown = (await api.user("user-17").get(answer["status_url"])).json()
    assert (shown["envelope"], shown["attachments"]) == (None, [])


async def test_files_are_exported_by_name_and_erased(api: ApiUnderTest) -> None:
    recipient = await api.recipient(external_id="customer-18")
    wanted = MAIL | ENVELOPE | {"to": {"recipient_id": recipient["id"]}, "attachments": [PDF]}
    answer = (await api.http.post(URL, json=wanted)).json()
    exported = (await api.http.get(f"/v1/recipients/{recipient['id']}/export")).json()
    (job,) = exported["jobs"]
    assert job["attachments"] == [{"filename": "a.pdf", "content_type": "application/pdf", "size": 5}]
    assert job["envelope"]["cc"] == ["max@example.com"]
    await api.http.delete(f"/v1/recipients/{recipient['id']}")
    shown = (await api.http.get(answer["status_url"])).json()
    assert (shown["envelope"], shown["attachments"]) == (None, [])
