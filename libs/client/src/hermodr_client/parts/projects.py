from __future__ import annotations

from typing import Any

from hermodr_client.exchange import Steps
from hermodr_client.models.operations import Project
from hermodr_client.operation import operation
from hermodr_client.part import Part, W, path_of


class Projects(Part[W]):
    """The project of the key."""

    @operation
    def me(self) -> Steps[Project]:
        return self._get(path_of("projects", "me"), Project)

    @operation
    def change(self, /, **fields: Any) -> Steps[Project]:
        """`sender` (`Name <address>` or an address, of a verified sender) and `reply_to` (a list of addresses) of mails
        that do not say it themselves, `caps` of each recipient (`None` takes away), and `users_export_contents`:
        whether exports that end users make hold bodies and data. Raises `Invalid`."""
        document = {"from" if name == "sender" else name: value for name, value in fields.items()}
        return self._patch(path_of("projects", "me"), Project, document)
