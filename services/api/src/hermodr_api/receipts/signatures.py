"""Who signed a report: the provider, over the very bytes of the body, a moment ago.

SendGrid: ECDSA (P-256, SHA-256) of timestamp and body
(https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features).
Resend: Standard Webhooks (https://www.standardwebhooks.com), with Svix's names of the headers.
Mails handed in by a mail server's script: a shared secret, over TLS.
Twilio: https://www.twilio.com/docs/usage/security#validating-requests.
Vonage: https://developer.vonage.com/en/getting-started/concepts/webhooks#decoding-signed-webhooks.
WhatsApp: Meta's, over the body.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Protocol
from urllib.parse import parse_qsl

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key
from jwt.types import Options
from starlette.datastructures import Headers

TOLERANCE_SECONDS = 300.0
"""How far the time of a signature may lie from ours."""
_LEAST_SECRET_BYTES = 16
_MOST_SIGNATURES = 10
_LONGEST = 2000
_MOST_FIELDS = 200
_ONLY_SIGNED: Options = {
    "verify_exp": False,  # its age is checked here, with our clock
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


class Unsigned(Exception):
    """Why a report is not believed, in words. `again`: it may come again, signed."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


class Signature(Protocol):
    def verify(self, headers: Headers, body: bytes, now: float, query: str = "") -> None:
        """`now`: seconds since 1970; `query`: of the URL that was called. Raises `Unsigned`."""
        ...


class SendGridSignature:
    """`key`: the verification key of SendGrid's Mail Settings (DER in base64, or PEM). Raises `ValueError`."""

    def __init__(self, key: str) -> None:
        try:
            pem = "-----BEGIN" in key
            loaded = load_pem_public_key(key.encode()) if pem else load_der_public_key(_unpacked(key))
        except (ValueError, TypeError) as error:
            raise ValueError("is no public key as SendGrid shows it (base64 of DER)") from error
        if not isinstance(loaded, ec.EllipticCurvePublicKey):
            raise ValueError("is no elliptic curve key as SendGrid's are")
        self._key = loaded

    def verify(self, headers: Headers, body: bytes, now: float, query: str = "") -> None:  # noqa: ARG002
        """See `Signature`."""
        signature = _only(headers, "x-twilio-email-event-webhook-signature")
        at = _only(headers, "x-twilio-email-event-webhook-timestamp")
        _timely(at, now)
        try:
            self._key.verify(_unpacked(signature), at.encode() + body, ec.ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            raise Unsigned("the signature does not fit") from None


class StandardWebhooksSignature:
    """`secret`: `whsec_…`. Raises `ValueError`."""

    def __init__(self, secret: str) -> None:
        try:
            self._secret = _unpacked(secret.removeprefix("whsec_"))
        except ValueError:
            raise ValueError("is no secret such as whsec_… (base64)") from None
        if len(self._secret) < _LEAST_SECRET_BYTES:
            raise ValueError(f"has fewer than {_LEAST_SECRET_BYTES} bytes")

    def verify(self, headers: Headers, body: bytes, now: float, query: str = "") -> None:  # noqa: ARG002
        """See `Signature`."""
        names = "svix" if "svix-id" in headers else "webhook"
        number, at, given = (_only(headers, f"{names}-{each}") for each in ("id", "timestamp", "signature"))
        _timely(at, now)
        signed = b".".join((number.encode(), at.encode(), body))
        expected = base64.b64encode(hmac.digest(self._secret, signed, hashlib.sha256))
        signatures = given.split(" ")[:_MOST_SIGNATURES]
        fits = [
            hmac.compare_digest(expected, each.removeprefix("v1,").encode())
            for each in signatures
            if each.startswith("v1,")
        ]
        if not any(fits):
            raise Unsigned("the signature does not fit")


class SharedSecret:
    """`secret`: at least 16 visible ASCII characters, sent as `Authorization: Bearer …`. Raises `ValueError`."""

    def __init__(self, secret: str) -> None:
        if len(secret) < _LEAST_SECRET_BYTES:
            raise ValueError(f"has fewer than {_LEAST_SECRET_BYTES} characters")
        if not secret.isascii() or not secret.isprintable() or " " in secret:
            raise ValueError("has other characters than visible ASCII ones")
        self._expected = f"bearer {secret}".encode()

    def verify(self, headers: Headers, body: bytes, now: float, query: str = "") -> None:  # noqa: ARG002
        """See `Signature`."""
        scheme, _, given = _only(headers, "authorization").partition(" ")
        said = f"{scheme.lower()} {given.strip()}".encode("utf-8", "replace")
        if not hmac.compare_digest(self._expected, said):
            raise Unsigned("the secret does not fit")


class MetaSignature:
    """`X-Hub-Signature-256`: HMAC-SHA256 with the app's secret over the body
    (https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications). It holds no time: a
    report that comes again is known by its ids. Raises `ValueError`."""

    def __init__(self, secret: str) -> None:
        if len(secret) < _LEAST_SECRET_BYTES:
            raise ValueError(f"has fewer than {_LEAST_SECRET_BYTES} characters")
        self._secret = secret.encode()

    def verify(self, headers: Headers, body: bytes, now: float, query: str = "") -> None:  # noqa: ARG002
        """See `Signature`."""
        given = _only(headers, "x-hub-signature-256")
        expected = f"sha256={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}"
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise Unsigned("the signature does not fit the body (the app secret?)")


class TwilioSignature:
    """HMAC-SHA1 with the account's token over the URL, as Twilio was told it, and the sorted fields of the form. It
    holds no time: a report that comes again is known by its ids."""

    def __init__(self, token: str, url: str) -> None:
        self._token = token.encode()
        self._url = url

    def verify(self, headers: Headers, body: bytes, now: float, query: str = "") -> None:  # noqa: ARG002
        """See `Signature`."""
        given = _only(headers, "x-twilio-signature")
        signed = f"{self._url}?{query}" if query else self._url
        for name, value in sorted(set(fields(body))):
            signed += name + value
        expected = base64.b64encode(hmac.digest(self._token, signed.encode(), hashlib.sha1))
        if not hmac.compare_digest(expected, given.encode()):
            raise Unsigned("the signature does not fit the URL and the form (HERMODR_PUBLIC_URL?)")


class VonageSignature:
    """A JSON Web Token (HS256) with a hash of the body among its claims. `secret`: the account's signature secret;
    `key`: its API key. Raises `ValueError`."""

    def __init__(self, secret: str, key: str) -> None:
        if len(secret.encode()) < _LEAST_SECRET_BYTES:
            raise ValueError(f"has fewer than {_LEAST_SECRET_BYTES} bytes")
        self._secret = secret
        self._key = key

    def verify(self, headers: Headers, body: bytes, now: float, query: str = "") -> None:  # noqa: ARG002
        """See `Signature`. What has no signature may be an error at Vonage, which asks for 5xx then and signs the
        next one."""
        if "authorization" not in headers:
            raise Unsigned("needs the header authorization", again=True)
        scheme, _, token = _only(headers, "authorization").partition(" ")
        if scheme.lower() != "bearer":
            raise Unsigned("needs a bearer token")
        try:
            claims = jwt.decode(token.strip(), self._secret, algorithms=["HS256"], options=_ONLY_SIGNED)
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Unsigned("the signature does not fit") from None
        if claims.get("api_key") != self._key:
            raise Unsigned("it is signed for another API key")
        issued = claims.get("iat")
        _timely(str(int(issued)) if isinstance(issued, int | float) and abs(issued) < 1e12 else "", now)
        hashed = str(claims.get("payload_hash")).lower().encode("utf-8", "replace")
        if not hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), hashed):
            raise Unsigned("the body is not what was signed")


def fields(body: bytes) -> list[tuple[str, str]]:
    """Of a form (urlencoded). Raises `Unsigned` for what is none: nobody signed that."""
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise Unsigned("the body is no form in UTF-8") from None


def _unpacked(text: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is no base64") from None


def _only(headers: Headers, name: str) -> str:
    given = headers.getlist(name)
    if len(given) != 1 or not given[0] or len(given[0]) > _LONGEST:
        raise Unsigned(f"needs the header {name}, once")
    return given[0]


def _timely(text: str, now: float) -> None:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Unsigned("the timestamp is no number of seconds")
    if abs(now - int(text)) > TOLERANCE_SECONDS:
        raise Unsigned(f"the timestamp is not within {TOLERANCE_SECONDS / 60:g} minutes of now")
