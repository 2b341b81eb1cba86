from hermodr_api.access.authentication import Caller
from hermodr_api.access.operators import Operators
from hermodr_api.answers import patience
from hermodr_api.providers.models import ProvidersView, ProviderView
from hermodr_ledger.deliveries import provider_limits
from hermodr_ledger.deliveries.provider_limits import ProviderLimits
from hermodr_ledger.engine import Ledger


class Providers:
    """Providers as the senders report them to the ledger; credentials stay with the senders."""

    def __init__(self, ledger: Ledger, operators: Operators) -> None:
        self._ledger = ledger
        self._operators = operators

    async def look(self, caller: Caller) -> ProvidersView:
        """Those of running senders, in order of preference. Raises `LedgerUnavailable`."""
        operator = await self._operators.include(caller)
        async with patience():
            known = await provider_limits.known(self._ledger)
        return ProvidersView(data=[_view(each, operator=operator) for each in known])


def _view(known: ProviderLimits, *, operator: bool) -> ProviderView:
    return ProviderView(
        channel=known.channel,
        name=known.provider,
        place=known.place if operator else None,
        position=known.position,
        instances=known.instances,
        calls_at_once=known.calls,
        calls_at_once_configured=known.calls_configured,
        calls_per_second=_rounded(known.rate),
        calls_per_second_configured=_rounded(known.rate_configured),
        rests_until=known.rests_until,
        cause=known.cause,
        code=known.code,
    )


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 2)
