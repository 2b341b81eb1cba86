from datetime import timedelta

from hermodr_api.access.authentication import Caller
from hermodr_api.access.operators import Operators
from hermodr_api.answers import Answer, Key, patience
from hermodr_api.errors import NOT_FOUND, Flaw, Refused, invalid
from hermodr_api.notifications.models import NotificationIn, To
from hermodr_api.notifications.service import Notifications
from hermodr_api.providers.models import LastError, ProvidersView, ProviderTestIn, ProviderView
from hermodr_contracts.channels import CHANNELS, AddressKind
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.access import audit
from hermodr_ledger.deliveries import provider_limits
from hermodr_ledger.deliveries.provider_limits import ProviderLimits
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.clock import Clock

TEST_TYPE = "provider_test"
_TEST_IS_OF_USE = timedelta(hours=1)
_TEST_TEXT = """This message was sent by Hermodr through the provider "{name}",
because somebody asked for a test of it (POST /v1/providers/…/test).

If you can read this, the provider works.
"""
_TEST_OF_TEXTS = 'Hermodr: a test of provider "{name}". If you can read this, it works.'


class Providers:
    """Providers as the senders report them to the ledger; credentials stay with the senders."""

    def __init__(
        self, ledger: Ledger, operators: Operators, notifications: Notifications, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._operators = operators
        self._notifications = notifications
        self._clock = clock

    async def look(self, caller: Caller) -> ProvidersView:
        """Those of running senders, in order of preference. Raises `LedgerUnavailable`."""
        operator = await self._operators.include(caller)
        async with patience():
            known = await provider_limits.known(self._ledger)
        return ProvidersView(data=[_view(each, operator=operator) for each in known])

    async def test(self, caller: Caller, name: str, wanted: ProviderTestIn, key: Key | None) -> Answer:
        """A test message through this provider and no other; it is not retried. Raises `Refused` (404)."""
        async with patience():
            known = await provider_limits.known(self._ledger)
        found = next((each for each in known if each.provider == name), None)
        if found is None:
            raise Refused(NOT_FOUND, f"no running sender has a provider of the name {name}")
        text = _TEST_OF_TEXTS if CHANNELS[found.channel].address is AddressKind.PHONE else _TEST_TEXT
        message = NotificationIn(
            type=TEST_TYPE,
            to=_addressee(wanted.to, found.channel),
            channels=[found.channel],
            subject=f"Test of provider {name}",
            body_text=text.format(name=name),
            expires_at=self._clock.now() + _TEST_IS_OF_USE,
            max_retries=0,
        )
        answer = await self._notifications.request(caller.project_id, message, key, provider=name)
        if not answer.replayed:
            async with patience():  # the job itself is kept by now, with the message
                await audit.record(self._ledger, caller.project_id, caller.actor, "provider.test", name)
        return answer


def _addressee(address: str, channel: Channel) -> To:
    if CHANNELS[channel].address is AddressKind.URL:
        raise invalid(Flaw(("body", "to"), f"there is no test of {channel}: it goes to recipients' own URLs"))
    by_phone = CHANNELS[channel].address is AddressKind.PHONE
    if by_phone is ("@" in address):
        needed = "a phone number" if by_phone else "an email address"
        raise invalid(Flaw(("body", "to"), f"must be {needed}: the provider is for {channel}"))
    return To(phone=address) if by_phone else To(email=address)


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
        calls_per_second_per_project=_rounded(known.project_rate),
        rests_until=known.rests_until,
        cause=known.cause,
        code=known.code,
        breaker=known.breaker,
        probes_at=known.probes_at,
        weight=known.weight,
        calls_last_hour=known.calls_of_hour,
        success_rate_percent=(
            round(100 * known.accepted_of_hour / known.calls_of_hour, 1) if known.calls_of_hour else None
        ),
        last_error=(
            LastError(code=known.failed_code, at=known.failed_at)
            if known.failed_code is not None and known.failed_at is not None
            else None
        ),
    )


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 2)
