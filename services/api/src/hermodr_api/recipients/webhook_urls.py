"""Recipients' own URLs: where they may lead, and what receivers check their signatures with."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import patience
from hermodr_api.errors import CONFLICT, Flaw, Refused, invalid, not_found
from hermodr_ledger.access import audit
from hermodr_ledger.engine import Ledger
from hermodr_ledger.people import recipients
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.guard.targets import Refused as Forbidden
from hermodr_servicekit.guard.targets import Target, read_target
from hermodr_servicekit.webhook_signing import Purpose, SecretOf, WebhookSecrets

MOST_HOSTS = 500
"""Different ones in one bulk request: each is looked up."""
_AT_ONCE = 20


class WebhookUrls:
    def __init__(self, ledger: Ledger, guard: Guard, secrets: WebhookSecrets | None) -> None:
        self._ledger = ledger
        self._guard = guard
        self._secrets = secrets

    async def check(self, fields: Mapping[str, object]) -> None:
        """Raises `Refused` (422) if the fields have a URL that must not be called."""
        if isinstance(url := fields.get("webhook_url"), str):
            (flaw,) = (await self.flaws({0: url})).values() or (None,)
            if flaw is not None:
                raise invalid(Flaw(("body", *flaw.loc), flaw.msg))

    async def flaws(self, urls: Mapping[int, str]) -> dict[int, Flaw]:
        """Of those that must not be called. Each host is looked up once."""
        places: dict[tuple[bool, str], list[int]] = {}
        targets: dict[tuple[bool, str], Target] = {}
        for index, url in urls.items():
            target = read_target(url)  # the model has read it before
            places.setdefault((target.plain, target.host), []).append(index)
            targets[target.plain, target.host] = target
        found: dict[int, Flaw] = {}
        turns = asyncio.Semaphore(_AT_ONCE)
        asked = list(targets)[:MOST_HOSTS]
        answers = await asyncio.gather(*(self._refusal(targets[each], turns) for each in asked))
        for place, reason in zip(asked, answers, strict=True):
            if reason is not None:
                found |= dict.fromkeys(places[place], Flaw(("webhook_url",), reason))
        late = Flaw(("webhook_url",), f"is of yet another host: one request may name {MOST_HOSTS}")
        for place in list(targets)[MOST_HOSTS:]:
            found |= dict.fromkeys(places[place], late)
        return found

    async def secret(self, caller: Caller, recipient_id: UUID) -> str:
        """`whsec_…`. Raises `Refused` (404; 409 if there is no key to derive it from) and `LedgerUnavailable`."""
        async with patience():
            found = await recipients.read(self._ledger, caller.project_id, recipient_id)
        if found is None:
            raise not_found("recipient")
        if self._secrets is None:
            raise Refused(CONFLICT, "webhooks are not signed here: HERMODR_SECRET_KEY is not set")
        async with patience():
            await audit.record(
                self._ledger, caller.project_id, caller.actor, "recipient.secret", recipient_id
            )
        return self._secrets.secret(SecretOf(Purpose.RECIPIENT, recipient_id))

    async def _refusal(self, target: Target, turns: asyncio.Semaphore) -> str | None:
        async with turns:
            try:
                await self._guard.addresses(target)
            except Forbidden as refusal:
                return str(refusal)
        return None
