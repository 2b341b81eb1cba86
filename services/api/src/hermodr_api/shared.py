"""What the rooms of the api are built on."""

from collections.abc import Callable, Mapping
from functools import partial
from uuid import UUID

from prometheus_client import CollectorRegistry

from hermodr_api.access.exports import Exports
from hermodr_api.access.limits import Limiter
from hermodr_api.access.operators import Operators
from hermodr_api.access.quotas import Quotas
from hermodr_api.answers import Repeatable
from hermodr_contracts.quotas import Limits
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import JobKind, Priority
from hermodr_ledger.access import rates
from hermodr_ledger.engine import Ledger
from hermodr_ledger.templates import brands
from hermodr_servicekit import job_counters
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.clock import Clock
from hermodr_templates.branding import Branding

Count = Callable[[JobKind, Priority, int], None]


class Shared:
    """Building it connects to nothing."""

    def __init__(
        self,
        ledger: Ledger,
        many: Ledger,
        announcer: Announcer,
        topology: Topology,
        clock: Clock,
        registry: CollectorRegistry,
        quotas: Limits,
        pictures_url: str | None,
    ) -> None:
        """`many`: for requests with many items; `pictures_url`: where mails have pictures of ours from."""
        self.ledger, self.cold, self.many = ledger, ledger.cold, many
        self.announcer = announcer
        self.topology, self.channels = topology, topology.channels
        self.clock = clock
        self.registry = registry
        self.quotas = Quotas(ledger, clock, quotas)
        self.limiter = Limiter(partial(rates.take, ledger), clock)
        self.repeatable, self.repeatable_many = Repeatable(ledger), Repeatable(many)
        self.operators = Operators(ledger)
        self.exports = Exports(self.limiter)
        self.branding = Branding(pictures_url)
        self._accepted = job_counters.accepted(registry)

    def count(self, kind: JobKind, priority: Priority, jobs: int) -> None:
        """Jobs that were committed."""
        self._accepted.labels(kind.value, priority.lane).inc(jobs)

    async def brand_names(self, project_id: UUID) -> Mapping[str, str]:
        """What templates may say of how people see their project. Raises `LedgerUnavailable`."""
        return self.branding.names(await brands.read(self.cold, project_id))
