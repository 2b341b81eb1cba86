from __future__ import annotations

from typing import Any

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Page
from hermodr_client.models.operations import Project, ProjectQuotas
from hermodr_client.operation import listing, operation
from hermodr_client.paging import Listing
from hermodr_client.part import Id, Part, W, path_of, query_of


class Projects(Part[W]):
    """The project of the key; and for operators all projects with their quotas."""

    @operation
    def me(self) -> Steps[Project]:
        return self._get(path_of("projects", "me"), Project)

    @operation
    def change(self, /, **fields: Any) -> Steps[Project]:
        """`sender` (`Name <address>` or an address, of a verified sender) and `reply_to` (a list of addresses) of mails
        that do not say it themselves, `caps` of each recipient (`None` takes away), and `users_export_contents`:
        whether exports that end users make hold bodies and data. `brand`: how people see the project, `name`, `color`
        (`#2456d6`) and `logo` (a data URL of a picture). Raises `Invalid`."""
        document = {"from" if name == "sender" else name: value for name, value in fields.items()}
        return self._patch(path_of("projects", "me"), Project, document)

    @listing
    def list(self, *, sort: str | None = None, page_size: int = 50) -> Listing[ProjectQuotas]:
        """All projects, fetched page by page; for operators."""
        return Listing(path_of("projects"), Page[ProjectQuotas], query_of({"sort": sort, "limit": page_size}))

    @operation
    def set_quotas(self, project_id: Id, /, **limits: int | str | None) -> Steps[ProjectQuotas]:
        """New limits, by their names: a number, `"off"` for none, `None` for the installation's default; for operators.
        Raises `Invalid`, `Forbidden`."""
        return self._patch(path_of("projects", project_id, "quotas"), ProjectQuotas, limits)
