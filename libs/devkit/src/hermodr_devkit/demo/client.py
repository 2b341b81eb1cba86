import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

TERMINAL = frozenset({"completed", "failed", "cancelled", "skipped"})
PAGE = 200
POLL_SECONDS = 0.1
SECONDS = 15.0


class Refused(Exception):
    """The text says which request was answered otherwise than expected, and how."""


@dataclass(frozen=True)
class Accepted:
    """`replayed`: it is the answer to an earlier request with the same key."""

    job_id: str
    replayed: bool


@dataclass(frozen=True)
class Arrival:
    """What came to an address or phone. `id` is the same for repetitions of a mail; `number`: the sandbox's."""

    id: str
    recipient: str
    at: datetime
    number: str = ""

    @property
    def job_id(self) -> str:
        """The left side of a mail's `Message-ID`."""
        return self.id.strip("<>").partition("@")[0]


class Door:
    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self._client = httpx.AsyncClient(
            base_url=url,
            headers=headers,
            timeout=SECONDS,
            trust_env=False,
            limits=httpx.Limits(max_connections=16),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def ask(self, method: str, path: str, wanted: int = 200, **options: Any) -> httpx.Response:
        """Raises Refused unless the answer has the status `wanted`."""
        try:
            answer = await self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise Refused(f"{method} {path}: no answer ({type(error).__name__})") from error
        if answer.status_code != wanted:
            raise Refused(f"{method} {path}: {answer.status_code} instead of {wanted}: {answer.text[:400]}")
        return answer


class Api(Door):
    def __init__(self, url: str, key: str) -> None:
        super().__init__(url, {"Authorization": f"Bearer {key}"})

    async def create_template(self, template: Mapping[str, Any]) -> None:
        await self.ask("POST", "/v1/templates", 201, json=template)

    async def create_recipient(self, recipient: Mapping[str, Any]) -> str:
        """Returns its id."""
        return str((await self.ask("POST", "/v1/recipients", 201, json=recipient)).json()["id"])

    async def create_endpoint(self, url: str, events: Sequence[str]) -> str:
        """Returns its id."""
        wanted = {"url": url, "events": list(events)}
        return str((await self.ask("POST", "/v1/webhooks", 201, json=wanted)).json()["id"])

    async def messages_to(self, endpoint_id: str) -> list[dict[str, Any]]:
        """What was sent to an endpoint, with the attempts."""
        path = f"/v1/webhooks/{endpoint_id}/deliveries"
        found: list[dict[str, Any]] = (await self.ask("GET", path, params={"limit": PAGE})).json()["data"]
        return found

    async def unsubscribe(self, link: str) -> None:
        """As a mail program does for the button that it shows (RFC 8058)."""
        await self.ask("POST", link, data={"List-Unsubscribe": "One-Click"})

    async def suppressed(self) -> list[str]:
        """The addresses that get nothing more."""
        found = (await self.ask("GET", "/v1/suppressions", params={"limit": PAGE})).json()["data"]
        return [entry["address"] for entry in found]

    async def send(self, notification: Mapping[str, Any], key: str | None) -> Accepted:
        headers = {"Idempotency-Key": key} if key else {}
        answer = await self.ask("POST", "/v1/notifications", 202, json=notification, headers=headers)
        return Accepted(answer.json()["job_id"], answer.headers.get("Idempotent-Replayed") == "true")

    async def send_bulk(self, notifications: Sequence[Mapping[str, Any]]) -> tuple[str, int]:
        """Returns the batch's id and how many were accepted."""
        answer = await self.ask("POST", "/v1/notifications/bulk", 202, json=list(notifications))
        return str(answer.json()["batch_id"]), int(answer.json()["accepted"])

    async def job(self, job_id: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.ask("GET", f"/v1/jobs/{job_id}")).json()
        return found

    async def timeline(self, job_id: str) -> list[dict[str, Any]]:
        """Entries with `at`, `event`, `detail`, in order."""
        entries: list[dict[str, Any]] = (await self.ask("GET", f"/v1/jobs/{job_id}/timeline")).json()["data"]
        return entries

    async def batch_counts(self, batch_id: str) -> dict[str, int]:
        counts: dict[str, int] = (await self.ask("GET", f"/v1/batches/{batch_id}")).json()["counts"]
        return counts

    async def batch_finished(self, batch_id: str, seconds: float) -> None:
        """Waits until all of the batch's jobs are finished, `seconds` at most."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (await self.ask("GET", f"/v1/batches/{batch_id}")).json()["finished"]:
                return
            await asyncio.sleep(POLL_SECONDS)

    async def console(self) -> str:
        """A link to the console, which works once within five minutes."""
        made = (await self.ask("POST", "/v1/console/links", 201)).json()
        return f"{self.url}{urlsplit(made['url']).path}"

    async def dead_letters(self) -> int:
        """Those stored, and those in the dead queues."""
        stored = (await self.ask("GET", "/health")).json()["broker"]["queues"]["failed"]
        queues = (await self.ask("GET", "/health/broker")).json()["queues"]
        return int(stored or 0) + sum(
            int(queue["ready"]) for label, queue in queues.items() if label.endswith(".dead")
        )


class Sandbox(Door):
    async def slow_down(self, pattern: str, seconds: float) -> None:
        """Delays each mail to a matching address."""
        rule = {
            "stage": "rcpt",
            "recipient": pattern,
            "action": {"kind": "delay", "seconds": seconds},
            "note": "the demo's crowd",
        }
        await self.ask("POST", "/v1/faults", 201, json=rule)

    async def approve(self, name: str, language: str, body: str) -> None:
        """A template at pretended WhatsApp."""
        template = {"name": name, "language": language, "body": body}
        await self.ask("PUT", "/v1/whatsapp/templates", json=template)

    async def refuse_at_first(self, pattern: str) -> None:
        """The first provider takes no mail to a matching address; others do."""
        action = {"kind": "reply", "code": 451, "text": "4.3.0 Service unavailable"}
        rule = {"stage": "after_data", "provider": "smtp", "recipient": pattern, "action": action}
        await self.ask("POST", "/v1/faults", 201, json=rule)

    async def files(self, number: str) -> list[str]:
        """The names of a mail's attachments."""
        mail = (await self.ask("GET", f"/v1/mails/{number}")).json()
        return [part["filename"] for part in mail["attachments"]]

    async def unsubscribe_link(self, address: str) -> str:
        """Of the mail to `address`, once it is there."""
        await self.ask("GET", "/v1/wait", params={"to": address, "count": 1, "timeout": SECONDS})
        (mail,) = (await self.ask("GET", "/v1/mails", params={"to": address})).json()["data"]
        headers = dict((await self.ask("GET", f"/v1/mails/{mail['id']}")).json()["headers"])
        return str(headers.get("List-Unsubscribe", "")).strip("<>")

    async def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.ask("GET", "/v1/stats")).json()
        return found

    async def hooks(self, name: str) -> list[dict[str, Any]]:
        """The webhooks that came to a receiver."""
        query = {"name": name, "limit": 1000}
        found: list[dict[str, Any]] = (await self.ask("GET", "/v1/hooks", params=query)).json()["data"]
        return found

    async def texts(self) -> list[Arrival]:
        """The newest ones."""
        found = (await self.ask("GET", "/v1/texts", params={"limit": 1000})).json()["data"]
        return [
            Arrival(text["sid"], text["phone"], datetime.fromisoformat(text["at"]), text["id"])
            for text in found
            if not text["inbound"]
        ]

    async def mails(self) -> list[Arrival]:
        """In the order of arrival."""
        found: list[Arrival] = []
        cursor: str | None = None
        while True:
            query = {"limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
            page = (await self.ask("GET", "/v1/mails", params=query)).json()
            for mail in page["data"]:
                at = datetime.fromisoformat(mail["received_at"])
                found += [Arrival(mail["message_id"], to, at, mail["id"]) for to in mail["envelope_to"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return found[::-1]
