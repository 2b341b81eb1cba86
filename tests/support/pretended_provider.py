"""A pretended identity provider (OpenID Connect): it logs everybody in, and lies where a test says so.

A code holds once, for the verifier and the address that it was asked for with; a client shows its secret.
"""

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.support.hook_server import Came, HookServer, hook_server

CLIENT_ID, CLIENT_SECRET = "hermodr", "s3cret of the & client"


@dataclass
class PretendedProvider:
    """`claims` are those of whoever logs in, `lies` change the ID token after that; `description` and `answer` change
    what is said of itself and with a code; `algorithm` `none` and `HS256` are lies, too. `gone`: who logged out, by
    their tokens."""

    server: HookServer
    claims: dict[str, Any]
    lies: dict[str, Any] = field(default_factory=dict)
    description: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    signed_by: rsa.RSAPrivateKey | None = None
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    gone: list[str | None] = field(default_factory=list)
    _asked: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return self.server.url("").rstrip("/")

    def settings(self, roles: str) -> dict[str, str]:
        """Of an api whose people log in here, as its environment has them."""
        return {
            "oidc_issuer": self.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": CLIENT_SECRET,
            "oidc_roles": roles,
            "oidc_name": "House Login",
        }

    def visited(self, address: str) -> str:
        """Where a browser is led that has come to this address: a code is made for what it asks."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256"), asked
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self._asked[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def left(self, address: str) -> tuple[str, str | None]:
        """Where a browser is led that has logged out at this address, and of whom its token is."""
        there = urlsplit(address)
        assert there.path == "/logout", address
        asked = dict(parse_qsl(there.query))
        assert asked["client_id"] == CLIENT_ID, asked
        token = asked.get("id_token_hint")
        who = None
        if token is not None:
            key = self.key.public_key()
            claims = jwt.decode(token, key, ["RS256"], audience=CLIENT_ID, issuer=self.issuer)
            who = claims["sub"]
        return asked["post_logout_redirect_uri"], who

    async def serve(self, came: Came, writer: asyncio.StreamWriter) -> None:
        path = urlsplit(came.path).path
        if path == "/.well-known/openid-configuration":
            _say(writer, 200, self._described() | self.description)
        elif path == "/jwks":
            _say(writer, 200, {"keys": [self._public()]})
        elif path == "/authorize":
            _say(writer, 302, {}, f"location: {self.visited(came.path)}")
        elif path == "/token":
            _say(writer, *self._exchanged(came))
        elif path == "/logout":
            back, who = self.left(came.path)
            self.gone.append(who)
            _say(writer, 302, {}, f"location: {back}")
        else:
            _say(writer, 404, {})
        await writer.drain()

    def _described(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "authorization_response_iss_parameter_supported": True,
        }

    def _public(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return document | {"kid": "k1", "use": "sig", "alg": "RS256"}

    def _exchanged(self, came: Came) -> tuple[int, dict[str, Any]]:
        form = {name: values[0] for name, values in parse_qs(came.body.decode()).items()}
        asked = self._asked.pop(form.get("code", ""), None)
        basic = base64.b64decode(came.headers.get("authorization", "").removeprefix("Basic ")).decode()
        if dict(parse_qsl(f"{basic.replace(':', '=', 1)}")).get(CLIENT_ID) != CLIENT_SECRET:
            return 401, {"error": "invalid_client"}
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        told = {"access_token": "at", "token_type": "Bearer", "id_token": self._token(asked["nonce"])}
        return 200, told | self.answer

    def _token(self, nonce: str) -> str:
        now = int(_now())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 60, "nonce": nonce}
        claims = {
            name: value for name, value in (claims | self.claims | self.lies).items() if value is not None
        }
        if self.algorithm == "none":
            return jwt.encode(claims, "", "none", headers={"kid": "k1"})
        if self.algorithm == "HS256":
            return jwt.encode(claims, CLIENT_SECRET.ljust(32), "HS256", headers={"kid": "k1"})
        return jwt.encode(claims, self.signed_by or self.key, self.algorithm, headers={"kid": "k1"})


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _say(writer: asyncio.StreamWriter, status: int, document: Mapping[str, Any], *headers: str) -> None:
    body = json.dumps(document).encode()
    lines = [
        f"HTTP/1.1 {status} X",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *headers,
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)


@asynccontextmanager
async def pretended_provider(**claims: Any) -> AsyncIterator[PretendedProvider]:
    async with hook_server() as server:
        provider = PretendedProvider(server, claims)
        server.answer = provider.serve
        yield provider
