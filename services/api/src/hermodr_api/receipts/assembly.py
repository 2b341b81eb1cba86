"""What receives providers' reports, by the settings."""

from prometheus_client import CollectorRegistry, Counter

from hermodr_api.receipts.service import Receipts
from hermodr_api.receipts.sources import sources_of
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.dsn import ProviderConfigError
from hermodr_servicekit.return_paths import ReturnPaths
from hermodr_servicekit.settings import refuse


def receipts_of(
    providers: tuple[str, str | None, str],
    paths: ReturnPaths | None,
    ledger: Ledger,
    clock: Clock,
    registry: CollectorRegistry,
) -> Receipts:
    """`providers`: the DSNs of email and of texts, and where they report to. Ends the process with `refuse` if they
    make no sense."""
    counter = Counter("hermodr_receipts", "Providers' reports.", ("provider", "kind"), registry=registry)
    try:
        sources = sources_of(*providers)
    except ProviderConfigError as error:
        refuse(str(error))
    if paths is None and (mails := [each for each in sources.values() if each.takes_mail and each.signature]):
        refuse(f"HERMODR_EMAIL_PROVIDERS: events of {mails[0].name} needs HERMODR_LINK_SECRET")
    return Receipts(ledger, clock, sources, paths, counter)
