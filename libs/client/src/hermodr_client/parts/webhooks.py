from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.webhooks import (
    CreatedEndpoint,
    Endpoint,
    EndpointDelivery,
    EndpointMessage,
    Recovered,
)
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of


class Webhooks(Part[W]):
    """Endpoints that a project's events are posted to."""

    @listing
    def list(self, *, sort: str | None = None, page_size: int = 50) -> Listing[Endpoint]:
        """Without their URLs."""
        return Listing(path_of("webhooks"), Page[Endpoint], query_of({"sort": sort, "limit": page_size}))

    @operation
    def get(self, endpoint_id: Id) -> Steps[Endpoint]:
        """With its URL, if the key may change it."""
        return self._get(path_of("webhooks", endpoint_id), Endpoint)

    @operation
    def create(
        self,
        url: str,
        *,
        events: Sequence[str] | None = None,
        description: str | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[CreatedEndpoint]:
        """`events`: `delivery.bounced` and the like; None: all. The answer's `secret` is shown this once."""
        document = {
            "url": url,
            "events": list(events) if events is not None else None,
            "description": description,
        }
        return self._post(path_of("webhooks"), CreatedEndpoint, document, idempotency_key)

    @operation
    def update(self, /, endpoint_id: Id, **changes: Any) -> Steps[Endpoint]:
        """`url`, `events` (None: all), `description`, `enabled`; what is left out stays."""
        return self._patch(path_of("webhooks", endpoint_id), Endpoint, changes)

    @operation
    def delete(self, endpoint_id: Id) -> Steps[None]:
        """With what was sent to it."""
        yield from self._delete(path_of("webhooks", endpoint_id))

    @operation
    def rotate_secret(self, endpoint_id: Id, *, idempotency_key: str | None = None) -> Steps[CreatedEndpoint]:
        """A new secret; the former one signs as well for 24 hours."""
        path = path_of("webhooks", endpoint_id, "rotate-secret")
        return self._post(path, CreatedEndpoint, None, idempotency_key)

    @operation
    def test(self, endpoint_id: Id, *, idempotency_key: str | None = None) -> Steps[EndpointMessage]:
        """Sends it the event `webhook.test`."""
        return self._post(path_of("webhooks", endpoint_id, "test"), EndpointMessage, None, idempotency_key)

    @operation
    def recover(
        self, endpoint_id: Id, since: datetime, *, idempotency_key: str | None = None
    ) -> Steps[Recovered]:
        """Sends again what failed or was discarded since then, up to 10,000 messages; again while there are `more`."""
        path = path_of("webhooks", endpoint_id, "recover")
        return self._post(path, Recovered, {"since": since}, idempotency_key)

    @listing
    def deliveries(
        self,
        endpoint_id: Id,
        *,
        event: str | None = None,
        state: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        sort: str | None = None,
        page_size: int = 50,
    ) -> Listing[EndpointDelivery]:
        """What was sent to it, with every attempt."""
        query = query_of(
            {
                "event": event,
                "state": state,
                "created_after": created_after,
                "created_before": created_before,
                "sort": sort,
                "limit": page_size,
            }
        )
        return Listing(path_of("webhooks", endpoint_id, "deliveries"), Page[EndpointDelivery], query)

    @operation
    def delivery(self, endpoint_id: Id, message_id: Id) -> Steps[EndpointMessage]:
        return self._get(path_of("webhooks", endpoint_id, "deliveries", message_id), EndpointMessage)

    @operation
    def redeliver(
        self, endpoint_id: Id, message_id: Id, *, idempotency_key: str | None = None
    ) -> Steps[EndpointMessage]:
        """Sends the same body with the same `webhook-id` again."""
        path = path_of("webhooks", endpoint_id, "deliveries", message_id, "redeliver")
        return self._post(path, EndpointMessage, None, idempotency_key)
