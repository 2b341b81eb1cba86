from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Listed, Page
from hermodr_client.models.people import Group, Member, Unread, Update
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of


class Groups(Part[W]):
    @listing
    def list(
        self, *, sort: str | None = None, page_size: int = 50, include: str | None = None
    ) -> Listing[Group]:
        """Without their metadata, unless `include="metadata"`."""
        query = query_of({"sort": sort, "limit": page_size, "include": include})
        return Listing(path_of("groups"), Page[Group], query)

    @operation
    def get(self, group_id: Id) -> Steps[Group]:
        return self._get(path_of("groups", group_id), Group)

    @operation
    def create(self, /, *, idempotency_key: str | None = None, **fields: Any) -> Steps[Group]:
        return self._post(path_of("groups"), Group, fields, idempotency_key)

    @operation
    def update(self, /, group_id: Id, **fields: Any) -> Steps[Group]:
        return self._patch(path_of("groups", group_id), Group, fields)

    @operation
    def delete(self, group_id: Id) -> Steps[None]:
        yield from self._delete(path_of("groups", group_id))

    @listing
    def members(self, group_id: Id, *, page_size: int = 50) -> Listing[Member]:
        return Listing(path_of("groups", group_id, "members"), Page[Member], query_of({"limit": page_size}))

    @operation
    def add_members(self, group_id: Id, members: Sequence[Mapping[str, Any]]) -> Steps[Listed[Member]]:
        """Adds recipients, all or none: `{"recipient_id" or "external_id", "role", "muted_until"}` each. Existing
        members are changed."""
        return self._post(path_of("groups", group_id, "members"), Listed[Member], {"members": members})

    @operation
    def get_member(self, group_id: Id, member_id: Id) -> Steps[Member]:
        """`member_id` is the `id` of `members`."""
        return self._get(path_of("groups", group_id, "members", member_id), Member)

    @operation
    def update_member(self, /, group_id: Id, member_id: Id, **fields: Any) -> Steps[Member]:
        """Changes `role` or `muted_until`; None clears."""
        return self._patch(path_of("groups", group_id, "members", member_id), Member, fields)

    @operation
    def remove_member(self, group_id: Id, member_id: Id) -> Steps[None]:
        yield from self._delete(path_of("groups", group_id, "members", member_id))

    @listing
    def unread(
        self,
        group_id: Id,
        member_id: Id,
        *,
        sort: str | None = None,
        page_size: int = 50,
        include: str | None = None,
    ) -> Listing[Update]:
        """Updates that a member has not read; `include` as in `updates`."""
        path = path_of("groups", group_id, "members", member_id, "unread")
        return Listing(path, Page[Update], query_of({"sort": sort, "limit": page_size, "include": include}))

    @operation
    def mark_read(
        self,
        group_id: Id,
        member_id: Id,
        update_ids: Sequence[Id] | None = None,
        *,
        through: Id | None = None,
    ) -> Steps[Unread]:
        """Marks these updates, or all up to one of them, as read; give exactly one of both. Returns how many are
        left."""
        marks = {"update_ids": update_ids, "through": through}
        document = {name: value for name, value in marks.items() if value is not None}
        return self._post(path_of("groups", group_id, "members", member_id, "read"), Unread, document)

    @listing
    def updates(self, group_id: Id, *, page_size: int = 50, include: str | None = None) -> Listing[Update]:
        """Without their metadata, unless `include="metadata"`."""
        query = query_of({"limit": page_size, "include": include})
        return Listing(path_of("groups", group_id, "updates"), Page[Update], query)

    @operation
    def post_update(
        self, /, group_id: Id, *, idempotency_key: str | None = None, **fields: Any
    ) -> Steps[Update]:
        return self._post(path_of("groups", group_id, "updates"), Update, fields, idempotency_key)

    @operation
    def get_update(self, group_id: Id, update_id: Id) -> Steps[Update]:
        return self._get(path_of("groups", group_id, "updates", update_id), Update)

    @operation
    def change_update(self, /, group_id: Id, update_id: Id, **fields: Any) -> Steps[Update]:
        """Changes the fields given; None clears."""
        return self._patch(path_of("groups", group_id, "updates", update_id), Update, fields)

    @operation
    def delete_update(self, group_id: Id, update_id: Id) -> Steps[None]:
        yield from self._delete(path_of("groups", group_id, "updates", update_id))
