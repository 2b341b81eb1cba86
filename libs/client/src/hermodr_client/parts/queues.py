from __future__ import annotations

from hermodr_client.exchange import Steps
from hermodr_client.models.answer import Listed
from hermodr_client.models.notifications import Accepted
from hermodr_client.models.operations import Health, Pausing, Provider, QueuesReport
from hermodr_client.operation import operation
from hermodr_client.part import Part, W, path_of


class Queues(Part[W]):
    @operation
    def get(self) -> Steps[QueuesReport]:
        """Every channel's lanes with depth, consumers, rates and oldest age."""
        return self._get(path_of("queues"), QueuesReport)

    @operation
    def pause(self, channel: str, reason: str | None = None) -> Steps[Pausing]:
        """Stops sending on the channel, for every project; nothing is lost."""
        return self._post(path_of("queues", channel, "pause"), Pausing, {"reason": reason})

    @operation
    def resume(self, channel: str, reason: str | None = None) -> Steps[Pausing]:
        return self._post(path_of("queues", channel, "resume"), Pausing, {"reason": reason})


class Providers(Part[W]):
    @operation
    def get(self) -> Steps[Listed[Provider]]:
        """Every provider that a living sender reported, in order of preference."""
        return self._get(path_of("providers"), Listed[Provider])

    @operation
    def test(self, name: str, to: str, *, idempotency_key: str | None = None) -> Steps[Accepted]:
        """Sends a test message through this provider and no other; it is not retried."""
        return self._post(path_of("providers", name, "test"), Accepted, {"to": to}, idempotency_key)


class Status(Part[W]):
    @operation
    def get(self) -> Steps[Health]:
        """The report of `/health`; no key is needed. Raises `Unavailable` when nothing can be accepted."""
        return self._get("/health", Health)
