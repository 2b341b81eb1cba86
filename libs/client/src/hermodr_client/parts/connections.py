from __future__ import annotations

from typing import Any

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.connections import Connection, ConnectionSchema
from hermodr_client.models.notifications import Accepted
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of


class Connections(Part[W]):
    """PostgreSQL databases that tasks may read."""

    @listing
    def list(self, *, sort: str | None = None, page_size: int = 50) -> Listing[Connection]:
        return Listing(path_of("connections"), Page[Connection], query_of({"sort": sort, "limit": page_size}))

    @operation
    def get(self, connection_id: Id) -> Steps[Connection]:
        return self._get(path_of("connections", connection_id), Connection)

    @operation
    def create(
        self,
        name: str,
        *,
        host: str,
        database: str,
        user: str,
        password: str,
        port: int = 5432,
        sslmode: str = "prefer",
        owner: str | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Connection]:
        """Tried before it is kept. `sslmode`: disable, prefer, require, verify-full. `owner`: a user id."""
        document = {
            "name": name,
            "host": host,
            "port": port,
            "database": database,
            "user": user,
            "password": password,
            "sslmode": sslmode,
            "owner": owner,
        }
        return self._post(path_of("connections"), Connection, document, idempotency_key)

    @operation
    def update(self, /, connection_id: Id, **changes: Any) -> Steps[Connection]:
        """What is left out stays. With another `host`, `port`, `user` or `sslmode` the `password` is given again."""
        return self._patch(path_of("connections", connection_id), Connection, changes)

    @operation
    def delete(self, connection_id: Id) -> Steps[None]:
        yield from self._delete(path_of("connections", connection_id))

    @operation
    def rebuild(
        self, connection_id: Id, *, force: bool = False, idempotency_key: str | None = None
    ) -> Steps[Accepted]:
        """Has the schema read by a task, one at a time; with `force` also if nothing has changed."""
        path = path_of("connections", connection_id, "rebuild")
        return self._post(path, Accepted, {"force": force}, idempotency_key)

    @operation
    def schema(self, connection_id: Id) -> Steps[ConnectionSchema]:
        """As it was read last."""
        return self._get(path_of("connections", connection_id, "schema"), ConnectionSchema)
