"""Verification of JSON Web Tokens (RFC 7519, RFC 8725). The key decides the algorithm, never the token: a secret
verifies HS256 only, a public key the one algorithm of its type. So no public key can pass as a secret."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from jwt.types import Options

from hermodr_contracts.names import one_line_name

MOST_BYTES = 8192
"""Longer tokens are refused unread."""
LEEWAY_SECONDS = 30.0
"""The clocks of issuer and verifier may differ by this much."""
SECRET_ALGORITHM = "HS256"
PUBLIC_ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA"})
LEAST_SECRET_BYTES = 32
USUAL_LIFETIME = timedelta(hours=24)
_MOST_NAME = 200
_LAST_SECOND = 253402300800
"""The year 10000."""
_SIGNATURE: Options = {
    "verify_exp": False,  # checked here, with our clock
    "verify_nbf": False,
    "verify_iat": False,
    "verify_sub": False,
    "verify_jti": False,
    "enforce_minimum_key_length": True,
}


class Untrusted(Exception):
    """The message says why, without quoting the token."""


class WronglySigned(Untrusted):
    """Not by this key."""


@dataclass(frozen=True, slots=True)
class Head:
    algorithm: str
    key_id: str | None


@dataclass(frozen=True, slots=True)
class Claims:
    """The verified claims; `project` is a project's name or id, times are in seconds since 1970. At `ends_at` the token
    holds no longer."""

    user_id: str
    project: str
    ends_at: float
    issued_at: float | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """The issuer and audience a token must have; `None`: not checked, but a token with an audience needs one here.
    `lifetime`: the most between its `iat`, else now, and its `exp`."""

    audience: str | None = None
    issuer: str | None = None
    lifetime: timedelta = USUAL_LIFETIME


def head_of(token: str) -> Head:
    """Raises `Untrusted` for what is no token or has an unknown algorithm."""
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


def project_of(token: str) -> str:
    """The project that the token names, which is not verified: it only says whose keys may be tried. Raises
    `Untrusted`."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError):
        raise Untrusted("this is no JSON Web Token") from None
    return _name(claims, "project")


Key = str | jwt.PyJWK | PublicKeyTypes


def verify(token: str, key: Key, algorithm: str, expected: Expected, now: float) -> Claims:
    """`now` is in seconds since 1970. Raises `Untrusted`."""
    try:
        claims = jwt.decode(
            token,
            key,  # type: ignore[arg-type] # it takes all public keys of its algorithms
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
        raise WronglySigned("the token's signature does not hold") from None
    ends_at, issued = _in_time(claims, expected.lifetime, now)
    return Claims(_name(claims, "sub"), _name(claims, "project"), ends_at, issued)


def _in_time(claims: Mapping[str, Any], lifetime: timedelta, now: float) -> tuple[float, float | None]:
    """Until when it holds, and when it was issued, if it says so."""
    expires, begins, issued = (_moment(claims, name) for name in ("exp", "nbf", "iat"))
    if expires is None:
        raise Untrusted("the token must say when it ends (exp)")
    if now >= expires + LEEWAY_SECONDS:
        raise Untrusted("the token has expired")
    if begins is not None and now < begins - LEEWAY_SECONDS:
        raise Untrusted("the token does not hold yet (nbf)")
    if issued is not None and now < issued - LEEWAY_SECONDS:
        raise Untrusted("the token was issued in the future (iat)")
    if expires - (now + LEEWAY_SECONDS if issued is None else issued) > lifetime.total_seconds():
        hours = lifetime.total_seconds() / 3600
        raise Untrusted(f"the token holds for too long: at most {hours:g} h from iat, else from now, to exp")
    return min(expires + LEEWAY_SECONDS, _LAST_SECOND - 1), issued


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
