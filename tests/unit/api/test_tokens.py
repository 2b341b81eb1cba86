"""Which tokens are believed, and that the key decides the algorithm and never the token."""

import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from hermodr_api.access.jwks import keys_of
from hermodr_api.access.tokens import (
    LEEWAY_SECONDS,
    MOST_BYTES,
    Claims,
    Expected,
    Untrusted,
    head_of,
    project_of,
    verify,
)

SECRET = "a secret of tests that is longer than 32 bytes"
NOW = 1_900_000_000.0
DAY = 86_400.0
CLAIMS: dict[str, Any] = {"sub": "ada", "project": "shop", "exp": NOW + 60}
ANYBODY = Expected()
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def signed(**claims: object) -> str:
    return jwt.encode(CLAIMS | claims, SECRET, "HS256")


def check(token: str, expected: Expected = ANYBODY) -> Claims:
    return verify(token, SECRET, head_of(token).algorithm, expected, NOW)


def published(key: Any, kid: str | None = None, **members: object) -> dict[str, Any]:
    algorithm = {rsa.RSAPrivateKey: "RS256", ec.EllipticCurvePrivateKey: "ES256"}
    name = next((name for kind, name in algorithm.items() if isinstance(key, kind)), "EdDSA")
    made: dict[str, Any] = jwt.get_algorithm_by_name(name).to_jwk(key.public_key(), as_dict=True)
    made.pop("key_ops", None)
    return made | ({"kid": kid} if kid else {}) | members


def test_a_good_token_names_its_user_and_project() -> None:
    assert check(signed()) == Claims("ada", "shop", NOW + 60 + LEEWAY_SECONDS)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": None}, "when it ends"),
        ({"exp": NOW - 31}, "expired"),
        ({"exp": "tomorrow"}, "exp is no time"),
        ({"exp": True}, "exp is no time"),
        ({"exp": float("inf")}, "exp is no time"),
        ({"exp": 10**4000}, "exp is no time"),
        ({"nbf": NOW + 31}, "does not hold yet"),
        ({"nbf": []}, "nbf is no time"),
        ({"iat": "now"}, "iat is no time"),
        ({"iat": NOW + 31}, "issued in the future"),
        ({"iat": NOW, "exp": NOW + DAY + 1}, "at most 24 h"),
        ({"iat": NOW - 2 * DAY}, "at most 24 h"),
        ({"exp": NOW + DAY + 31}, "at most 24 h"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": "a\x00b"}, "sub"),
        ({"sub": "\ud800"}, "sub"),
        ({"sub": "x" * 201}, "sub"),
        ({"project": None}, "project"),
        ({"project": ["shop"]}, "project"),
        ({"aud": "others"}, "audience"),
    ],
)
def test_what_a_token_lacks_is_said(claims: dict[str, object], why: str) -> None:
    with pytest.raises(Untrusted, match=why):
        check(signed(**claims))


def test_clocks_may_differ_a_little() -> None:
    assert check(signed(exp=NOW - 29, nbf=NOW + 29)).user_id == "ada"


def test_a_token_holds_for_a_day_at_most() -> None:
    assert check(signed(iat=NOW - 10, exp=NOW - 10 + DAY)).issued_at == NOW - 10
    assert check(signed(exp=NOW + DAY)).issued_at is None
    week = Expected(lifetime=timedelta(days=7))
    assert check(signed(iat=NOW - 2 * DAY), week).user_id == "ada"


@given(st.floats(-3, 3), st.floats(-1, 3), st.floats(0.1, 2))
def test_no_token_outlives_its_lifetime(issued: float, expires: float, lifetime: float) -> None:
    """Whatever a token says: it is believed until its lifetime after it was issued at most, and not before that."""
    token = signed(iat=NOW + issued * DAY, exp=NOW + expires * DAY)
    try:
        check(token, Expected(lifetime=timedelta(days=lifetime)))
    except Untrusted:
        return
    assert issued * DAY <= 30
    assert expires <= issued + lifetime + 1e-6
    assert expires * DAY > -30


def test_the_project_is_read_of_a_token_nobody_has_verified() -> None:
    assert project_of(signed() + "x") == "shop"
    for token in ("a.b.c", signed(project=None), signed(project=7)):
        with pytest.raises(Untrusted):
            project_of(token)


def test_audience_and_issuer_are_held_to() -> None:
    expected = Expected("hermodr", "https://id.example/")
    assert check(signed(aud=["x", "hermodr"], iss="https://id.example/"), expected).user_id == "ada"
    for claims, why in (
        ({"aud": "hermodr"}, "iss"),
        ({"iss": "https://id.example/"}, "aud"),
        ({"aud": "hermodr", "iss": "https://evil.example/"}, "issuer"),
        ({"aud": "x", "iss": "https://id.example/"}, "audience"),
    ):
        with pytest.raises(Untrusted, match=why):
            check(signed(**claims), expected)


def unsigned(algorithm: str) -> str:
    parts = ({"typ": "JWT", "alg": algorithm}, CLAIMS)
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts), ""]
    )


@pytest.mark.parametrize("algorithm", ["none", "None", "HS512", "RS512", "PS256", "", "hs256"])
def test_other_algorithms_are_not_looked_at(algorithm: str) -> None:
    with pytest.raises(Untrusted, match="signed with one of"):
        head_of(unsigned(algorithm))


def test_a_token_without_its_signature_is_refused() -> None:
    with pytest.raises(Untrusted, match="signature"):
        check(unsigned("HS256"))
    with pytest.raises(Untrusted, match="signature"):
        check(signed()[:-4] + "AAAA")


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "....", "é.é.é", "e30.e30.", "e30.e30.e30"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(Untrusted):
        check(token)


def test_a_token_too_long_is_not_read() -> None:
    with pytest.raises(Untrusted, match="longer than"):
        head_of(signed(more="x" * MOST_BYTES))


def test_a_public_key_is_never_taken_for_a_secret() -> None:
    """The classic confusion: the published key as the HMAC secret, in every form it is published in."""
    ((_, key),) = keys_of(json.dumps({"keys": [published(RSA, "a")]}).encode())
    public = RSA.public_key()
    for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER):
        secret = public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
        forged = _hmac(secret)
        with pytest.raises(Untrusted):
            verify(forged, key, head_of(forged).algorithm, ANYBODY, NOW)
        with pytest.raises(Untrusted):
            verify(forged, key, "RS256", ANYBODY, NOW)


def _hmac(secret: bytes) -> str:
    """Signed with whatever bytes; the library would refuse to take a public key for it."""
    algorithm = jwt.get_algorithm_by_name("HS256")
    text = jwt.encode(CLAIMS, SECRET, "HS256").rpartition(".")[0]
    made = algorithm.sign(text.encode(), secret)
    return f"{text}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


@pytest.mark.parametrize(("private", "algorithm"), [(RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA")])
def test_published_keys_verify_their_own_algorithm_alone(private: Any, algorithm: str) -> None:
    ((name, key),) = keys_of(json.dumps({"keys": [published(private, "a")]}).encode())
    token = jwt.encode(CLAIMS, private, algorithm, headers={"kid": "a"})
    assert name == "a"
    assert verify(token, key, head_of(token).algorithm, ANYBODY, NOW).user_id == "ada"
    for other in {"RS256", "ES256", "EdDSA"} - {algorithm}:
        with pytest.raises(Untrusted):
            verify(token, key, other, ANYBODY, NOW)


def test_keys_for_other_purposes_are_passed_over() -> None:
    weak = {"kty": "oct", "k": base64.urlsafe_b64encode(SECRET.encode()).decode(), "kid": "a", "alg": "HS256"}
    keys = [
        weak,
        published(RSA, "b", use="enc"),
        published(RSA, "c", alg="RS512"),
        published(RSA, "d", alg="HS256"),
        published(EC, "e", crv="P-521"),
        published(EC, "f", key_ops=["sign"]),
        published(EC, "g") | {"d": "AAAA"},
        published(EC, "h") | {"x": "?"},
        {"kty": ["RSA"]},
        "nonsense",
        published(ED, "good", use="sig", alg="EdDSA", key_ops=["verify"]),
    ]
    assert [name for name, _ in keys_of(json.dumps({"keys": keys}).encode())] == ["good"]
