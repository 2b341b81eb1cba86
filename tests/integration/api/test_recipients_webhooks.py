"""A recipient's own URL: where it may lead, who sees it, and what its receiver checks signatures with."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from hermodr_ledger.engine import Ledger
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.webhook_signing import Purpose, SecretOf, WebhookSecrets
from tests.support.api import ApiUnderTest, api_over, problem

URL = "/v1/recipients"
NDJSON = {"content-type": "application/x-ndjson"}
KEY = "a-key-of-thirty-two-bytes-or-more"
WHERE, PLACE = "https://93.184.216.34/hooks/s3cret-part?token=s3cret", "https://93.184.216.34"
HOSTILE = {
    "loopback": "https://127.0.0.1/x",
    "metadata": "https://169.254.169.254/latest/meta-data",
    "private": "https://192.168.0.1/",
    "mapped": "https://[::ffff:10.0.0.1]/",
    "nat64": "https://[64:ff9b::7f00:1]/",
    "localhost": "https://localhost/",
    "plain": "http://93.184.216.34/",
    "credentials": "https://user:s3cret@93.184.216.34/",
    "octal": "https://0177.0.0.1/",
    "scheme": "file:///etc/passwd",
    "smtp": "https://93.184.216.34:25/",
    "blank": "https://93.184.216.34/ x",
    "empty": "",
    "long": "https://93.184.216.34/" + "x" * 2000,
}


@pytest_asyncio.fixture
async def signing(database_url: str) -> AsyncIterator[ApiUnderTest]:
    """With a key for signatures, and this machine's network allowed."""
    async with api_over(database_url, secret_key=SecretStr(KEY), webhook_allow="127.0.0.0/8") as under_test:
        yield under_test


def refused(answer: httpx.Response) -> None:
    body = problem(answer, 422, "invalid-request")
    assert [each["loc"] for each in body["errors"]] == [["body", "webhook_url"]]
    assert "s3cret" not in answer.text
    assert "93.184" not in answer.text


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_leads_elsewhere_is_refused_at_every_door(api: ApiUnderTest, name: str) -> None:
    url = HOSTILE[name]
    made = await api.recipient(external_id="r-1")
    refused(await api.http.post(URL, json={"webhook_url": url}))
    refused(await api.http.put(URL, json={"external_id": "r-1", "webhook_url": url}))
    refused(await api.http.patch(f"{URL}/{made['id']}", json={"webhook_url": url}))
    items = [{"external_id": "r-1", "webhook_url": url}, {"external_id": "r-2", "name": "Ada"}]
    lines = "\n".join(map(json.dumps, items))
    for answer in (
        await api.http.put(URL, json=items),
        await api.http.put(URL, content=lines, headers=NDJSON),
    ):
        body = answer.json()
        assert [each["index"] for each in body["rejected"]] == [0]
        assert body["rejected"][0]["errors"][0]["loc"] == ["webhook_url"]
        assert [each["external_id"] for each in body["results"]] == ["r-2"]
    assert (await api.http.get(f"{URL}/{made['id']}")).json()["webhook_url"] is None


async def test_it_is_set_changed_cleared_and_shown_whole_to_who_manages(api: ApiUnderTest) -> None:
    made = await api.recipient(external_id="r-1", webhook_url=WHERE)
    assert made["webhook_url"] == WHERE
    manager = await api.caller(["manage", "read"])
    assert (await manager.get(f"{URL}/{made['id']}")).json()["webhook_url"] == WHERE
    (listed,) = (await manager.get(URL)).json()["data"]
    assert listed["webhook_url"] == WHERE
    kept = await manager.put(URL, json={"external_id": "r-1", "name": "Ada"})
    assert kept.json()["webhook_url"] == WHERE
    many = [{"external_id": "r-1", "webhook_url": f"{PLACE}/2"}, {"external_id": "r-3", "webhook_url": WHERE}]
    assert (await manager.put(URL, json=many)).json()["rejected"] == []
    assert (await manager.get(f"{URL}/{made['id']}")).json()["webhook_url"] == f"{PLACE}/2"
    cleared = await manager.patch(f"{URL}/{made['id']}", json={"webhook_url": None})
    assert cleared.json()["webhook_url"] is None


async def test_others_see_where_it_leads_and_no_more(api: ApiUnderTest) -> None:
    made = await api.recipient(user_id="ada", webhook_url=WHERE)
    reader, user = await api.caller(["read"]), api.user("ada")
    for caller, seen in ((reader, PLACE), (user, None)):
        one = await caller.get(f"{URL}/{made['id']}")
        assert one.json()["webhook_url"] == seen
        assert "s3cret" not in one.text + (await caller.get(URL)).text
    wishes = await user.put(f"{URL}/{made['id']}/preferences", json={"muted_until": None})
    assert wishes.json()["webhook_url"] is None
    assert "s3cret" not in (await reader.get(f"{URL}/{made['id']}/export")).text
    assert (await user.get(f"{URL}/{made['id']}/export")).json()["recipient"]["webhook_url"] is None
    whole = (await api.http.get(f"{URL}/{made['id']}/export")).json()
    assert whole["recipient"]["webhook_url"] == WHERE


async def test_an_end_user_cannot_set_it(api: ApiUnderTest) -> None:
    made = await api.recipient(user_id="ada")
    answer = await api.user("ada").patch(f"{URL}/{made['id']}", json={"webhook_url": WHERE})
    assert problem(answer, 403, "forbidden")["errors"][0]["loc"] == ["body", "webhook_url"]


async def test_a_replayed_answer_is_kept_from_readers(api: ApiUnderTest) -> None:
    key = {"idempotency-key": "w-1"}
    made = (await api.http.post(URL, json={"webhook_url": WHERE}, headers=key)).json()
    reader = await api.caller(["read"])
    export = await reader.get(f"{URL}/{made['id']}/export")
    assert export.json()["kept_answers"]
    assert "s3cret" not in export.text


async def test_erased_it_is_nowhere(api: ApiUnderTest) -> None:
    key = {"idempotency-key": "w-2"}
    mark = "only-in-this-test"
    made = (await api.http.post(URL, json={"webhook_url": f"{PLACE}/{mark}"}, headers=key)).json()
    assert await everywhere(api.api.ledger, mark) == ["hermodr.idempotency_keys", "hermodr.recipients"]
    await api.http.delete(f"{URL}/{made['id']}")
    assert await everywhere(api.api.ledger, mark) == []


async def everywhere(ledger: Ledger, text: str) -> list[str]:
    """The tables that hold the text."""
    tables = await ledger.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'hermodr'"
    )
    found = []
    for table in tables:
        rows = await ledger.fetch(
            f"SELECT 1 FROM {table['name']} t WHERE position($1::text IN t::text) > 0"
            f" OR position(encode(convert_to($1::text, 'UTF8'), 'hex') IN t::text) > 0 LIMIT 1",
            text,
        )
        found += [str(table["name"])] if rows else []
    return sorted(found)


async def test_an_allowed_network_may_be_reached_even_plainly(signing: ApiUnderTest) -> None:
    made = await signing.recipient(webhook_url="http://127.0.0.1:8080/hook")
    assert made["webhook_url"] == "http://127.0.0.1:8080/hook"
    refused(await signing.http.post(URL, json={"webhook_url": "http://10.0.0.1/"}))


async def test_its_secret_is_shown_to_who_manages(signing: ApiUnderTest) -> None:
    made = await signing.recipient(webhook_url=WHERE)
    where = f"{URL}/{made['id']}/webhook-secret"
    shown = await signing.http.get(where)
    expected = WebhookSecrets(KEY).secret(SecretOf(Purpose.RECIPIENT, UUID(made["id"])))
    assert shown.json() == {"secret": expected}
    assert shown.headers["cache-control"] == "no-store"
    problem(await (await signing.caller(["read", "send"])).get(where), 403, "forbidden")
    problem(await signing.user("ada").get(where), 403, "forbidden")
    problem(await (await signing.caller(["manage"], "another")).get(where), 404, "not-found")
    problem(await signing.http.get(f"{URL}/{new_id()}/webhook-secret"), 404, "not-found")


async def test_without_a_key_there_is_no_secret(database_url: str) -> None:
    async with api_over(database_url, secret_key=None) as api:
        made = await api.recipient()
        answer = await api.http.get(f"{URL}/{made['id']}/webhook-secret")
        assert "HERMODR_SECRET_KEY" in problem(answer, 409, "conflict")["detail"]


def hook(body_text: str, **more: Any) -> dict[str, Any]:
    return {"webhook": {"en": {"body_text": body_text, **more}}}


async def test_a_template_makes_the_payload_and_a_preview_shows_it(api: ApiUnderTest) -> None:
    made = await api.template(name="hooked", contents=hook('{"name": {{ name|tojson }}, "n": {{ n }}}'))
    data = {"name": 'A "quoted" & <b>name</b>', "n": 3}
    where = f"/v1/templates/{made['id']}/preview"
    shown = (await api.http.post(where, json={"channel": "webhook", "data": data})).json()
    assert json.loads(shown["text"]) == data
    broken = await api.http.post(where, json={"channel": "webhook", "data": {"name": "x", "n": "no number"}})
    body = problem(broken, 422, "invalid-request")
    assert "is no JSON: line 1, column" in body["errors"][0]["msg"]
    usual = await api.template()
    where = f"/v1/templates/{usual['id']}/preview"
    plain = (await api.http.post(where, json={"channel": "webhook", "data": data})).json()
    payload = json.loads(plain["text"])
    assert (payload["type"], payload["data"], set(payload)) == (
        "magic_link",
        data,
        {"type", "timestamp", "data"},
    )


@pytest.mark.parametrize(
    ("contents", "place"),
    [
        (hook('{"name": {{ name|tojson }},}'), "body_text"),
        (hook("Hello, {{ name }}"), "body_text"),
        (hook("{}", subject="x"), "subject"),
        (hook("{}", body_html="<p>x</p>"), "body_html"),
        ({"webhook": {"en": {"body_html": "<p>x</p>"}}}, "body_html"),
    ],
    ids=["comma", "words", "subject", "html", "only-html"],
)
async def test_what_makes_no_json_is_not_published(
    api: ApiUnderTest, contents: dict[str, Any], place: str
) -> None:
    answer = await api.http.post("/v1/templates", json={"name": "hooked", "contents": contents})
    body = problem(answer, 422, "invalid-request")
    assert body["errors"][0]["loc"] == ["body", "contents", "webhook", "en", place]


async def test_texts_that_break_the_json_are_warned_of(api: ApiUnderTest) -> None:
    made = await api.template(name="hooked", contents=hook('{"name": "{{ name }}"}'))
    assert any("|tojson" in each for each in made["warnings"])
    safe = await api.template(name="safe", contents=hook('{"name": {{ name|tojson }}}'))
    assert not any("|tojson" in each for each in safe["warnings"])
