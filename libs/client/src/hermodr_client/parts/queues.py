"""Queues and health."""

from __future__ import annotations

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Answer, Listed
from hermodr_client.models.operations import Health, Queue
from hermodr_client.operation import operation
from hermodr_client.part import Part, W, path_of


class Queues(Part[W]):
    """How full they are; stopping a channel, and letting it go on."""

    @operation
    def list(self) -> Steps[Listed[Queue]]:
        """Every queue with depth, consumers and rates."""
        return self._get(path_of("queues"), Listed[Queue])

    @operation
    def pause(self, channel: str) -> Steps[Answer]:
        """Nothing is sent on the channel any more; nothing is lost."""
        return self._post(path_of("queues", channel, "pause"), Answer)

    @operation
    def resume(self, channel: str) -> Steps[Answer]:
        """The channel goes on."""
        return self._post(path_of("queues", channel, "resume"), Answer)


class Status(Part[W]):
    """How the installation is doing."""

    @operation
    def get(self) -> Steps[Health]:
        """The report of `/health`; no key is needed. Raises `Unavailable` when nothing can be accepted."""
        return self._get("/health", Health)
