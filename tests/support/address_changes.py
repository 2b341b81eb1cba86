"""What tests of users' addresses are made with: an api with secrets and texts, its links and jobs."""

import json
import re
from typing import Any

from pydantic import SecretStr

from hermodr_servicekit.links import Links
from tests.support.api import ApiUnderTest

SECRET = "the secret of links in tests, long enough"
LINKS = Links(SECRET, "https://mail.example")
SMS = "twilio://AC0123456789abcdef0123456789abcdef:token@localhost?from=%2B15550100999"
OLD, NEW = "ada@example.com", "ada@new.example.com"
PHONE = "+491711234567"
URL = "/v1/recipients"
GIVEN: dict[str, Any] = {
    "link_secret": SecretStr(SECRET),
    "sms_providers": SMS,
    "public_url": "https://mail.example",
}
"""Settings of the api."""


async def ask(api: ApiUnderTest, who: dict[str, Any], **changes: str | None) -> dict[str, Any]:
    answer = await api.user(who["user_id"]).patch(f"{URL}/{who['id']}", json=changes)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def seen(api: ApiUnderTest, who: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await api.user(who["user_id"]).get(f"{URL}/{who['id']}")).json()
    return found


async def sent(api: ApiUnderTest, to: str) -> list[dict[str, Any]]:
    """The jobs for an address, their words or their data."""
    rows = await api.api.ledger.fetch(
        "SELECT * FROM hermodr.jobs WHERE project_id = $1 AND $2 IN (to_email, to_phone) ORDER BY id",
        api.project_id,
        to,
    )
    return [
        {
            **{
                name: row[name]
                for name in ("type", "priority", "owner_id", "recipient_id", "batch_id", "channels")
            },
            **(json.loads(row["content"]) if row["content"] else {}),
            "data": json.loads(row["data"]),
        }
        for row in rows
    ]


async def link_of(api: ApiUnderTest, to: str) -> str:
    """The path of the newest link that was sent there."""
    text = (await sent(api, to))[-1]
    found = re.search(
        r"https://mail\.example(/u/a/[A-Za-z0-9_-]+)", text.get("body_text") or str(text["data"])
    )
    assert found is not None
    return found[1]


async def actions(api: ApiUnderTest, who: dict[str, Any]) -> list[tuple[str, str]]:
    lines = (await api.http.get("/v1/audit-log", params={"subject": who["id"], "sort": "created_at"})).json()
    changes = [line for line in lines["data"] if line["action"].endswith("_address")]
    return [(line["action"].partition(".")[2], line["detail"]["kind"]) for line in changes]
