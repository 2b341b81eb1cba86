"""How much a process asks of the identity provider, and how long a login that was begun may end."""

import httpx
import pytest

from hermodr_api.console.identity import LIVES_SECONDS, Client, IdentityProvider, ProviderUnavailable
from hermodr_servicekit.clock import SystemClock
from tests.support.clocks import FakeClock

CLIENT = Client(
    "https://id.example", "hermodr", "secret", "https://api/back", (), "groups", "openid", "House"
)


async def test_it_is_not_asked_without_end() -> None:
    asked = 0

    def away(_request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(500)

    provider = IdentityProvider(CLIENT, SystemClock(), httpx.MockTransport(away))
    for _ in range(300):
        with pytest.raises(ProviderUnavailable):
            await provider.address(provider.begin())
    assert asked == 240


def test_a_login_that_nobody_ends_in_time_is_none() -> None:
    clock = FakeClock()
    provider, other = IdentityProvider(CLIENT, clock), IdentityProvider(CLIENT, clock)
    began = provider.begin()
    assert other.begun(began.secret) == began, "another process knows it"
    clock.advance(LIVES_SECONDS + 2)
    assert provider.begun(began.secret) is None
