"""The address book: recipients, groups, their members and updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Answer, Listed, Page
from hermodr_client.models.people import Group, Member, Recipient, Update
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of


class Recipients(Part[W]):
    """Recipients. Fields: external_id, user_id, name, email, phone, locale, timezone."""

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
        """Recipients that fit, fetched page by page."""
        query = {"external_id": external_id, "user_id": user_id, "email": email, "sort": sort}
        return Listing(path_of("recipients"), Page[Recipient], query_of(query | {"limit": page_size}))

    @operation
    def get(self, recipient_id: Id) -> Steps[Recipient]:
        """One of them."""
        return self._get(path_of("recipients", recipient_id), Recipient)

    @operation
    def create(self, /, *, idempotency_key: str | None = None, **fields: str | None) -> Steps[Recipient]:
        """A new one. Raises `Conflict` when its `external_id` is taken."""
        return self._post(path_of("recipients"), Recipient, fields, idempotency_key)

    @operation
    def update(self, /, recipient_id: Id, **fields: str | None) -> Steps[Recipient]:
        """Changes the fields given; None clears."""
        return self._patch(path_of("recipients", recipient_id), Recipient, fields)

    @operation
    def delete(self, recipient_id: Id) -> Steps[None]:
        """Erases the personal data; counts stay."""
        yield from self._delete(path_of("recipients", recipient_id))

    @operation
    def set_preferences(self, /, recipient_id: Id, **wishes: Any) -> Steps[Answer]:
        """`preferences`, `muted_until`, `quiet_hours`: parts left out stay, None clears."""
        return self._put(path_of("recipients", recipient_id, "preferences"), Answer, wishes)

    @operation
    def export(self, recipient_id: Id) -> Steps[Answer]:
        """Everything stored about the recipient."""
        return self._get(path_of("recipients", recipient_id, "export"), Answer)


class Groups(Part[W]):
    """Groups, their members and updates."""

    @listing
    def list(self, *, sort: str | None = None, page_size: int = 50) -> Listing[Group]:
        """Groups, fetched page by page."""
        return Listing(path_of("groups"), Page[Group], query_of({"sort": sort, "limit": page_size}))

    @operation
    def get(self, group_id: Id) -> Steps[Group]:
        """One of them."""
        return self._get(path_of("groups", group_id), Group)

    @operation
    def create(self, /, *, idempotency_key: str | None = None, **fields: Any) -> Steps[Group]:
        """A new one."""
        return self._post(path_of("groups"), Group, fields, idempotency_key)

    @operation
    def update(self, /, group_id: Id, **fields: Any) -> Steps[Group]:
        """Changes the fields given."""
        return self._patch(path_of("groups", group_id), Group, fields)

    @operation
    def delete(self, group_id: Id) -> Steps[None]:
        """Removes it."""
        yield from self._delete(path_of("groups", group_id))

    @listing
    def members(self, group_id: Id, *, page_size: int = 50) -> Listing[Member]:
        """Its members, fetched page by page."""
        return Listing(path_of("groups", group_id, "members"), Page[Member], query_of({"limit": page_size}))

    @operation
    def add_members(self, group_id: Id, members: Sequence[Mapping[str, Any]]) -> Steps[Listed[Member]]:
        """Takes recipients in, all or none: `{"recipient_id" or "external_id", "role", "muted_until"}` each. Of those
        who are members already, what is given is changed."""
        return self._post(path_of("groups", group_id, "members"), Listed[Member], {"members": members})

    @operation
    def update_member(self, /, group_id: Id, member_id: Id, **fields: Any) -> Steps[Member]:
        """Changes `role` or `muted_until`; None clears."""
        return self._patch(path_of("groups", group_id, "members", member_id), Member, fields)

    @operation
    def remove_member(self, group_id: Id, member_id: Id) -> Steps[None]:
        """Lets one go; `member_id` is the `id` of `members`."""
        yield from self._delete(path_of("groups", group_id, "members", member_id))

    @listing
    def updates(self, group_id: Id, *, page_size: int = 50) -> Listing[Update]:
        """What was posted, fetched page by page."""
        return Listing(path_of("groups", group_id, "updates"), Page[Update], query_of({"limit": page_size}))

    @operation
    def post_update(
        self, /, group_id: Id, *, idempotency_key: str | None = None, **fields: Any
    ) -> Steps[Update]:
        """Posts something."""
        return self._post(path_of("groups", group_id, "updates"), Update, fields, idempotency_key)
