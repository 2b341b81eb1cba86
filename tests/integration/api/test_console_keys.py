"""Keys, users' tokens, the audit log and settings in the console."""

import html
import re
from uuid import UUID, uuid4

import pytest

from hermodr_ledger.access import audit
from tests.support.api import ApiUnderTest, client_of
from tests.support.console import STRANGER, browsing, logged_in

KEYS = "/console/keys"
TOKENS = "/console/tokens"
AUDIT = "/console/audit"
PROJECT = "/console/project"
ADMINISTRATION = (KEYS, f"{KEYS}/new", TOKENS, f"{TOKENS}/keys/new", AUDIT, "/console/projects")


async def test_a_key_is_made_shown_once_and_holds(api: ApiUnderTest) -> None:
    new = f"{KEYS}/new"
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        hidden = await browser.hidden(new)
        assert 'id="scopes-flaw"' in (await browser.send(new, hidden | {"name": "x"})).text
        given = {"name": STRANGER, "scope.read": "yes", "rate_limit.requests": "600"}
        wrong = await browser.send(new, hidden | given | {"rate_limit.requests": "many"})
        assert 'id="rate_limit.requests-flaw"' in wrong.text
        wrong = await browser.send(new, hidden | given | {"expires_at": "2001-01-01T00:00"})
        assert 'id="expires_at-flaw"' in wrong.text
        made = await browser.send(new, hidden | given)
        found = re.search(r'id="secret">(hk_[^<]+)<', made.text)
        assert found is not None
        assert "hk_" not in (await browser.send(new, hidden | given)).text.replace("hk_…", "")
        async with client_of(api.api, found[1]) as theirs:
            assert (await theirs.get("/v1/jobs")).status_code == 200
            assert (await theirs.get("/v1/api-keys")).status_code == 403
        text = (await browser.get(KEYS)).text
        assert "you are here with it" in text
        assert found[1] not in text
        assert "<script>alert" not in text


async def test_a_key_is_changed_rotated_and_revoked(api: ApiUnderTest) -> None:
    made = (await api.http.post("/v1/api-keys", json={"name": "till", "scopes": ["read"]})).json()
    page = f"{KEYS}/{made['id']}"
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        edit, rotate = f"{page}/edit", f"{page}/rotate"
        changes = {"name": "checkout", "expires_at": "2030-01-01T00:00"}
        assert (await browser.send(edit, await browser.hidden(edit) | changes)).status_code == 303
        now = (await api.http.get(f"/v1/api-keys/{made['id']}")).json()
        assert (now["name"], now["expires_at"]) == ("checkout", "2030-01-01T00:00:00Z")
        hidden = await browser.hidden(rotate)
        assert 'id="overlap-flaw"' in (await browser.send(rotate, hidden | {"overlap": "long"})).text
        assert 'id="secret">hk_' in (await browser.send(rotate, hidden | {"overlap": "1h"})).text
        assert "Revoke this key?" in (await browser.get(f"{page}/revoke")).text
        assert (await browser.post(f"{page}/revoke", csrf=await browser.csrf())).status_code == 303
        assert (await api.http.get(f"/v1/api-keys/{made['id']}")).json()["revoked_at"] is not None


async def test_revoking_the_own_key_ends_the_session(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        key_id = await logged_in(api, browser, "admin")
        page = f"{KEYS}/{key_id}/revoke"
        assert "you will be logged out" in (await browser.get(page)).text
        await browser.post(page, csrf=await browser.csrf())
        assert (await browser.get(KEYS)).headers["location"].startswith("/console/login")


async def test_signing_keys_rules_and_revoked_users(api: ApiUnderTest) -> None:
    new = f"{TOKENS}/keys/new"
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        hidden = await browser.hidden(new)
        wrong = await browser.send(new, hidden | {"name": "shop", "public_key": "nonsense"})
        assert 'id="public_key-flaw"' in wrong.text
        made = await browser.send(new, hidden | {"name": STRANGER})
        assert 'id="secret">hsk_' in made.text
        shown = (await browser.get(TOKENS)).text
        assert "<script>alert" not in shown
        rotate = re.search(rf'href="({TOKENS}/keys/[0-9a-f-]+/rotate)"', shown)
        assert rotate is not None
        answer = await browser.send(rotate[1], await browser.hidden(rotate[1]) | {"overlap": "1h"})
        assert 'id="secret">hsk_' in answer.text
        revoke = rotate[1].replace("/rotate", "/revoke")
        assert "Revoke this signing key?" in (await browser.get(revoke)).text
        assert (await browser.post(revoke, csrf=await browser.csrf())).status_code == 303
        rules = f"{TOKENS}/rules"
        hidden = await browser.hidden(TOKENS, rules)
        assert 'id="lifetime-flaw"' in (await browser.send(rules, hidden | {"lifetime": "long"})).text
        assert (await browser.send(rules, hidden | {"lifetime": "12h"})).status_code == 303
        now = (await api.http.get("/v1/projects/me/token-rules")).json()
        assert (now["lifetime"], now["issuer"]) == ("12h", None)
        other_tab = hidden | {"lifetime": "24h", "audience": "shop"}
        assert (await browser.send(rules, other_tab)).status_code == 303
        now = (await api.http.get("/v1/projects/me/token-rules")).json()
        assert (now["lifetime"], now["audience"]) == ("12h", "shop"), "what the first tab saved stays"
        contested = await browser.send(rules, hidden | {"lifetime": "6h", "audience": "shop"})
        assert contested.status_code == 409
        assert 'id="lifetime-flaw"' in contested.text
        users = f"{TOKENS}/revoked-users"
        hidden = await browser.hidden(TOKENS, users)
        assert (await browser.send(users, hidden)).status_code == 422
        assert (
            "Tokens that ada has got so far" in (await browser.send(users, hidden | {"user_id": "ada"})).text
        )


async def test_the_log_tells_what_was_done_here(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        new = "/console/recipients/new"
        await browser.send(new, await browser.hidden(new) | {"name": "Ada"})
        text = (await browser.get(f"{AUDIT}?action=recipient.create&actor=key")).text
        assert "recipient.create" in text
        assert "Ada" not in text
        for query in ("action=nothing.such", "since=2100-01-01T00:00", "until=2001-01-01T00:00:00"):
            assert "Nothing like that" in (await browser.get(f"{AUDIT}?{query}")).text
        for query in ("actor=nobody", "since=yesterday"):
            answer = await browser.get(f"{AUDIT}?{query}")
            assert answer.status_code == 422
            assert 'role="alert"' in answer.text


@pytest.mark.parametrize("path", ADMINISTRATION)
async def test_it_is_for_admins(api: ApiUnderTest, path: str) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage", "send")
        assert f'href="{path}"' not in (await browser.get("/console")).text
        assert (await browser.get(path)).status_code == 403
    posted = ("keys/new", "tokens/rules", "tokens/keys/new", "tokens/revoked-users")
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        for each in posted:
            assert (await browser.post(f"/console/{each}", csrf=await browser.csrf())).status_code == 403


async def test_settings_of_the_project(api: ApiUnderTest) -> None:
    edit = f"{PROJECT}/edit"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        hidden = await browser.hidden(edit)
        caps = {"caps.3.max": "10", "caps.3.per": "24h", "caps.3.overflow": "defer"}
        wrong = await browser.send(edit, hidden | caps | {"from": "stranger@example.org", "reply_to": "x"})
        assert wrong.status_code == 422
        assert 'value="stranger@example.org"' in wrong.text
        given = caps | {"reply_to": "help@example.com, more@example.com", "users_export_contents": "yes"}
        assert (await browser.send(edit, hidden | given)).status_code == 303
        now = (await api.http.get("/v1/projects/me")).json()
        assert now["reply_to"] == ["help@example.com", "more@example.com"]
        assert now["caps"] == [{"max": 10, "per": "24h", "types": None, "overflow": "defer"}]
        assert now["users_export_contents"] is True
        text = (await browser.get(PROJECT)).text
        assert "10 per 24h" in text
        assert "/console/projects" not in text


async def test_a_sender_is_added_shown_and_deleted(api: ApiUnderTest) -> None:
    new = f"{PROJECT}/senders/new"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        hidden = await browser.hidden(new)
        assert (await browser.send(new, hidden)).status_code == 422
        assert (await browser.send(new, hidden | {"domain": "example.com"})).status_code == 303
        assert (
            await browser.send(new, await browser.hidden(new) | {"domain": "example.com"})
        ).status_code == 409
        (sender,) = (await api.http.get("/v1/senders")).json()["data"]
        page = f"{PROJECT}/senders/{sender['id']}"
        assert sender["dns_record"]["value"] in (await browser.get(page)).text
        address = await browser.send(new, await browser.hidden(new) | {"address": "Shop <shop@example.org>"})
        assert address.status_code == 303
        ours = next(
            each["id"] for each in (await api.http.get("/v1/senders")).json()["data"] if each["address"]
        )
        verify = f"{PROJECT}/senders/{ours}"
        wrong = await browser.send(verify, await browser.hidden(verify) | {"token": "nonsense"})
        assert 'id="token-flaw"' in wrong.text
        assert "Delete this sender?" in (await browser.get(f"{page}/delete")).text
        await browser.post(f"{page}/delete", csrf=await browser.csrf())
        assert (await browser.get(page)).status_code == 404


async def test_operators_see_all_projects_and_set_their_quotas(api: ApiUnderTest) -> None:
    name = f"project-{uuid4().hex}"
    stranger = await api.caller(["admin"], name)
    theirs = (await stranger.get("/v1/projects/me")).json()["id"]
    page = f"/console/projects/{theirs}/quotas"
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        assert (await browser.get("/console/projects")).status_code == 403
        assert (await browser.get(page)).status_code == 403
        await api.operate()
        assert "/console/projects" in (await browser.get(PROJECT)).text
        assert name in (await browser.get("/console/projects")).text
        hidden = await browser.hidden(page)
        wrong = await browser.send(page, hidden | {"waiting_jobs": "many"})
        assert 'id="waiting_jobs-flaw"' in wrong.text
        given = {"waiting_jobs": "5000", "sockets": "off"}
        assert (await browser.send(page, hidden | given)).status_code == 303
        quotas = (await stranger.get("/v1/projects/me")).json()["quotas"]
        assert (quotas["waiting_jobs"], quotas["sockets"]) == (5000, None)
        assert 'value="5000"' in (await browser.get(page)).text
        assert (await browser.get(f"/console/projects/{uuid4()}/quotas")).status_code == 404


async def test_the_log_names_keys_and_people(api: ApiUnderTest) -> None:
    made = (await api.http.post("/v1/api-keys", json={"name": STRANGER, "scopes": ["manage"]})).json()
    async with client_of(api.api, made["key"]) as theirs:
        await theirs.post("/v1/recipients", json={"external_id": "c-1"})
    person = audit.Actor("person", "ada@example.com")
    looked_at = uuid4()
    await audit.record(api.api.ledger, api.project_id, person, "recipient.look", looked_at)
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        text = (await browser.get(AUDIT)).text
        assert f'<span title="{made["id"]}">' in text
        assert "<script>alert" not in text
        assert "ada@example.com" in text
        assert f"<code>{looked_at}</code>" in text
        assert "person at the console" in (await browser.get(f"{AUDIT}?actor=person")).text
        assert (await browser.get(f"{AUDIT}?actor=person&actor_id={'x' * 403}")).status_code == 200


async def test_all_keys_of_a_person_are_revoked_after_a_question(api: ApiUnderTest) -> None:
    made = (await api.http.post("/v1/api-keys", json={"name": "till", "scopes": ["read"]})).json()
    await api.api.ledger.fetch(
        "UPDATE hermodr.api_keys SET made_by_kind = 'person', made_by = $2, made_by_name = $3 WHERE id = $1",
        UUID(made["id"]),
        f"https://id.example {STRANGER.ljust(200, 'x')}",
        f"{STRANGER.ljust(400, 'y')}",
    )
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        text = (await browser.get(KEYS)).text
        assert "command line" in text
        (link,) = re.findall(r'href="(/console/keys/revoke\?[^"]+)"', text)
        link = html.unescape(link)
        asked = await browser.get(link)
        assert "Revoke all their keys?" in asked.text
        assert "<script>alert" not in text + asked.text
        assert f"{'y' * 300} made are refused" in asked.text
        unknown = "/console/keys/revoke?actor_id=nobody"
        assert (await browser.get(unknown)).status_code == 404
        assert (await browser.send(unknown, await browser.hidden(link))).status_code == 404
        assert (await browser.send(link, await browser.hidden(link))).status_code == 303
        assert (await browser.get(KEYS)).text.count("Revoke all of theirs") == 0
    assert (await api.http.get(f"/v1/api-keys/{made['id']}")).json()["revoked_at"] is not None
