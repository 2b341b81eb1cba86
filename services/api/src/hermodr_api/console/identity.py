"""Who somebody is, as the identity provider says (OpenID Connect Core 1.0, code flow with PKCE).

What a login began with is no row: state, nonce and verifier follow from a secret in the browser's own cookie, which
only we can make. So any process can end what another has begun, and an answer that another browser asked for is
refused.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import structlog
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from hermodr_api.console.roles import Role, held
from hermodr_ledger.access.people import Person
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Of ID tokens: never one that a public key could pass for the secret of, and never none."""
LEEWAY_SECONDS = 30
_FRESH_SECONDS = 600.0
_WAIT_SECONDS = 8.0
_MOST_BYTES = 512 * 1024
_MOST_NAME = 200
_MOST_A_MINUTE = 240
"""Questions of a process to the provider; a login takes two. Strangers shall not make us flood it."""
LIVES_SECONDS = 600
"""From the beginning of a login to its end."""


class Unrecognised(Exception):
    """The message says why, without quoting what the provider said."""


class NoRole(Unrecognised):
    """Somebody is known, but has none of the roles: `issuer`, `subject`."""

    def __init__(self, issuer: str, subject: str) -> None:
        super().__init__("your account has none of the roles that may use this console")
        self.issuer, self.subject = issuer, subject


class ProviderUnavailable(Exception):
    """The identity provider cannot be reached, or does not answer as it should."""


@dataclass(frozen=True, slots=True)
class Client:
    """What we are to the provider. `claim`: where roles are."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    roles: tuple[Role, ...]
    claim: str
    scope: str
    label: str
    left_uri: str = ""
    """Where a browser comes back to that has logged out there."""


@dataclass(frozen=True, slots=True)
class Login:
    """`token`: the ID token, by which the provider knows again whom it let in."""

    person: Person
    token: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that a browser began, by its secret."""

    secret: str

    @property
    def state(self) -> str:
        return self._derived(b"state")

    @property
    def nonce(self) -> str:
        return self._derived(b"nonce")

    @property
    def verifier(self) -> str:
        return self._derived(b"verifier")

    def _derived(self, purpose: bytes) -> str:
        digest = hashlib.blake2b(self.secret.encode(), digest_size=32, person=b"oidc " + purpose).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


class IdentityProvider:
    def __init__(
        self, client: Client, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """`transport` is for tests."""
        self.client = client
        self._clock = clock
        self._transport = transport
        self._begun = hmac.digest(client.client_secret.encode(), b"hermodr: logins", hashlib.sha256)
        self._asked: deque[float] = deque(maxlen=_MOST_A_MINUTE)
        self._described: Mapping[str, Any] = {}
        self._heard = float("-inf")

    def begin(self) -> Attempt:
        """A login that begins now."""
        said = f"{int(self._clock.now().timestamp())}~{secrets.token_urlsafe(32)}"
        return Attempt(f"{said}~{self._mac(said)}")

    def begun(self, secret: str) -> Attempt | None:
        """That of this secret; `None`: it is none of ours, or over."""
        said, _, mac = secret.rpartition("~")
        if not secrets.compare_digest(mac.encode(), self._mac(said).encode()):
            return None
        age = self._clock.now().timestamp() - int(said.partition("~")[0])
        return Attempt(secret) if age <= LIVES_SECONDS else None

    def _mac(self, said: str) -> str:
        return hmac.new(self._begun, said.encode(), hashlib.sha256).hexdigest()

    async def address(self, attempt: Attempt) -> str:
        """Where a browser logs in. Raises `ProviderUnavailable`."""
        client, described = self.client, await self._description()
        address: str = prepare_grant_uri(
            described["authorization_endpoint"],
            client.client_id,
            "code",
            client.redirect_uri,
            client.scope,
            attempt.state,
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )
        return address

    async def leaving(self, token: str | None) -> str | None:
        """Where a browser logs out (OpenID Connect RP-Initiated Logout 1.0), with the ID token if it still has it.
        `None`: the provider has no such page. Raises `ProviderUnavailable`."""
        page = (await self._description()).get("end_session_endpoint")
        if not isinstance(page, str) or not is_safe(page) or not (page.isascii() and page.isprintable()):
            return None
        said = {"client_id": self.client.client_id, "post_logout_redirect_uri": self.client.left_uri}
        if token:
            said["id_token_hint"] = token
        address: str = add_params_to_uri(page, list(said.items()))
        return address

    async def login(self, attempt: Attempt, code: str, issuer: str | None) -> Login:
        """Who has come back with this code; `issuer`: as the answer has it (RFC 9207). Raises `Unrecognised` and
        `ProviderUnavailable`."""
        described = await self._description()
        certain = described.get("authorization_response_iss_parameter_supported") is True
        if issuer != self.client.issuer and (issuer is not None or certain):
            raise Unrecognised("the answer is another identity provider's")
        answer = await self._token(described, code, attempt.verifier)
        claims = self._verified(await self._keys(described), answer, attempt.nonce)
        subject = claims["sub"]
        role = held(self.client.roles, claims, self.client.claim)
        if role is None:
            raise NoRole(self.client.issuer, subject)
        person = Person(self.client.issuer, subject, _name(claims), role.name)
        return Login(person, str(answer["id_token"]))

    def _verified(self, keys: KeySet, answer: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        try:
            token = jwt.decode(str(answer.get("id_token")), keys, algorithms=ALGORITHMS)
            params = {
                "nonce": nonce,
                "client_id": self.client.client_id,
                "access_token": answer.get("access_token"),
            }
            wanted: dict[str, Any] = {
                "iss": {"essential": True, "value": self.client.issuer},
                "aud": {"essential": True, "value": self.client.client_id},
                "sub": {"essential": True},
            }
            claims = CodeIDToken(token.claims, token.header, wanted, params)
            claims.validate(now=int(self._clock.now().timestamp()), leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            log.warning("id token refused", reason=type(error).__name__, about=getattr(error, "claim", None))
            raise Unrecognised("what the identity provider said does not hold") from None
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _MOST_NAME or not subject.isprintable():
            raise Unrecognised("the identity provider names nobody")
        return dict(claims)

    async def _description(self) -> Mapping[str, Any]:
        if self._clock.monotonic() - self._heard > _FRESH_SECONDS:
            issuer = self.client.issuer
            document = await self._ask("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if document.get("issuer") != issuer or not all(is_safe(document.get(each)) for each in needed):
                raise ProviderUnavailable("its description is another's, or lacks an address")
            self._described, self._heard = document, self._clock.monotonic()
        return self._described

    async def _keys(self, described: Mapping[str, Any]) -> KeySet:
        """Asked for at each login, which are few: so none is out of date."""
        document = await self._ask("GET", described["jwks_uri"])
        try:
            return KeySet.import_key_set(document)  # type: ignore[arg-type] # it checks what it is given
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderUnavailable("its keys cannot be read") from error

    async def _token(self, described: Mapping[str, Any], code: str, verifier: str) -> Mapping[str, Any]:
        client = self.client
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        methods = described.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if "client_secret_basic" in methods:
            pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
            headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client.client_id, "client_secret": client.client_secret}
        return await self._ask("POST", described["token_endpoint"], data=form, headers=headers)

    async def _ask(self, method: str, url: str, **options: Any) -> Mapping[str, Any]:
        """Its JSON. Raises `ProviderUnavailable`, and `Unrecognised` where it refuses (400, 401, 403)."""
        now = self._clock.monotonic()
        if len(self._asked) == _MOST_A_MINUTE and now - self._asked[0] < 60:
            raise ProviderUnavailable("asked too often")
        self._asked.append(now)
        taken = bytearray()
        try:
            async with (
                asyncio.timeout(_WAIT_SECONDS),  # httpx's own timeout starts again with every byte
                httpx.AsyncClient(trust_env=False, transport=self._transport) as http,
                http.stream(method, url, **options) as answer,
            ):
                async for chunk in answer.aiter_bytes():
                    taken += chunk
                    if len(taken) > _MOST_BYTES:
                        raise ProviderUnavailable("the answer is too long")
            document = httpx.Response(answer.status_code, content=bytes(taken)).json()
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            TimeoutError,
            OSError,
            ValueError,
            RecursionError,
        ) as error:
            raise ProviderUnavailable(type(error).__name__) from error
        if answer.status_code in (400, 401, 403) and method == "POST":
            raise Unrecognised("the identity provider refused: begin again")
        if answer.status_code != httpx.codes.OK or not isinstance(document, dict):
            raise ProviderUnavailable(f"status {answer.status_code}")
        return document


def is_safe(value: object) -> bool:
    """Whether it is an address whose answers nobody on the way can change: `https`, or this machine's."""
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        host = parts.hostname if parts is not None else None
    except ValueError:
        return False
    if parts is None or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name(claims: Mapping[str, Any]) -> str:
    """How a person is shown and audited: the address that the provider has verified, and always its own name for them,
    which nobody else can have."""
    subject: str = claims["sub"]
    address = claims.get("email") if claims.get("email_verified") is True else None
    if isinstance(address, str) and 0 < len(address) <= _MOST_NAME and address.isprintable():
        return f"{address} ({subject})"
    return subject
