"""JSON Web Tokens (RFC 7519, RFC 8725): what must hold before one is believed.

Which algorithm fits is the key's business, never the token's: the secret verifies HS256 and nothing else, and a public
key verifies the one algorithm of its type. So no public key is ever taken for a secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.types import Options

from hermodr_contracts.names import one_line_name

MOST_BYTES = 8192
"""A token is no longer; one that is is refused before anything of it is looked at."""
LEEWAY_SECONDS = 30.0
"""How far the clocks of issuer and verifier may differ."""
SECRET_ALGORITHM = "HS256"
PUBLIC_ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
LEAST_SECRET_BYTES = 32
_MOST_NAME = 200
_LAST_SECOND = 253402300800
"""The year 10000."""
_SIGNATURE: Options = {
    "verify_exp": False,  # times are looked at here, on our clock
    "verify_nbf": False,
    "verify_iat": False,
    "verify_sub": False,
    "verify_jti": False,
    "enforce_minimum_key_length": True,
}


class Untrusted(Exception):
    """The token proves nothing; the text says why, without repeating anything of it."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a token says of itself before it is verified."""

    algorithm: str
    key_id: str | None


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: `project` is a project's name or id."""

    user_id: str
    project: str


@dataclass(frozen=True, slots=True)
class Expected:
    """Whom a token must be from and for; `None`: not looked at. A token for an audience needs one here."""

    audience: str | None = None
    issuer: str | None = None


def head_of(token: str) -> Head:
    """The unverified head. Raises `Untrusted` for what is no token or of an algorithm nobody takes here."""
    if len(token) > MOST_BYTES:
        raise Untrusted(f"the token is longer than {MOST_BYTES} bytes")
    try:
        head = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise Untrusted("this is no JSON Web Token") from None
    algorithm, key_id = head.get("alg"), head.get("kid")
    if algorithm != SECRET_ALGORITHM and (
        not isinstance(algorithm, str) or algorithm not in PUBLIC_ALGORITHMS
    ):
        taken = ", ".join([SECRET_ALGORITHM, *sorted(PUBLIC_ALGORITHMS)])
        raise Untrusted(f"tokens are signed with one of {taken}")
    return Head(algorithm, key_id if isinstance(key_id, str) else None)


def verify(token: str, key: str | jwt.PyJWK, algorithm: str, expected: Expected, now: float) -> Claims:
    """The claims of a token that `key` signed with `algorithm`, at `now` (seconds since 1970). Raises `Untrusted`."""
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            options=_SIGNATURE,
            audience=expected.audience,
            issuer=expected.issuer,
        )
    except jwt.MissingRequiredClaimError as error:
        raise Untrusted(f"the token lacks {error.claim}") from None
    except jwt.InvalidAudienceError:
        raise Untrusted("the token is not for this audience (aud)") from None
    except jwt.InvalidIssuerError:
        raise Untrusted("the token is not from this issuer (iss)") from None
    except (jwt.PyJWTError, ValueError, TypeError):
        raise Untrusted("the token's signature does not hold") from None
    _in_time(claims, now)
    return Claims(_name(claims, "sub"), _name(claims, "project"))


def _in_time(claims: Mapping[str, Any], now: float) -> None:
    expires, begins = _moment(claims, "exp"), _moment(claims, "nbf")
    if expires is None:
        raise Untrusted("the token must say when it ends (exp)")
    if now >= expires + LEEWAY_SECONDS:
        raise Untrusted("the token has expired")
    if begins is not None and now < begins - LEEWAY_SECONDS:
        raise Untrusted("the token does not hold yet (nbf)")


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LAST_SECOND:
        raise Untrusted(f"the token's {name} is no time")
    return value


def _name(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value or len(value) > _MOST_NAME:
        raise Untrusted(f"the token must have {name}, a text of 1 to {_MOST_NAME} characters")
    try:
        return one_line_name(value)
    except ValueError as error:
        raise Untrusted(f"the token's {name} {error}") from None
