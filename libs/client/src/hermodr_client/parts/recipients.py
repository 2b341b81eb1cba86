from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from hermodr_client.answers import decoded
from hermodr_client.bulk import chunks
from hermodr_client.exchange import NDJSON, Request, Steps
from hermodr_client.models.answer import Answer, Page
from hermodr_client.models.notifications import Accepted
from hermodr_client.models.people import Recipient, RecipientSecret, UpsertAnswer, UpsertResult
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, new_key, path_of, query_of
from hermodr_client.retrying import exchange


class Recipients(Part[W]):
    """Fields: external_id, user_id, name, email, phone, locale, timezone, relationship, attributes (a dict), and
    webhook_url, the recipient's own URL for the channel webhook."""

    @listing
    def list(
        self,
        *,
        external_id: str | None = None,
        user_id: str | None = None,
        email: str | None = None,
        sort: str | None = None,
        page_size: int = 50,
    ) -> Listing[Recipient]:
        query = {"external_id": external_id, "user_id": user_id, "email": email, "sort": sort}
        return Listing(path_of("recipients"), Page[Recipient], query_of(query | {"limit": page_size}))

    @operation
    def get(self, recipient_id: Id) -> Steps[Recipient]:
        return self._get(path_of("recipients", recipient_id), Recipient)

    @operation
    def create(self, /, *, idempotency_key: str | None = None, **fields: Any) -> Steps[Recipient]:
        """Raises `Conflict` when its `external_id` is taken."""
        return self._post(path_of("recipients"), Recipient, fields, idempotency_key)

    @operation
    def import_csv(self, text: str | bytes, *, idempotency_key: str | None = None) -> Steps[Accepted]:
        """Has a task make or change them, by a CSV with a header: `external_id`, and other fields but `webhook_url`;
        `attributes` are a JSON object, an empty cell leaves a field as it is. `jobs.wait` tells what came of it."""
        body = text.encode() if isinstance(text, str) else text
        key = idempotency_key or new_key()
        path = path_of("recipients", "import")
        request = Request("POST", path, body=body, media_type="text/csv", idempotency_key=key)
        return decoded((yield from exchange(request, self._pace)), Accepted)

    @operation
    def update(self, /, recipient_id: Id, **fields: Any) -> Steps[Recipient]:
        """Changes the fields given; None clears."""
        return self._patch(path_of("recipients", recipient_id), Recipient, fields)

    @operation
    def upsert(self, /, external_id: str, **fields: Any) -> Steps[Recipient]:
        """Makes the recipient, or changes the fields given; those left out stay, None clears."""
        return self._put(path_of("recipients"), Recipient, {"external_id": external_id, **fields})

    @operation
    def upsert_many(self, recipients: Iterable[Mapping[str, Any]]) -> Steps[UpsertResult]:
        """`upsert` for any number, reading them lazily, in requests of up to 10,000 or 10 MiB. A bad one is `rejected`
        and refuses no others. After an error it can be called again: repeating changes nothing."""
        result = UpsertResult()
        for chunk in chunks(recipients, dict):
            if chunk.lines:
                request = Request("PUT", path_of("recipients"), {}, chunk.body, NDJSON)
                answer = decoded((yield from exchange(request, self._pace)), UpsertAnswer)
                result.created += answer.created
                result.updated += answer.updated
                ids = {int(each["index"]): UUID(each["id"]) for each in answer.results}
                rejected, told = answer.rejected, [ids.get(index) for index in range(len(chunk.places))]
            else:
                rejected, told = [], []
            result.ids += chunk.placed(told)
            result.rejected += chunk.rejected(rejected)
        return result

    @operation
    def delete(self, recipient_id: Id) -> Steps[None]:
        """Erases the personal data; counts stay."""
        yield from self._delete(path_of("recipients", recipient_id))

    @operation
    def set_preferences(self, /, recipient_id: Id, **wishes: Any) -> Steps[Answer]:
        """`preferences`, `muted_until`, `quiet_hours`, `caps`: parts left out stay, None clears."""
        return self._put(path_of("recipients", recipient_id, "preferences"), Answer, wishes)

    @operation
    def confirm_phone(
        self, recipient_id: Id, code: str, *, idempotency_key: str | None = None
    ) -> Steps[Recipient]:
        """By the six digits that were sent to a number that the end user gave. Raises `Invalid` for a wrong code, and
        `Conflict` when no number waits for one, also after five tries."""
        path = path_of("recipients", recipient_id, "addresses", "confirm")
        return self._post(path, Recipient, {"code": code}, idempotency_key)

    @operation
    def withdraw_addresses(self, recipient_id: Id) -> Steps[None]:
        """Those that the end user gave and nobody confirmed yet."""
        yield from self._delete(path_of("recipients", recipient_id, "addresses", "pending"))

    @operation
    def revoke_links(self, recipient_id: Id) -> Steps[None]:
        """Links to their preference page in mails so far lead nowhere any more; later mails have others."""
        yield from self._delete(path_of("recipients", recipient_id, "links"))

    @operation
    def export(self, recipient_id: Id) -> Steps[Answer]:
        return self._get(path_of("recipients", recipient_id, "export"), Answer)

    @operation
    def webhook_secret(self, recipient_id: Id) -> Steps[RecipientSecret]:
        """`whsec_…`. Raises `Conflict` if the installation signs no webhooks."""
        return self._get(path_of("recipients", recipient_id, "webhook-secret"), RecipientSecret)
