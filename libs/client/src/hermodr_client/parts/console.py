from __future__ import annotations

from hermodr_client.exchange import Steps
from hermodr_client.models.operations import ConsoleLink
from hermodr_client.operation import operation
from hermodr_client.part import Part, W, path_of


class Console(Part[W]):
    @operation
    def link(self) -> Steps[ConsoleLink]:
        """A link to the operators' pages, with the rights of this key; it works once, within five minutes."""
        return self._post(path_of("console", "links"), ConsoleLink, {})
