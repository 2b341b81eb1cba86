import asyncio
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from hermodr_api.access import jwks
from hermodr_api.access.jwks import ASK_AGAIN_SECONDS, FRESH_SECONDS, KEPT_SECONDS, KeySet, KeysUnavailable
from hermodr_api.access.tokens import Head, Untrusted
from tests.support.clocks import FakeClock


class Provider:
    """Answers with `kids`, when `open`; `dead` when there are none."""

    def __init__(self, *kids: str) -> None:
        self.kids: tuple[str, ...] | None = kids
        self.open = asyncio.Event()
        self.open.set()
        self.asked = 0

    async def fetch(self) -> bytes:
        self.asked += 1
        await self.open.wait()
        if self.kids is None:
            raise KeysUnavailable("dead")
        return json.dumps({"keys": [public(kid) for kid in self.kids]}).encode()


def public(kid: str) -> dict[str, Any]:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(kid.encode().ljust(32)).public_key()
    made = jwt.get_algorithm_by_name("EdDSA").to_jwk(key, as_dict=True)
    return {**made, "kid": kid}


def head(kid: str | None) -> Head:
    return Head("EdDSA", kid)


async def test_many_who_ask_at_once_ask_once() -> None:
    provider = Provider("a")
    keys = KeySet(provider, FakeClock())
    found = await asyncio.gather(*(keys.find(head("a")) for _ in range(50)))
    assert len(found) == 50
    assert provider.asked == 1


async def test_a_rotated_key_is_found_at_once() -> None:
    provider, clock = Provider("old"), FakeClock()
    keys = KeySet(provider, clock)
    await keys.find(head("old"))
    provider.kids = ("old", "new")
    clock.advance(ASK_AGAIN_SECONDS)
    await keys.find(head("new"))
    provider.kids = ("new",)
    clock.advance(FRESH_SECONDS + 1)
    await keys.find(head("new"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(Untrusted):
        await keys.find(head("old"))


async def test_made_up_key_ids_do_not_make_us_ask_without_end() -> None:
    provider, clock = Provider("a"), FakeClock()
    keys = KeySet(provider, clock)
    await keys.find(head("a"))
    for number in range(100):
        clock.advance(ASK_AGAIN_SECONDS / 50)
        with pytest.raises(Untrusted):
            await keys.find(head(f"made up {number}"))
    assert provider.asked <= 3


async def test_a_slow_provider_holds_up_nobody_with_a_known_key() -> None:
    provider, clock = Provider("a"), FakeClock()
    keys = KeySet(provider, clock)
    await keys.find(head("a"))
    provider.open.clear()
    clock.advance(FRESH_SECONDS + 1)
    for _ in range(1000):
        await keys.find(head("a"))
        await asyncio.sleep(0)
    assert provider.asked == 2
    await keys.close()


async def test_those_who_wait_are_few_and_do_not_wait_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "WAITING_SECONDS", 0.05)
    monkeypatch.setattr(jwks, "MOST_WAITING", 3)
    provider = Provider("a")
    provider.open.clear()
    keys = KeySet(provider, FakeClock())
    answers = await asyncio.gather(*(keys.find(head("a")) for _ in range(5)), return_exceptions=True)
    assert [str(each) for each in answers].count("too many wait for the identity provider already") == 2
    assert [str(each) for each in answers].count("the identity provider is slow") == 3
    await keys.close()


async def test_a_dead_provider_is_lived_without_for_an_hour_and_no_longer() -> None:
    provider, clock = Provider("a"), FakeClock()
    keys = KeySet(provider, clock)
    await keys.find(head("a"))
    provider.kids = None
    clock.advance(KEPT_SECONDS - 1)
    await keys.find(head("a"))
    clock.advance(ASK_AGAIN_SECONDS)
    with pytest.raises(KeysUnavailable):
        await keys.find(head("a"))
    provider.kids = ("a",)
    clock.advance(ASK_AGAIN_SECONDS)
    await keys.find(head("a"))


async def test_without_a_key_id_the_only_key_of_the_kind_is_meant() -> None:
    one, two = KeySet(Provider("a"), FakeClock()), KeySet(Provider("a", "b"), FakeClock())
    await one.find(head(None))
    with pytest.raises(Untrusted):
        await two.find(head(None))
