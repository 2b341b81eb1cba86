"""The public keys of an identity provider (JWK Set, RFC 7517), cached. Known keys stay in use while they are fetched
again; an unknown key id causes a fetch, at most every `ASK_AGAIN_SECONDS`, because key ids can be made up."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import httpx
import jwt
import orjson
import structlog

from hermodr_api.access.tokens import Head, Untrusted
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

FRESH_SECONDS = 300.0
"""Older keys are used, but fetched again."""
KEPT_SECONDS = 3600.0
"""Older keys are not used, even if the provider does not answer."""
ASK_AGAIN_SECONDS = 10.0
FETCH_SECONDS = 3.0
WAITING_SECONDS = 2.0
MOST_WAITING = 100
_MOST_BYTES = 256 * 1024
_MOST_KEYS = 100
_ALGORITHMS = {("RSA", None): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}


class KeysUnavailable(Exception):
    """The provider has not told its keys."""


class KeyServer(Protocol):
    async def fetch(self) -> bytes:
        """The text of the JWK Set. Raises `KeysUnavailable`."""
        ...


class HttpKeyServer:
    """Follows no redirects and refuses answers of more than 256 KiB."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = httpx.AsyncClient(trust_env=False, timeout=FETCH_SECONDS, follow_redirects=False)

    async def fetch(self) -> bytes:
        taken = bytearray()
        try:
            async with (
                asyncio.timeout(FETCH_SECONDS),  # httpx's own timeout starts again with every byte
                self._client.stream("GET", self._url, headers={"accept": "application/json"}) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    raise KeysUnavailable(f"status {answer.status_code}")
                async for chunk in answer.aiter_bytes():
                    taken += chunk
                    if len(taken) > _MOST_BYTES:
                        raise KeysUnavailable("the answer is too long")
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise KeysUnavailable(type(error).__name__) from error
        return bytes(taken)

    async def close(self) -> None:
        await self._client.aclose()


class KeySet:
    def __init__(self, server: KeyServer, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._keys: Sequence[tuple[str | None, jwt.PyJWK]] = ()
        self._heard: float | None = None
        self._asked: float | None = None
        self._asking: asyncio.Task[None] | None = None
        self._waiting = 0

    async def find(self, head: Head) -> jwt.PyJWK:
        """The key for a token with this head. Raises `Untrusted`, and `KeysUnavailable` if the provider is down."""
        key = self._known(head)
        if key is not None:
            if self._age() > FRESH_SECONDS:
                self._ask()
            return key
        if self._ask():
            await self._wait()
            key = self._known(head)
        if key is not None:
            return key
        if self._age() > KEPT_SECONDS:
            raise KeysUnavailable("the identity provider's keys cannot be had at the moment")
        raise Untrusted("the token was signed with a key that the identity provider does not name")

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    def _age(self) -> float:
        return float("inf") if self._heard is None else self._clock.monotonic() - self._heard

    def _known(self, head: Head) -> jwt.PyJWK | None:
        if self._age() > KEPT_SECONDS:
            return None
        fitting = [(name, key) for name, key in self._keys if key.algorithm_name == head.algorithm]
        if head.key_id is None:
            return fitting[0][1] if len(fitting) == 1 else None
        return next((key for name, key in fitting if name == head.key_id), None)

    def _ask(self) -> bool:
        """Starts a fetch unless there was one just now. Returns whether an answer is expected."""
        if self._asking is None:
            now = self._clock.monotonic()
            if self._asked is not None and now - self._asked < ASK_AGAIN_SECONDS:
                return False
            self._asked = now
            self._asking = asyncio.create_task(self._hear())
        return True

    async def _wait(self) -> None:
        asking = self._asking
        if asking is None:
            return
        if self._waiting >= MOST_WAITING:
            raise KeysUnavailable("too many wait for the identity provider already")
        self._waiting += 1
        try:
            await asyncio.wait([asking], timeout=WAITING_SECONDS)
        finally:
            self._waiting -= 1
        if not asking.done():
            raise KeysUnavailable("the identity provider is slow")

    async def _hear(self) -> None:
        try:
            self._keys = keys_of(await self._server.fetch())
            self._heard = self._clock.monotonic()
            log.info("identity provider heard", keys=len(self._keys))
        except KeysUnavailable as error:
            log.warning("identity provider not heard", reason=str(error))
        finally:
            self._asking = None


def keys_of(text: bytes) -> list[tuple[str | None, jwt.PyJWK]]:
    """Id and key of each signing key: RSA, P-256 or Ed25519; others are skipped. Raises `KeysUnavailable`."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise KeysUnavailable("the answer is no JWK Set")
    found = []
    for each in keys[:_MOST_KEYS]:
        algorithm = _algorithm_of(each) if isinstance(each, dict) else None
        if algorithm is None:
            continue
        try:
            key = jwt.PyJWK(each, algorithm)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            log.warning("a key of the identity provider cannot be read", kty=str(each.get("kty"))[:10])
            continue
        name = each.get("kid")
        found.append((name if isinstance(name, str) else None, key))
    return found


def _algorithm_of(key: Mapping[str, Any]) -> str | None:
    kind = key.get("kty")
    curve = key.get("crv") if kind != "RSA" else None
    algorithm = _ALGORITHMS.get((str(kind), curve if isinstance(curve, str) else None))
    operations = key.get("key_ops", ["verify"])
    fits = key.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    if "d" in key:  # a published private key proves nothing
        return None
    return algorithm if fits and key.get("alg", algorithm) == algorithm else None
